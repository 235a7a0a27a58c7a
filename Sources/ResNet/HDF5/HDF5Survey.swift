/// All of an HDF5 file, gone through once: every object that can be reached, its attributes and its data.
///
/// It is what fuzzers and tests call: whatever the bytes are, it ends soon, takes memory and time in
/// proportion to them, and touches nothing else.
package struct HDF5Survey {
  package private(set) var groups = 0
  package private(set) var datasets = 0
  package private(set) var attributes = 0
  /// Links that are not followed.
  package private(set) var linksElsewhere = 0
  /// Numbers and texts that were read.
  package private(set) var values = 0
  /// What was refused, each with the path of the object.
  package private(set) var refusals: [String] = []

  private let file: HDF5File
  private var seen: Set<Int> = []
  private var pending: [(address: Int, path: String)] = []
  /// Bytes of data that may yet be read.
  private var allowance: Int

  private static let maximumObjects = 1 << 16
  /// Of data, for each byte of the file.
  private static let maximumExpansion = 16

  /// Goes through a file in memory. Throws if not even its root group can be had. Without verification,
  /// checksums may be wrong: mutations then reach what a checksum would keep them from.
  package init(of image: UnsafeRawBufferPointer, verifyingChecksums: Bool = true)
    throws(ResNetError)
  {
    try self.init(HDF5File(.memory(image), verifyingChecksums: verifyingChecksums))
  }

  init(_ file: HDF5File) throws(ResNetError) {
    self.file = file
    allowance = Self.maximumExpansion * min(file.size, 1 << 26) + 1 << 20
    _ = try file.root
    pending = [(file.rootAddress, "/")]
    seen = [file.rootAddress]
    while let (address, path) = pending.popLast() {
      do throws(ResNetError) {
        try visit(HDF5Object(address, in: file, path: path))
      } catch {
        refusals.append(error.message)
      }
    }
  }

  private mutating func visit(_ object: HDF5Object) throws(ResNetError) {
    var found: [HDF5Attribute] = []
    do throws(ResNetError) {
      try object.forEachAttribute { attribute throws(ResNetError) in found.append(attribute) }
    } catch {
      refusals.append(error.message)
    }
    for attribute in found {
      attributes += 1
      do throws(ResNetError) {
        try read(attribute.bytes, attribute.type)
      } catch {
        refusals.append("\(object.path): attribute \(attribute.name): \(error.message)")
      }
    }
    if object.messages.contains(where: { $0.kind == .layout }) {
      let dataset = try HDF5Dataset(object)
      datasets += 1
      try read(dataset)
    } else if object.messages.contains(where: { $0.kind == .linkInfo || $0.kind == .symbolTable }) {
      groups += 1
      try visitMembers(of: try HDF5Group(object))
    }
  }

  private mutating func visitMembers(of group: HDF5Group) throws(ResNetError) {
    try group.forEachLink { link throws(ResNetError) in
      guard case .hard(let address) = link.target else {
        linksElsewhere += 1
        return
      }
      guard seen.insert(address).inserted else { return }
      guard seen.count <= Self.maximumObjects else {
        throw ResNetError(.badFormat, "there are more than \(Self.maximumObjects) objects")
      }
      // Long paths would be a way to take memory.
      let path = group.path(of: link.name)
      pending.append((address, path.utf8.count > 1 << 10 ? String(path.suffix(1 << 8)) : path))
    }
  }

  private mutating func read(_ dataset: HDF5Dataset) throws(ResNetError) {
    guard dataset.byteCount <= allowance else {
      throw ResNetError(
        .badFormat, "\(dataset.path) has \(dataset.byteCount) bytes, which are not read")
    }
    allowance -= dataset.byteCount
    try dataset.checkChunkSize()
    try dataset.forEachPortion { bytes throws(ResNetError) in
      do throws(ResNetError) {
        try read([UInt8](bytes)[...], dataset.type)
      } catch {
        throw ResNetError(error.kind, "\(dataset.path): \(error.message)")
      }
    }
  }

  private mutating func read(_ bytes: ArraySlice<UInt8>, _ type: HDF5Type) throws(ResNetError) {
    switch type.kind {
    case .integer:
      values += bytes.withUnsafeBytes { HDF5Numbers.integers(in: $0, type) }?.count ?? 0
    case .float: values += bytes.withUnsafeBytes { HDF5Numbers.floats(in: $0, type) }?.count ?? 0
    case .string, .variableString:
      var reader = try HDF5Strings(type, in: file)
      values += try reader.strings(in: bytes).count
    case .other: break
    }
  }
}
