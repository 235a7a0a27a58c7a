/// Where the bytes of an HDF5 file are.
enum HDF5Source {
  case file(FileReader)
  /// They must stay there as long as the file is in use.
  case memory(UnsafeRawBufferPointer)

  var size: Int {
    switch self {
    case .file(let reader): reader.size
    case .memory(let bytes): bytes.count
    }
  }

  /// Fills the buffer with the bytes from `offset` on, which the caller has found to be within.
  func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(ResNetError) {
    switch self {
    case .file(let reader):
      try reader.fill(buffer, from: offset)
    case .memory(let bytes):
      buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + buffer.count]))
    }
  }
}
