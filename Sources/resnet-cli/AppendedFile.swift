import Glibc
import ResNet

/// A file that is written part by part. Where a part cannot be written, the next one takes its place.
final class AppendedFile {
  private let path: String
  private let file: Int32
  /// Bytes of the whole parts.
  private var length = 0
  /// Whether a piece of a part follows them.
  private var isBroken = false

  /// Opens it, or makes it; `flags` are more of those that `open` takes.
  init(_ path: String, _ flags: Int32 = 0) throws(ResNetError) {
    self.path = path
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o666)
    guard file >= 0 else { throw error() }
  }

  deinit { close(file) }

  /// Takes all out of it.
  func empty() {
    // Of what is no file, such as a pipe, nothing can be taken back.
    ftruncate(file, 0)
    lseek(file, 0, SEEK_SET)
    (length, isBroken) = (0, false)
  }

  func add(_ part: [UInt8]) throws(ResNetError) {
    if isBroken, ftruncate(file, length) == 0 { lseek(file, length, SEEK_SET) }
    isBroken = !write(part, to: file)
    if isBroken { throw error() }
    length += part.count
  }

  private func error() -> ResNetError {
    ResNetError(.inputOutput, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
