import Glibc
import ResNet

/// Shows how training goes on standard error: on a terminal a line that is rewritten, and one that stays for
/// each epoch; elsewhere plain lines, one per epoch or, where epochs are long, per five minutes.
final class ProgressDisplay {
  private let validation: String
  private let total: Int
  /// Images a second that would be the processor's peak.
  private let peak: Double
  private let terminal = Terminal()
  private let clock = ContinuousClock()
  /// When what comes next began; nil of the first, before which images may be read for long.
  private var begun: ContinuousClock.Instant?
  private var lastShown: ContinuousClock.Instant
  /// What was done since the display began. A few steps before a long evaluation must not be taken for as
  /// long as that.
  private var steps = Pace()
  private var evaluations = Pace()
  /// Of the epochs: of the images that are evaluated or, if none are, in training.
  private var errors: [Double]
  /// Whether the terminal's line is not ended.
  private var isOpen = false

  /// For a training of `total` steps that has come to `history`, and would do `peak` images a second if it
  /// were multiply-adds in registers and nothing else. `validation` is what the images are called that are
  /// evaluated after each epoch.
  init(total: Int, history: TrainingHistory, peak: Double, validation: String) {
    self.total = total
    self.peak = peak
    self.validation = validation
    errors = history.rows.map(\.error)
    lastShown = clock.now
  }

  func show(_ progress: Progress) {
    let seconds = begun.map { (clock.now - $0) / .seconds(1) }
    if progress.epochEnded {
      evaluations.add(seconds)
      errors.append(progress.error)
      let line = line(progress)
      write(
        terminal.map { "\r\u{1B}[K\($0.shortened(line).text)\n" } ?? line.text + "\n",
        to: STDERR_FILENO)
      isOpen = false
      lastShown = clock.now
      return
    }
    steps.add(seconds)
    if let terminal {
      rewrite(terminal, line(progress))
    } else if clock.now - lastShown >= .seconds(300) {
      lastShown = clock.now
      write(line(progress).text + "\n", to: STDERR_FILENO)
    }
  }

  /// What was reported is dealt with, and training goes on.
  func goOn() { begun = clock.now }

  /// Shows how far is what is done between the steps of training, which may take long.
  func note(_ step: Step) {
    guard let terminal, step.activity != .training else { return }
    var line = Line()
    line.add("\(step.activity.rawValue) images, \(step.done)/\(step.total)")
    rewrite(terminal, line)
  }

  private func rewrite(_ terminal: Terminal, _ line: @autoclosure () -> Line) {
    guard clock.now - lastShown >= .milliseconds(100) else { return }
    lastShown = clock.now
    write("\r\u{1B}[K\(terminal.fitting(line()))", to: STDERR_FILENO)
    isOpen = true
  }

  /// Leaves the line, if an epoch has begun that will not end.
  func end() {
    if isOpen { write("\n", to: STDERR_FILENO) }
    isOpen = false
  }

  private func line(_ progress: Progress) -> Line {
    var line = Line()
    line.add("epoch \(progress.epoch)/\(progress.epochs)")
    if !progress.epochEnded {
      if let terminal {
        line.add(
          terminal.bar(Double(progress.step) / Double(progress.steps), length: 12), importance: 1)
      } else {
        line.add("step \(progress.step)/\(progress.steps)")
      }
    }
    line.add("loss \(fixed(progress.loss, decimals: 4))")
    let isLive = terminal != nil && !progress.epochEnded
    line.add("\(isLive ? "error" : "training error") \(percent(1 - progress.accuracy))")
    if let result = progress.validation {
      line.add("\(validation) error \(percent(1 - result.accuracy))")
    }
    line.add("\(fixed(progress.imagesPerSecond, decimals: 0)) images/s", importance: 4)
    let share = 100 * progress.imagesPerSecond / peak
    line.add("\(fixed(share, decimals: 0))% of peak", importance: 2)
    if let left = timeLeft(progress) { line.add("\(left) left", importance: 3) }
    if let terminal, errors.count > 1 {
      line.add(terminal.sparkline(errors.suffix(16)), importance: 0)
    }
    return line
  }

  /// What the steps and evaluations so far say of those to come.
  private func timeLeft(_ progress: Progress) -> String? {
    guard let step = steps.average, progress.iteration < total else { return nil }
    let epochs = progress.epochs - progress.epoch + (progress.epochEnded ? 0 : 1)
    return clockTime(
      Double(total - progress.iteration) * step + Double(epochs) * (evaluations.average ?? 0))
  }
}

/// How long something takes that is done again and again.
private struct Pace {
  private var count = 0.0
  private var seconds = 0.0

  mutating func add(_ more: Double?) {
    guard let more else { return }
    count += 1
    seconds += more
  }

  /// In seconds; nil if it was never done.
  var average: Double? { count > 0 ? seconds / count : nil }
}

extension Progress {
  /// As ``TrainingHistory/Row/error``.
  fileprivate var error: Double { 1 - (validation?.accuracy ?? accuracy) }
}

/// Seconds, 0 or more, as `1:02:03`, or `2:03` below an hour.
func clockTime(_ seconds: Double) -> String {
  let whole = Int(max(0, min(seconds, 1e9)).rounded())
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let (hours, minutes) = (whole / 3600, whole / 60 % 60)
  return (hours > 0 ? "\(hours):\(two(minutes))" : "\(minutes)") + ":\(two(whole % 60))"
}

/// The parts of a line, of which the least important are left out where there is no room.
private struct Line {
  private var parts: [(text: String, importance: Int)] = []

  mutating func add(_ text: String, importance: Int = .max) { parts.append((text, importance)) }

  var text: String { parts.map(\.text).joined(separator: "  ") }

  func shortened(to width: Int) -> Line {
    var line = self
    while line.text.count > width,
      let least = line.parts.indices.min(by: {
        line.parts[$0].importance < line.parts[$1].importance
      }),
      line.parts[least].importance < .max
    {
      line.parts.remove(at: least)
    }
    return line
  }
}

/// The terminal that standard error is.
private struct Terminal {
  /// Whether it shows more characters than ASCII's.
  private let isUnicode: Bool

  /// Nil if it is none, or one that cannot rewrite a line.
  init?() {
    func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    guard isatty(STDERR_FILENO) == 1, variable("TERM") != "dumb" else { return nil }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).first { !$0.isEmpty } ?? ""
    isUnicode = ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
  }

  /// One column stays free: some terminals go to the next line after the last.
  private var width: Int {
    var size = winsize()
    let columns = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
    return columns > 0 ? columns - 1 : 79
  }

  /// What matters of a line, on more than one of the terminal's if need be.
  func shortened(_ line: Line) -> Line { line.shortened(to: width) }

  /// What can be rewritten.
  func fitting(_ line: Line) -> String { String(shortened(line).text.prefix(width)) }

  func bar(_ share: Double, length: Int) -> String {
    let done = Int((share * Double(length)).rounded(.down))
    let (full, empty) = isUnicode ? ("━", "─") : ("#", "-")
    return String(repeating: full, count: done) + String(repeating: empty, count: length - done)
  }

  /// Values as blocks of their height between the least and the greatest.
  func sparkline(_ values: ArraySlice<Double>) -> String {
    let blocks = isUnicode ? Array("▁▂▃▄▅▆▇█") : Array("_.-=*#")
    guard let least = values.min(), let most = values.max(), most > least else { return "" }
    return String(
      values.map { value in
        blocks[Int(((value - least) / (most - least) * Double(blocks.count - 1)).rounded())]
      })
  }
}
