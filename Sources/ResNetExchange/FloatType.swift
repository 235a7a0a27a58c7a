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
    // In pieces, so that a file of doubles takes no more memory than one of floats.
    let most = 1 << 18
    var done = 0
    while done < count {
      let piece = min(most, count - done)
      let bytes = try source.bytes(offset + done * self.bytes, piece * self.bytes)
      for index in 0..<piece { values[done + index] = value(bytes, index * self.bytes) }
      done += piece
    }
    return values
  }

  private func value(_ bytes: [UInt8], _ offset: Int) -> Float {
    switch self {
    case .float64: Float(Double(bitPattern: bytes.integer(at: offset, as: UInt64.self)))
    case .float32: Float(bitPattern: bytes.integer(at: offset, as: UInt32.self))
    case .float16: Float(HDF5Numbers.half(bytes.integer(at: offset, as: UInt16.self)))
    case .bfloat16:
      Float(bitPattern: UInt32(bytes.integer(at: offset, as: UInt16.self)) << 16)
    }
  }
}
