import Glibc

/// Runs `body` with SIGXFSZ kept from the host: a write beyond the limit on the size of files (`ulimit -f`)
/// is then an error like any other, EFBIG, and not the end of the process. Mask and handlers are as before
/// afterwards.
func withoutFileSizeSignal(_ body: () throws(ResNetError) -> Void) throws(ResNetError) {
  var signal = sigset_t()
  sigemptyset(&signal)
  sigaddset(&signal, SIGXFSZ)
  var pending = sigset_t()
  sigpending(&pending)
  let wasPending = sigismember(&pending, SIGXFSZ) == 1
  var before = sigset_t()
  pthread_sigmask(SIG_BLOCK, &signal, &before)
  defer {
    // The system sends it to the thread that writes.
    var now = timespec()
    if !wasPending { while sigtimedwait(&signal, nil, &now) == -1 && errno == EINTR {} }
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }
  try body()
}
