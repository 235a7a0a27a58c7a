import CKernels
import Glibc
import Synchronization

/// What the library would tell a host's log: nothing, unless it is asked to.
public enum Log {
  /// How much a message matters, the most important first.
  public enum Level: Int, CaseIterable, Comparable, Sendable {
    /// Something was worked around: a damaged image left out, a thread that the system refused.
    case warning = 1
    /// What happened: a model loaded or saved, an epoch's results, a new learning rate.
    case info
    /// How: threads started, the memory of a plan.
    case debug

    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  public typealias Handler = @Sendable (Level, String) -> Void

  /// Hands messages of `level` and of the more important levels to `handler`, in the whole process; nil
  /// for none, as at first. A message is one line: control characters, of a path for example, come as
  /// `\n` or `\u{1b}`. What an earlier handler was called for is over when this returns.
  ///
  /// The handler is called on whichever thread has something to tell, one call at a time. It must not
  /// call the library, but for its errors' messages: a message of its own is dropped, and setting a
  /// handler there throws `invalidArgument`.
  public static func set(_ level: Level, _ handler: Handler?) throws(ResNetError) {
    guard !isInHandler else {
      throw ResNetError(.invalidArgument, "a log's handler cannot set another handler")
    }
    locked {
      current = handler.map(Box.init)
      threshold.store(handler == nil ? 0 : level.rawValue, ordering: .relaxed)
    }
    info { "libresnet \(libraryVersion), \(description), threads to compute: \(Engine.threads)" }
  }

  package static func warning(_ message: () -> String) { log(.warning, message) }
  package static func info(_ message: () -> String) { log(.info, message) }
  package static func debug(_ message: () -> String) { log(.debug, message) }

  // MARK: Private

  private final class Box: Sendable {
    let handler: Handler
    init(_ handler: @escaping Handler) { self.handler = handler }
  }

  /// The least important level that is wanted; 0 for none.
  private static let threshold = Atomic<Int>(0)
  /// Used with the lock alone.
  private nonisolated(unsafe) static var current: Box?
  /// The thread that is in the handler, or else 0.
  private static let caller = Atomic<UInt>(0)

  private static var isInHandler: Bool { caller.load(ordering: .relaxed) == pthread_self() }

  private static func log(_ level: Level, _ message: () -> String) {
    guard level.rawValue <= threshold.load(ordering: .relaxed), !isInHandler else { return }
    let text = onOneLine(message())
    locked {
      guard let current, level.rawValue <= threshold.load(ordering: .relaxed) else { return }
      caller.store(pthread_self(), ordering: .relaxed)
      current.handler(level, text)
      caller.store(0, ordering: .relaxed)
    }
  }

  /// A path may hold any character, and must not be able to forge a message of its own.
  package static func onOneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.reduce(into: "") { line, scalar in
      switch scalar {
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      case "\t": line += "\\t"
      case _ where isControl(scalar): line += "\\u{\(String(scalar.value, radix: 16))}"
      default: line.unicodeScalars.append(scalar)
      }
    }
  }

  /// Those of C0, C1 and DEL, and Unicode's separators of lines and paragraphs.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: true
    default: false
    }
  }

  /// Held while the handler runs. A fork does not wait for it, as the handler may need what the forking
  /// thread has, such as an interpreter's lock: the child makes it anew.
  private nonisolated(unsafe) static let mutex: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
  }()

  private static func startAnewAfterFork() {
    // The thread that forked may be in the handler, and then has the lock in the child as well.
    guard !isInHandler else { return }
    pthread_mutex_init(mutex, nil)
    caller.store(0, ordering: .relaxed)
  }

  private static func locked(_ body: () -> Void) {
    let mutex = mutex
    rk_in_forked_child(RK_CHILD_LOG) { Log.startAnewAfterFork() }
    pthread_mutex_lock(mutex)
    body()
    pthread_mutex_unlock(mutex)
  }

  private static var description: String {
    do throws(ResNetError) {
      return "instruction set \(try Engine.instructionSet())"
    } catch {
      return "no instruction set: \(error.message)"
    }
  }
}

extension Log {
  /// Runs `body`, which is to load or save a model, and tells what became of it.
  package static func timed<Result>(
    _ what: String, _ path: String, _ body: () throws(ResNetError) -> Result
  ) throws(ResNetError) -> Result {
    let start = monotonicSeconds()
    let result = try body()
    info {
      var status = stat()
      let bytes = stat(path, &status) == 0 ? "\(status.st_size) bytes" : "size unknown"
      return "\(what) \(path): \(bytes) in \(decimals(monotonicSeconds() - start, 3)) s"
    }
    return result
  }

  /// A number with so many decimals, at least 1, whatever the locale.
  package static func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    let scale = (0..<count).reduce(1) { power, _ in power * 10 }
    let whole = Int((abs(value) * Double(scale)).rounded())
    let fraction = "\(whole % scale)"
    let sign = value < 0 && whole > 0 ? "-" : ""
    return sign + "\(whole / scale)."
      + String(repeating: "0", count: count - fraction.utf8.count) + fraction
  }
}

func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
