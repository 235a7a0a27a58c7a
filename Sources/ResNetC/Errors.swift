// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import CReserve
import Glibc
import ResNet

/// A failure that only callers of the C API can have; all others are `ResNetError`s.
struct Failure: Error {
  let status: rn_status
  let message: String

  init(_ status: rn_status, _ message: String) {
    self.status = status
    self.message = message
  }
}

/// Runs the body of a C function: turns what it throws into a status, and keeps the message for
/// `rn_last_error`.
func guarded(isFreeing: Bool = false, _ body: () throws -> Void) -> rn_status {
  // What it says is of the host's last call, not of ours.
  let hostsError = errno
  defer { errno = hostsError }
  // The runtime's own small objects must find memory, whatever happens from here on. Whoever frees
  // something makes room.
  guard isFreeing || rr_prepare() == 0 else {
    LastError.setReserveMissing()
    return RN_OUT_OF_MEMORY
  }
  return FloatMode.ours {
    do {
      try body()
      return RN_OK
    } catch let failure as Failure {
      LastError.set(failure.message)
      return failure.status
    } catch let error as ResNetError {
      LastError.set(error.message)
      return status(of: error.kind)
    } catch {
      LastError.set("\(error)")
      return RN_INVALID_ARGUMENT
    }
  }
}

private func status(of kind: ResNetError.Kind) -> rn_status {
  switch kind {
  case .invalidArgument: RN_INVALID_ARGUMENT
  case .shapeMismatch: RN_SHAPE_MISMATCH
  case .notFound: RN_NOT_FOUND
  case .inputOutput: RN_IO_ERROR
  case .badFormat: RN_BAD_FORMAT
  case .outOfMemory: RN_OUT_OF_MEMORY
  case .notFinite: RN_NOT_FINITE
  case .cancelled: RN_CANCELLED
  case .communication: RN_COMMUNICATION
  }
}

/// The message of each thread's last failure: a C string that the thread owns and that is freed
/// when it ends.
private enum LastError {
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, { LastError.dispose($0) }) == 0 ? key : nil
  }()

  static func set(_ message: String) { replace(by: UnsafePointer(strdup(message))) }

  /// Nothing can be allocated for this one.
  static func setReserveMissing() { replace(by: reserveMissing) }

  private static var reserveMissing: UnsafePointer<CChar> {
    constant(
      "could not allocate the 16777216 bytes of address space that must be there before a call begins"
    )
  }

  private static func replace(by message: UnsafePointer<CChar>?) {
    guard let key else { return }
    dispose(pthread_getspecific(key))
    pthread_setspecific(key, message)
  }

  private static func dispose(_ message: UnsafeMutableRawPointer?) {
    if message != UnsafeMutableRawPointer(mutating: reserveMissing) { free(message) }
  }

  static var current: UnsafePointer<CChar> {
    guard let key else {
      return constant("no error message: the process has no thread-specific key left")
    }
    guard let message = pthread_getspecific(key) else { return constant("") }
    return UnsafePointer(message.assumingMemoryBound(to: CChar.self))
  }
}

/// A literal as a C string that is never freed.
func constant(_ literal: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func rn_last_error() -> UnsafePointer<CChar>? { LastError.current }

@c @implementation
public func rn_status_string(_ status: rn_status) -> UnsafePointer<CChar>? {
  switch status {
  case RN_OK: constant("ok")
  case RN_INVALID_ARGUMENT: constant("invalid argument")
  case RN_INVALID_HANDLE: constant("invalid handle")
  case RN_SHAPE_MISMATCH: constant("shape mismatch")
  case RN_NOT_FOUND: constant("not found")
  case RN_IO_ERROR: constant("input/output error")
  case RN_BAD_FORMAT: constant("bad format")
  case RN_OUT_OF_MEMORY: constant("out of memory")
  case RN_NOT_FINITE: constant("not finite")
  case RN_CANCELLED: constant("cancelled")
  case RN_BUFFER_TOO_SMALL: constant("buffer too small")
  case RN_BUSY: constant("busy")
  case RN_COMMUNICATION: constant("communication failed")
  default: constant("unknown status")
  }
}
