import Glibc

/// Reads pieces of a file that is open; it may shrink meanwhile, which is an error like any other.
final class FileReader {
  /// As it was opened.
  let path: String
  private let descriptor: Int32
  private let status: stat

  /// Takes over an open file, of which `fstat` says `status`.
  init(_ path: String, _ descriptor: Int32, _ status: stat) {
    self.path = path
    self.descriptor = descriptor
    self.status = status
  }

  deinit { close(descriptor) }

  /// Bytes.
  var size: Int { Int(status.st_size) }

  /// Whether `path` names this file, of the size it had when it was opened.
  func isStill(at path: String) -> Bool {
    var now = stat()
    return stat(path, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino
      && now.st_size == status.st_size
  }

  func bytes(_ offset: Int, _ count: Int) throws(ResNetError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let outcome = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try fill(buffer, from: offset) }
    }
    try outcome.get()
    return bytes
  }

  func add(_ range: Range<Int>, to checksum: inout CRC32) throws(ResNetError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(range.count, 1 << 20), alignment: 64)
    defer { buffer.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, range.upperBound - offset)])
      try fill(piece, from: offset)
      checksum.add(UnsafeRawBufferPointer(piece))
      offset += piece.count
    }
  }

  /// Fills the buffer with the file's bytes from `offset` on.
  func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int)
    throws(ResNetError)
  {
    var done = 0
    while done < buffer.count {
      let count = pread(
        descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw AtomicFile.systemError("cannot read the file") }
      guard count > 0 else {
        throw ResNetError(.inputOutput, "the file became shorter while it was read")
      }
      done += count
    }
  }
}
