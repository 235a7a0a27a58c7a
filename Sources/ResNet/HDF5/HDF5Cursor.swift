/// Bytes of the integers that vary from file to file.
struct HDF5Sizes: Equatable {
  /// Of addresses.
  let address: Int
  /// Of the lengths of things.
  let length: Int
}

/// Takes the parts of a structure from its bytes, one after another. What is not there is an error
/// that names the structure.
struct HDF5Cursor {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private let what: String
  private let sizes: HDF5Sizes

  init(_ bytes: ArraySlice<UInt8>, of what: String, _ sizes: HDF5Sizes) {
    self.bytes = bytes
    position = bytes.startIndex
    self.what = what
    self.sizes = sizes
  }

  /// How many bytes are left.
  var remaining: Int { bytes.endIndex - position }

  /// How many were taken.
  var taken: Int { position - bytes.startIndex }

  mutating func take(_ count: Int) throws(ResNetError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw ResNetError(.badFormat, "\(what) ends before it should")
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func skip(_ count: Int) throws(ResNetError) { _ = try take(count) }

  /// A little-endian integer of 0 to 8 bytes.
  mutating func unsigned(_ count: Int) throws(ResNetError) -> UInt64 {
    try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The same as an `Int`, which no count or size in a real file exceeds.
  mutating func integer(_ count: Int) throws(ResNetError) -> Int {
    let value = try unsigned(count)
    guard let integer = Int(exactly: value) else {
      throw ResNetError(.badFormat, "\(what) has the number \(value), which is impossible")
    }
    return integer
  }

  mutating func byte() throws(ResNetError) -> UInt8 {
    guard position < bytes.endIndex else {
      throw ResNetError(.badFormat, "\(what) ends before it should")
    }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func length() throws(ResNetError) -> Int { try integer(sizes.length) }

  /// Nil for the address that stands for none.
  mutating func optionalAddress() throws(ResNetError) -> Int? {
    let value = try unsigned(sizes.address)
    guard value != UInt64.max >> UInt64(64 - 8 * sizes.address) else { return nil }
    guard let address = Int(exactly: value) else {
      throw ResNetError(.badFormat, "\(what) has the address \(value), which is impossible")
    }
    return address
  }

  mutating func address() throws(ResNetError) -> Int {
    guard let address = try optionalAddress() else {
      throw ResNetError(.badFormat, "\(what) lacks an address")
    }
    return address
  }

  /// Throws unless the next byte, a version, is one of those.
  @discardableResult
  mutating func version(_ known: ClosedRange<UInt8>) throws(ResNetError) -> UInt8 {
    let version = try byte()
    guard known.contains(version) else {
      throw ResNetError(
        .badFormat,
        "\(what) has version \(version), which is not read (\(known.lowerBound) to "
          + "\(known.upperBound) are)")
    }
    return version
  }
}
