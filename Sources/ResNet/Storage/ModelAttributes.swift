/// The attributes of a model file: strings of fixed length, 64-bit numbers and lists of them. They are
/// taken in exactly these types.
extension HDF5Group {
  func hasAttribute(_ name: String) throws(ResNetError) -> Bool {
    try object.attribute(name) != nil
  }

  func string(_ name: String) throws(ResNetError) -> String { try string(try required(name)) }

  func string(_ attribute: HDF5Attribute) throws(ResNetError) -> String {
    let name = attribute.name
    switch attribute.type.kind {
    case .string(.nullPadded), .string(.nullTerminated): break
    default:
      throw ResNetError(
        .badFormat, "attribute \(name) of \(path) is not of fixed-length, null-padded strings")
    }
    guard attribute.shape.isEmpty, attribute.count == 1 else {
      throw ResNetError(.badFormat, "attribute \(name) of \(path) is not a single short string")
    }
    guard let text = String(validating: attribute.bytes.prefix { $0 != 0 }, as: UTF8.self) else {
      throw ResNetError(.badFormat, "attribute \(name) of \(path) is not UTF-8")
    }
    return text
  }

  func integer(_ name: String) throws(ResNetError) -> Int {
    let attribute = try required(name)
    guard attribute.shape.isEmpty, let values = Self.integers(attribute), values.count == 1 else {
      throw ResNetError(.badFormat, "attribute \(name) of \(path) is not a single 64-bit integer")
    }
    return values[0]
  }

  func integers(_ name: String, limit: Int) throws(ResNetError) -> [Int] {
    let attribute = try required(name)
    guard attribute.shape.count == 1, (1...limit).contains(attribute.count),
      let values = Self.integers(attribute)
    else {
      throw ResNetError(
        .badFormat,
        "attribute \(name) of \(path) is not a list of 1 to \(limit) 64-bit integers")
    }
    return values
  }

  /// So many numbers, each of which may be anything.
  func reals(_ name: String, count: Int) throws(ResNetError) -> [Double] {
    let attribute = try required(name)
    guard attribute.shape == [count], attribute.type == HDF5Type.float64,
      let values = attribute.bytes.withUnsafeBytes({ HDF5Numbers.floats(in: $0, attribute.type) })
    else {
      throw ResNetError(
        .badFormat, "attribute \(name) of \(path) is not a list of \(count) 64-bit floats")
    }
    return values
  }

  private func required(_ name: String) throws(ResNetError) -> HDF5Attribute {
    guard let attribute = try object.attribute(name) else {
      throw ResNetError(.badFormat, "\(path) has no attribute \(name)")
    }
    return attribute
  }

  private static func integers(_ attribute: HDF5Attribute) -> [Int]? {
    guard attribute.type == HDF5Type.int64 else { return nil }
    let values = attribute.bytes.withUnsafeBytes { HDF5Numbers.integers(in: $0, attribute.type) }
    return values?.map { Int($0) }
  }
}
