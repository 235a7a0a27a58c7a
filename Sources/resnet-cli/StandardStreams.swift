@preconcurrency import Glibc

/// Standard output and standard error as others rely on them: what was not written is an error, too.
enum StandardStreams {
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
