/// An HDF5 file of labelled images that another program has written, open for reading.
///
/// Any number of threads may read from it at once.
package final class HDF5ImageFile: Sendable {
  package let path: String
  /// Of the images, three or four extents.
  package let shape: [Int]
  /// Whether pixels are bytes, or else float32.
  package let isBytes: Bool
  package let labels: [Int32]
  /// Empty if the file has none.
  package let classNames: [String]
  private let images: HDF5Dataset
  private let cache = HDF5ChunkCache()

  /// Opens the file, and reads labels and class names. The names are those of members of the root
  /// group; that of the class names need not be there.
  package init(_ path: String, images: String, labels: String, classNames: String)
    throws(ResNetError)
  {
    do throws(ResNetError) {
      try ModelFile.validate(path: path)
      for name in [images, labels]
      where name.isEmpty || name.utf8.contains(where: { $0 == 0 || $0 == 0x2F }) {
        throw ResNetError(
          .invalidArgument, "\"\(name)\" is not the name of a member of the file's root group")
      }
      let root = try HDF5File(.file(try ModelFile.open(path))).root
      self.images = try Self.images(images, in: root)
      self.labels = try Self.labels(labels, in: root, count: self.images.shape[0])
      self.classNames = try Self.names(classNames, in: root)
      self.path = path
      shape = self.images.shape
      isBytes = self.images.type.size == 1
    } catch {
      throw ResNetError(error.kind, "cannot open \(path): \(error.message)")
    }
  }

  /// Opens a dataset. Refuses one that claims to hold more than the file has room for.
  private static func dataset(_ name: String, in root: HDF5Group) throws(ResNetError) -> HDF5Dataset
  {
    let dataset = try HDF5Dataset(try root.member(name))
    try dataset.checkIsStored()
    return dataset
  }

  private static func images(_ name: String, in root: HDF5Group) throws(ResNetError) -> HDF5Dataset
  {
    let images = try dataset(name, in: root)
    let type = images.type
    let isKnown =
      type.kind == .integer(isSigned: false) && type.size == 1
      || type.kind == .float && type.size == 4
    guard (3...4).contains(images.shape.count), images.count > 0, isKnown else {
      throw ResNetError(
        .badFormat,
        "\(images.path) must be three- or four-dimensional, of uint8 or float32, and not empty; it "
          + "has shape \(images.shape), of \(type.description)")
    }
    return images
  }

  private static func names(_ name: String, in root: HDF5Group) throws(ResNetError) -> [String] {
    let names: HDF5Dataset
    do throws(ResNetError) {
      names = try dataset(name, in: root)
    } catch {
      guard error.kind == .notFound else { throw error }
      return []
    }
    guard names.shape.count == 1, names.count <= 1 << 20 else {
      throw ResNetError(.badFormat, "\(names.path) is not a list of at most \(1 << 20) strings")
    }
    return try names.readStrings()
  }

  private static func labels(_ name: String, in root: HDF5Group, count: Int) throws(ResNetError)
    -> [Int32]
  {
    let labels = try dataset(name, in: root)
    guard labels.shape == [count], case .integer = labels.type.kind else {
      throw ResNetError(
        .badFormat,
        "\(labels.path) must be \(count) integers, one an image; it has shape \(labels.shape), of "
          + labels.type.description)
    }
    try expectMemory(count, of: MemoryLayout<Int32>.stride, for: "the labels of \(count) images")
    var values: [Int32] = []
    values.reserveCapacity(count)
    try labels.forEachPortion { bytes throws(ResNetError) in
      try HDF5Numbers.forEachInteger(in: bytes, labels.type) { label throws(ResNetError) in
        guard label >= 0, label < Int64(Int32.max) else {
          throw ResNetError(
            .badFormat,
            "label \(values.count) of \(labels.path) is \(label); labels are 0 or more, and below "
              + "the number of classes")
        }
        values.append(Int32(label))
      }
    }
    guard values.count == count else {
      throw ResNetError(.badFormat, "\(labels.path) has \(values.count) values of \(count)")
    }
    return values
  }

  /// Reads an image, as bytes or floats.
  package func read(_ index: Int, into bytes: UnsafeMutableRawBufferPointer) throws(ResNetError) {
    do throws(ResNetError) {
      try images.read(index..<index + 1, into: bytes, cache: cache)
    } catch {
      throw ResNetError(error.kind, "cannot read image \(index) of \(path): \(error.message)")
    }
    guard images.type.isBigEndian, !isBytes else { return }
    let words = bytes.bindMemory(to: UInt32.self)
    for index in words.indices { words[index] = words[index].byteSwapped }
  }
}
