import CZlib

/// Undoes zlib's compression.
enum Inflate {
  /// It makes no more bytes out of one.
  static let maximumExpansion = 1032

  /// What is compressed, which must be exactly `count` bytes.
  static func all(_ compressed: UnsafeRawBufferPointer, count: Int) throws(ResNetError)
    -> HDF5Buffer
  {
    guard count / maximumExpansion <= compressed.count else {
      throw ResNetError(
        .badFormat, "\(count) bytes cannot have been compressed to \(compressed.count)")
    }
    let result = try HDF5Buffer(count)
    var stream = z_stream()
    guard
      inflateInit_(&stream, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw ResNetError(.outOfMemory, "zlib could not allocate what it works with") }
    defer { inflateEnd(&stream) }
    guard let input = UInt32(exactly: compressed.count), let room = UInt32(exactly: count) else {
      throw ResNetError(.badFormat, "a compressed chunk has more than 4 GiB")
    }
    // zlib's interface lacks const; it does not write there.
    stream.next_in = UnsafeMutablePointer(
      mutating: compressed.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = input
    stream.next_out = result.mutableBytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = room
    let status = inflate(&stream, Z_FINISH)
    guard status == Z_STREAM_END, stream.avail_out == 0 else {
      guard status != Z_MEM_ERROR else {
        throw ResNetError(.outOfMemory, "zlib could not allocate what it decompresses with")
      }
      throw ResNetError(
        .badFormat, "a compressed chunk is damaged or does not have the size of a chunk")
    }
    return result
  }
}
