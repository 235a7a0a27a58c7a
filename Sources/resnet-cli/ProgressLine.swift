import Glibc
import ResNet

/// Shows how training goes on standard error: one line that is rewritten on a terminal, one line
/// per epoch elsewhere, so that logs stay short.
final class ProgressLine {
  private let validation: String
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let clock = ContinuousClock()
  private var lastShown: ContinuousClock.Instant?
  /// Whether the terminal's line is not ended.
  private var isOpen = false

  /// `validation` is what the images are called that are evaluated after each epoch.
  init(validation: String) { self.validation = validation }

  func show(_ progress: Progress) {
    if progress.epochEnded {
      write(isTerminal ? "\r\u{1B}[K\(text(progress))\n" : "\(text(progress))\n")
      isOpen = false
    } else if isTerminal, isDue() {
      isOpen = true
      write("\r\u{1B}[K\(text(progress))")
    }
  }

  /// Leaves the line, if an epoch has begun that will not end.
  func end() {
    if isOpen { write("\n") }
    isOpen = false
  }

  /// At most ten times a second: a terminal is slower than a small network.
  private func isDue() -> Bool {
    let now = clock.now
    if let lastShown, now - lastShown < .milliseconds(100) { return false }
    lastShown = now
    return true
  }

  private func text(_ progress: Progress) -> String {
    var parts = ["epoch \(progress.epoch)/\(progress.epochs)"]
    if !progress.epochEnded { parts.append("step \(progress.step)/\(progress.steps)") }
    parts += [
      "loss \(fixed(progress.loss, decimals: 4))",
      "training accuracy \(percent(progress.accuracy))",
    ]
    if let validation = progress.validation {
      parts.append("\(self.validation) accuracy \(percent(validation.accuracy))")
    }
    parts += ["\(fixed(progress.imagesPerSecond, decimals: 0)) images/s"]
    return parts.joined(separator: "  ")
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
