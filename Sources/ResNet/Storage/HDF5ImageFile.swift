/// An HDF5 file of labelled images that another program has written, open for reading.
///
/// Any number of threads may read from it at once; HDF5 serves one of them at a time.
package final class HDF5ImageFile: @unchecked Sendable {
  /// The identifiers are used, and released, in ``HDF5/use(_:)`` alone.
  private struct Contents: ~Copyable {
    let images: HDF5Table
    let file: HDF5File
  }

  package let path: String
  /// Of the images, three or four extents.
  package let shape: [Int]
  /// Whether pixels are bytes, or else float32.
  package let isBytes: Bool
  package let labels: [Int32]
  /// Empty if the file has none.
  package let classNames: [String]
  private let element: HDF5Table.Element
  private var contents: Contents?

  private struct Opened: ~Copyable {
    var contents: Contents?
    let shape: [Int]
    let element: HDF5Table.Element
    let labels: [Int32]
    let classNames: [String]
  }

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
      // HDF5 would wait for ever at a pipe.
      _ = try ModelFile.open(path)
      var opened = try HDF5.use { () throws(ResNetError) -> Opened in
        try Self.open(path, images: images, labels: labels, classNames: classNames)
      }
      self.path = path
      shape = opened.shape
      element = opened.element
      isBytes = opened.element == .uint8
      self.labels = opened.labels
      self.classNames = opened.classNames
      contents = opened.contents.take()
    } catch {
      throw ResNetError(error.kind, "cannot open \(path): \(error.message)")
    }
  }

  deinit {
    // Nothing that is released can fail.
    try? HDF5.use { () throws(ResNetError) in contents = nil }
  }

  private static func open(_ path: String, images: String, labels: String, classNames: String)
    throws(ResNetError) -> Opened
  {
    let file = try HDF5File(reading: path)
    let root = try HDF5Group(rootOf: file.id)
    let images = try HDF5Table(images, in: root)
    let element = images.element
    guard (3...4).contains(images.shape.count), images.shape.allSatisfy({ $0 > 0 }),
      let element, element != .int64
    else {
      throw ResNetError(
        .badFormat,
        "\(images.path) must be three- or four-dimensional, of uint8 or float32, and not empty; it "
          + "has shape \(images.shape)\(element == nil || element == .int64 ? " of another type" : "")"
      )
    }
    let labels = try HDF5Table(labels, in: root)
    guard labels.shape == [images.shape[0]], labels.element == .int64 || labels.element == .uint8
    else {
      throw ResNetError(
        .badFormat,
        "\(labels.path) must be \(images.shape[0]) integers, one an image; it has shape "
          + "\(labels.shape)")
    }
    let shape = images.shape
    return Opened(
      contents: Contents(images: images, file: file), shape: shape, element: element,
      labels: try read(labels), classNames: try readClassNames(classNames, in: root))
  }

  private static func readClassNames(_ name: String, in root: borrowing HDF5Group)
    throws(ResNetError) -> [String]
  {
    let names: HDF5Table
    do throws(ResNetError) {
      names = try HDF5Table(name, in: root)
    } catch {
      guard error.kind == .notFound else { throw error }
      return []
    }
    return try names.readStrings(limit: 1 << 20)
  }

  private static func read(_ labels: borrowing HDF5Table) throws(ResNetError) -> [Int32] {
    let count = labels.shape[0]
    var values: [Int32] = []
    values.reserveCapacity(count)
    var portion = [Int64](repeating: 0, count: min(count, 65_536))
    for first in stride(from: 0, to: count, by: portion.count) {
      let rows = first..<min(first + portion.count, count)
      try portion.withUnsafeMutableBytes { bytes in
        Result { () throws(ResNetError) in
          try labels.read(
            rows, as: .int64,
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<(rows.count * 8)]))
        }
      }.get()
      for (index, label) in portion[..<rows.count].enumerated() {
        guard label >= 0, label < Int64(Int32.max) else {
          throw ResNetError(
            .badFormat,
            "label \(first + index) of \(labels.path) is \(label); labels are 0 or more, and below "
              + "the number of classes")
        }
        values.append(Int32(label))
      }
    }
    return values
  }

  /// Reads an image as it is in the file, and as bytes or floats in memory.
  package func read(_ index: Int, into bytes: UnsafeMutableRawBufferPointer) throws(ResNetError) {
    do throws(ResNetError) {
      try HDF5.use { () throws(ResNetError) in
        try contents?.images.read(index..<index + 1, as: element, into: bytes)
      }
    } catch {
      throw ResNetError(error.kind, "cannot read image \(index) of \(path): \(error.message)")
    }
  }
}
