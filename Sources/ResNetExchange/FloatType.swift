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
    // As they are in memory.
    if self == .float32 {
      try values.withUnsafeMutableBytes { buffer in
        Result { () throws(ResNetError) in try source.fill(buffer, from: offset) }
      }.get()
      return values
    }
    // In pieces, so that a file of doubles takes no more memory than one of floats.
    let most = 1 << 18
    var done = 0
    while done < count {
      let piece = min(most, count - done)
      let bytes = try source.bytes(offset + done * self.bytes, piece * self.bytes)
      values.withUnsafeMutableBufferPointer { values in
        convert(bytes, to: UnsafeMutableBufferPointer(rebasing: values[done..<done + piece]))
      }
      done += piece
    }
    return values
  }

  private func convert(_ bytes: [UInt8], to values: UnsafeMutableBufferPointer<Float>) {
    bytes.withUnsafeBytes { bytes in
      func bits16(_ index: Int) -> UInt16 {
        bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
      }
      switch self {
      case .float64:
        for index in values.indices {
          values[index] = Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
        }
      case .float32:
        for index in values.indices {
          values[index] = bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
        }
      case .float16:
        for index in values.indices { values[index] = Float(HDF5Numbers.half(bits16(index))) }
      case .bfloat16:
        for index in values.indices {
          values[index] = Float(bitPattern: UInt32(bits16(index)) << 16)
        }
      }
    }
  }
}
