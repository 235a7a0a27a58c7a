import Glibc
import ResNet

/// A regular file opened for reading.
final class InputFile {
  let path: String
  /// Bytes, when it was opened.
  let size: Int
  private let descriptor: CInt

  /// Throws `notFound` if there is no such file, `inputOutput` if it cannot be opened, `badFormat` if it
  /// is something else, such as a directory.
  init(_ path: String) throws(ResNetError) {
    guard !path.utf8.contains(0) else {
      throw ResNetError(.invalidArgument, "a path must not contain a zero byte")
    }
    self.path = path
    var descriptor: CInt
    // Not blocking: a pipe of that name must not keep the caller waiting for a writer.
    repeat {
      descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else {
      let code = errno
      throw ResNetError(
        code == ENOENT || code == ENOTDIR ? .notFound : .inputOutput,
        "\(path) cannot be opened: \(describe(code))")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw ResNetError(.inputOutput, "\(path) cannot be examined: \(describe(code))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      throw ResNetError(
        .badFormat, "\(path) is \(isDirectory ? "a directory" : "not a regular file")")
    }
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the next bytes. Throws `badFormat` if the file ends before.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ResNetError) {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let result = Glibc.read(descriptor, rest.baseAddress, rest.count)
      if result < 0 {
        let code = errno
        if code == EINTR { continue }
        throw ResNetError(.inputOutput, "\(path) cannot be read: \(describe(code))")
      }
      guard result > 0 else {
        throw ResNetError(
          .badFormat, "\(path) became shorter than its \(size) bytes while it was read")
      }
      filled += result
    }
  }
}

/// The system's words for an error number.
func describe(_ code: CInt) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
    // Unlike strerror, this may be called from any thread.
    guard let start = text.baseAddress, strerror_r(code, start, text.count) == 0 else {
      return "error \(code)"
    }
    return String(cString: start)
  }
}
