import Glibc
import ResNet
import Synchronization

/// Ctrl-C (SIGINT) and SIGTERM while something is done that can be stopped: the first is noted, and what
/// is watched stops at its next step; the second ends the process as usual.
struct Interruption {
  /// The number of the signal that came, or 0.
  private static let noted = Atomic<CInt>(0)
  private static let signals = [SIGINT, SIGTERM]

  /// Runs `body`, which stops at its next step, by throwing `cancelled`, once a signal has come.
  ///
  /// Returns the signal that stopped it, if one did: what had come to its end is not stopped. Of processes
  /// that train together one may hear of it by the others first, which is taken for SIGTERM.
  static func watch(_ body: () throws(ResNetError) -> Void) throws(ResNetError) -> CInt? {
    let before = signals.map { number in
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { Interruption.noted.store($0, ordering: .relaxed) }
      action.sa_flags = SA_RESTART | CInt(bitPattern: UInt32(SA_RESETHAND))
      var old = sigaction()
      sigaction(number, nil, &old)
      // Whoever started this with signals ignored, as nohup does, wants that.
      let isIgnored = unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !isIgnored { sigaction(number, &action, nil) }
      return old
    }
    defer {
      for (number, old) in zip(signals, before) {
        var old = old
        sigaction(number, &old, nil)
      }
    }
    do throws(ResNetError) {
      try withStepWatcher({ _ in noted.load(ordering: .relaxed) == 0 }, body)
      return nil
    } catch {
      guard error.kind == .cancelled else { throw error }
      let signal = noted.load(ordering: .relaxed)
      return signal == 0 ? SIGTERM : signal
    }
  }

  /// What it was that stopped this process, in words.
  static var cause: String {
    switch noted.load(ordering: .relaxed) {
    case 0: "a signal to another process"
    case SIGINT: "SIGINT"
    default: "SIGTERM"
    }
  }
}
