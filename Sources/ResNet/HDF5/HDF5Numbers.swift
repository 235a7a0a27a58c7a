/// What the bytes of numbers mean.
package enum HDF5Numbers {
  /// The bits of a value in the order of this machine.
  private static func bits(_ bytes: UnsafeRawBufferPointer, _ isBigEndian: Bool) -> UInt64 {
    isBigEndian
      ? bytes.reduce(0) { $0 << 8 | UInt64($1) }
      : bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func values<Value>(
    in bytes: UnsafeRawBufferPointer, _ type: HDF5Type, _ value: (UInt64) -> Value
  ) -> [Value] {
    (0..<bytes.count / type.size).map { index in
      let start = index * type.size
      return value(
        bits(
          UnsafeRawBufferPointer(rebasing: bytes[start..<start + type.size]), type.isBigEndian))
    }
  }

  private static func integer(_ bits: UInt64, _ size: Int, isSigned: Bool) -> Int64 {
    let unused = Int64(64 - 8 * size)
    return isSigned ? Int64(bitPattern: bits << UInt64(unused)) >> unused : Int64(clamping: bits)
  }

  /// Integers; nil if the type is another. An unsigned one that is too large becomes the largest.
  static func integers(in bytes: UnsafeRawBufferPointer, _ type: HDF5Type) -> [Int64]? {
    guard case .integer(let isSigned) = type.kind else { return nil }
    return values(in: bytes, type) { integer($0, type.size, isSigned: isSigned) }
  }

  /// Calls `body` with each of them in order, of none if the type is another. It takes no memory.
  static func forEachInteger(
    in bytes: UnsafeRawBufferPointer, _ type: HDF5Type, _ body: (Int64) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    guard case .integer(let isSigned) = type.kind else { return }
    for start in stride(from: 0, to: bytes.count / type.size * type.size, by: type.size) {
      let value = UnsafeRawBufferPointer(rebasing: bytes[start..<start + type.size])
      try body(integer(bits(value, type.isBigEndian), type.size, isSigned: isSigned))
    }
  }

  /// Floating-point numbers of any size; nil if the type is another.
  static func floats(in bytes: UnsafeRawBufferPointer, _ type: HDF5Type) -> [Double]? {
    guard type.kind == .float else { return nil }
    return values(in: bytes, type) { bits in
      switch type.size {
      case 2: half(UInt16(truncatingIfNeeded: bits))
      case 4: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
      default: Double(bitPattern: bits)
      }
    }
  }

  /// The value of a half-precision number.
  package static func half(_ bits: UInt16) -> Double {
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF)
    let magnitude =
      switch exponent {
      case 0: fraction * 0x1p-24
      case 31: fraction == 0 ? Double.infinity : .nan
      default: Double(sign: .plus, exponent: exponent - 25, significand: fraction + 1024)
      }
    return bits >> 15 == 1 ? -magnitude : magnitude
  }
}
