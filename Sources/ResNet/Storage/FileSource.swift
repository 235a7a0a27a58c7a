/// Where the bytes of a file are.
package enum FileSource {
  case file(FileReader)
  /// They must stay there as long as the source is in use.
  case memory(UnsafeRawBufferPointer)
  /// A file within another, whose bytes were found to be within.
  indirect case part(FileSource, Range<Int>)

  package var size: Int {
    switch self {
    case .file(let reader): reader.size
    case .memory(let bytes): bytes.count
    case .part(_, let range): range.count
    }
  }

  /// Fills the buffer with the bytes from `offset` on, which the caller has found to be within.
  package func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int)
    throws(ResNetError)
  {
    switch self {
    case .file(let reader):
      try reader.fill(buffer, from: offset)
    case .memory(let bytes):
      buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + buffer.count]))
    case .part(let source, let range):
      try source.fill(buffer, from: range.lowerBound + offset)
    }
  }

  /// `count` bytes from `offset` on, which the caller has found to be within.
  package func bytes(_ offset: Int, _ count: Int) throws(ResNetError) -> [UInt8] {
    try expectMemory(count, for: "a part of a file")
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try fill(buffer, from: offset) }
    }.get()
    return bytes
  }
}
