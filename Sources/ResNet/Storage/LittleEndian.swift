extension [UInt8] {
  package mutating func append<Value: FixedWidthInteger>(little value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// The little-endian integer at an offset, which must be within.
  package func integer<Value: FixedWidthInteger>(at offset: Int, as _: Value.Type) -> Value {
    withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }
}
