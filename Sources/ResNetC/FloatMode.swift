import CKernels
import Glibc

/// The mode of floating-point arithmetic (rounding, denormal numbers, traps) is the host's. The library
/// computes in the default one, so that its results are the same in every host and nothing traps; what
/// it calls back finds the host's.
enum FloatMode {
  /// The host's mode, while this thread is in the library. A mode of 0 needs no place, as it is the
  /// default one where it exists.
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, nil) == 0 ? key : nil
  }()

  /// Runs the body of a call of the library.
  static func ours<Result>(_ body: () -> Result) -> Result {
    let host = rk_float_mode_enter()
    defer { rk_float_mode_leave(host) }
    guard let key else { return body() }
    let outer = pthread_getspecific(key)
    pthread_setspecific(key, UnsafeRawPointer(bitPattern: UInt(host)))
    defer { pthread_setspecific(key, outer) }
    return body()
  }

  /// Runs a callback.
  static func hosts<Result>(_ body: () -> Result) -> Result {
    guard let key, let host = pthread_getspecific(key) else { return body() }
    let ours = rk_float_mode_enter()
    rk_float_mode_leave(UInt64(UInt(bitPattern: host)))
    defer { rk_float_mode_leave(ours) }
    return body()
  }
}
