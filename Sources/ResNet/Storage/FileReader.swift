import Glibc

/// Reads pieces of a file that is open; it may shrink meanwhile, which is an error like any other.
package final class FileReader: Sendable {
  /// What says that two files which were opened are one.
  struct Identity: Hashable {
    let device: dev_t
    let number: ino_t
    let size: Int

    init(_ status: stat) {
      (device, number, size) = (status.st_dev, status.st_ino, Int(status.st_size))
    }
  }

  /// As it was opened.
  package let path: String
  /// Bytes, when it was opened.
  package var size: Int { identity.size }
  let identity: Identity
  private let descriptor: Int32

  /// Takes over an open file, of which `fstat` says `status`.
  init(_ path: String, _ descriptor: Int32, _ status: stat) {
    self.path = path
    self.descriptor = descriptor
    identity = Identity(status)
  }

  deinit { close(descriptor) }

  package func bytes(_ offset: Int, _ count: Int) throws(ResNetError) -> [UInt8] {
    try expectMemory(count, for: "a part of \(path)")
    var bytes = [UInt8](repeating: 0, count: count)
    let outcome = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try fill(buffer, from: offset) }
    }
    try outcome.get()
    return bytes
  }

  func add(_ range: Range<Int>, to checksum: inout CRC32) throws(ResNetError) {
    let size = min(range.count, 1 << 20)
    try expectMemory(size, for: "a part of \(path)")
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
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
  package func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int)
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
