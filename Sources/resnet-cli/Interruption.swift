import Glibc
import ResNet
import Synchronization

/// Ctrl-C (SIGINT), SIGTERM, the loss of the terminal (SIGHUP) and of whoever reads what is shown (SIGPIPE) from
/// the first time on that something is done that can be stopped: the first signal is noted, and what is watched stops at
/// its next step. What is not watched, as saving, comes to its end. A second Ctrl-C or SIGTERM ends the process as
/// usual.
struct Interruption {
  /// The number of the signal that came, or 0.
  private static let noted = Atomic<CInt>(0)
  private static let names = [
    SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP", SIGPIPE: "SIGPIPE",
  ]

  /// They stay: a first signal is not to end what saves, either, and a lost terminal or reader never is.
  private static let handlers: Void = {
    for number in names.keys {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        // Of what it interrupts.
        let code = errno
        defer { errno = code }
        // The first is what it is stopped by.
        _ = Interruption.noted.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        // Whoever asks sees that it was heard, as a step may take long.
        guard number == SIGINT || number == SIGTERM,
          StandardStreams.speaksForAll.load(ordering: .relaxed)
        else { return }
        let note: StaticString = "\nstopping after this step; a second time ends it at once\n"
        _ = write(STDERR_FILENO, note.utf8Start, note.utf8CodeUnitCount)
      }
      action.sa_flags = SA_RESTART
      if number == SIGINT || number == SIGTERM {
        action.sa_flags |= CInt(bitPattern: UInt32(SA_RESETHAND))
      }
      var old = sigaction()
      sigaction(number, nil, &old)
      // Whoever started this with signals ignored, as nohup does, wants that.
      let isIgnored = unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !isIgnored { sigaction(number, &action, nil) }
    }
  }()

  /// Runs `body`, which stops at its next step, by throwing `cancelled`, once a signal has come. `watcher` is told
  /// of the steps.
  ///
  /// Returns the signal that stopped it, if one did: what had come to its end is not stopped. Of processes
  /// that train together one may hear of it by the others first, which is taken for SIGTERM.
  static func watch(
    _ watcher: @escaping (Step) -> Void = { _ in }, _ body: () throws(ResNetError) -> Void
  ) throws(ResNetError) -> CInt? {
    _ = handlers
    do throws(ResNetError) {
      try withStepWatcher(
        { step in
          watcher(step)
          return noted.load(ordering: .relaxed) == 0
        }, body)
      return nil
    } catch {
      guard error.kind == .cancelled else { throw error }
      let signal = noted.load(ordering: .relaxed)
      return signal == 0 ? SIGTERM : signal
    }
  }

  /// What it was that stopped this process, in words.
  static var cause: String {
    names[noted.load(ordering: .relaxed)] ?? "a signal to another process"
  }
}
