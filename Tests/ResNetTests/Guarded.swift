import Glibc

@testable import ResNet

/// A value that threads use in turn. `Mutex` would do, but that ThreadSanitizer does not see who has it after whom
/// where a thread waited for it.
final class Guarded<Value>: @unchecked Sendable {
  private let lock = Lock()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    while !lock.tryLock() { usleep(20) }
    defer { lock.unlock() }
    return try body(&value)
  }
}
