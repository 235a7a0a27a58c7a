@preconcurrency import Glibc
import ResNet
import Synchronization

/// Standard output and standard error as others rely on them: what was not written is an error, too.
enum StandardStreams {
  /// Whether this process says what all would say that train together.
  static let speaksForAll = Atomic<Bool>(true)

  /// To be called first.
  static func prepare() {
    // A file that is opened later must not come in the place of one that is closed, and get its text.
    for stream in STDIN_FILENO...STDERR_FILENO where fcntl(stream, F_GETFD) == -1 {
      _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
    // Lines as wholes, among those of other processes.
    setvbuf(stderr, nil, _IOLBF, Int(BUFSIZ))
    on_exit(
      { status, _ in
        errno = 0
        guard fflush(stdout) != 0 || ferror(stdout) != 0 else { return }
        let reason = errno == 0 ? "" : ": \(String(cString: strerror(errno)))"
        printError("Error: cannot write all of standard output\(reason)")
        if status == 0 { _exit(1) }
      }, nil)
  }
}

/// Writes a line to standard error.
func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

/// Writes what may be wrong to standard error; of processes that train together one does.
func warn(_ text: String) {
  if StandardStreams.speaksForAll.load(ordering: .relaxed) { printError("warning: \(text)") }
}

/// Tries what may fail without an end to the rest.
func warning(_ attempt: () throws(ResNetError) -> Void) {
  do throws(ResNetError) {
    try attempt()
  } catch {
    warn(error.message)
  }
}
