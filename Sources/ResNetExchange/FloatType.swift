import ResNet

/// A type of numbers in a file, little-endian.
enum FloatType {
  case float64, float32, float16, bfloat16

  var bytes: Int {
    switch self {
    case .float64: 8
    case .float32: 4
    case .float16, .bfloat16: 2
    }
  }

  /// `count` values of a source from `offset` on, which the caller has found to be within.
  func read(_ source: FileSource, _ offset: Int, _ count: Int) throws(ResNetError) -> [Float] {
    try expectMemory(count, of: MemoryLayout<Float>.stride, for: "a tensor")
    var values = [Float](repeating: 0, count: count)
    switch self {
    case .float64:
      try read(source, offset, to: &values) {
        Float($0.loadUnaligned(fromByteOffset: 8 * $1, as: Double.self))
      }
    case .float32:
      // As they are in memory.
      try values.withUnsafeMutableBytes { buffer in
        Result { () throws(ResNetError) in try source.fill(buffer, from: offset) }
      }.get()
    case .float16:
      try read(source, offset, to: &values) {
        Float(HDF5Numbers.half($0.loadUnaligned(fromByteOffset: 2 * $1, as: UInt16.self)))
      }
    case .bfloat16:
      try read(source, offset, to: &values) {
        let bits = $0.loadUnaligned(fromByteOffset: 2 * $1, as: UInt16.self)
        return Float(bitPattern: UInt32(bits) << 16)
      }
    }
    return values
  }

  /// In pieces, so that a file of doubles takes no more memory than one of floats.
  private func read(
    _ source: FileSource, _ offset: Int, to values: inout [Float],
    _ value: (_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float
  ) throws(ResNetError) {
    let most = 1 << 18
    for start in stride(from: 0, to: values.count, by: most) {
      let count = min(most, values.count - start)
      let bytes = try source.bytes(offset + start * self.bytes, count * self.bytes)
      bytes.withUnsafeBytes { bytes in
        for index in 0..<count { values[start + index] = value(bytes, index) }
      }
    }
  }
}
