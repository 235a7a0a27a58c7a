/// A group of another program's HDF5 file, for who looks for tensors and names in it.
///
/// Errors name the part, not the file. Nothing of a tensor is read before it is asked for.
package struct HDF5Folder {
  package static let signature = HDF5File.signature

  private let group: HDF5Group
  private let addresses: [String: Int]

  private static let maximumMembers = 1 << 16

  /// The root group of a file. Throws `inputOutput`, or `badFormat` if it is none of HDF5. Without
  /// verification checksums may be wrong, as for fuzzing.
  package init(_ source: FileSource, verifyingChecksums: Bool = true) throws(ResNetError) {
    try self.init(HDF5File(source, verifyingChecksums: verifyingChecksums).root)
  }

  private init(_ group: HDF5Group) throws(ResNetError) {
    self.group = group
    addresses = try group.members(limit: Self.maximumMembers)
  }

  /// Its path in the file.
  package var path: String { group.path }

  /// The names of its members, in order.
  package var names: [String] { addresses.keys.sorted() }

  package func has(_ name: String) -> Bool { addresses[name] != nil }

  private func object(_ name: String) throws(ResNetError) -> HDF5Object {
    let path = group.path(of: name)
    guard let address = addresses[name] else {
      throw ResNetError(.badFormat, "it has no \(path)")
    }
    return try HDF5Object(address, in: group.object.file, path: path)
  }

  /// A member that is a group.
  package func folder(_ name: String) throws(ResNetError) -> HDF5Folder {
    try HDF5Folder(HDF5Group(object(name)))
  }

  /// A member that is a dataset of floating-point numbers.
  package func tensor(_ name: String) throws(ResNetError) -> HDF5Tensor {
    try HDF5Tensor(try object(name))
  }

  /// The texts of an attribute; nil without it. Keras cuts those beyond 64 KB into `name0`, `name1`, ....
  package func texts(_ name: String) throws(ResNetError) -> [String]? {
    if let attribute = try group.object.attribute(name) { return try texts(of: attribute) }
    var texts: [String] = []
    var pieces = 0
    while let attribute = try group.object.attribute("\(name)\(pieces)") {
      texts += try self.texts(of: attribute)
      pieces += 1
    }
    return pieces == 0 ? nil : texts
  }

  private func texts(of attribute: HDF5Attribute) throws(ResNetError) -> [String] {
    // Keras makes of an empty list one of numbers.
    guard attribute.count > 0 else { return [] }
    return try group.object.named { () throws(ResNetError) in
      do throws(ResNetError) {
        var reader = try HDF5Strings(attribute.type, in: group.object.file)
        return try reader.strings(in: attribute.bytes)
      } catch {
        throw ResNetError(error.kind, "attribute \(attribute.name): \(error.message)")
      }
    }
  }
}

/// A dataset of floating-point numbers of 2, 4 or 8 bytes.
package struct HDF5Tensor {
  private let dataset: HDF5Dataset

  /// Throws unless it is one, and is stored in full.
  init(_ object: HDF5Object) throws(ResNetError) {
    dataset = try HDF5Dataset(object)
    guard dataset.type.kind == .float else {
      throw ResNetError(
        .badFormat,
        "\(dataset.path) has \(dataset.type.description); expected floating-point numbers")
    }
    try dataset.checkIsStored()
  }

  package var path: String { dataset.path }
  /// Empty for a single value.
  package var shape: [Int] { dataset.shape }

  /// All values, row-major, rounded to float32.
  package func read() throws(ResNetError) -> [Float] {
    let type = dataset.type
    try expectMemory(dataset.count, of: MemoryLayout<Float>.stride, for: dataset.path)
    var values: [Float] = []
    values.reserveCapacity(dataset.count)
    try dataset.forEachPortion { bytes throws(ResNetError) in
      if type == .float32 {
        values.append(contentsOf: bytes.bindMemory(to: Float.self))
      } else {
        for value in HDF5Numbers.floats(in: bytes, type) ?? [] { values.append(Float(value)) }
      }
    }
    return values
  }
}
