import ResNet

/// A kind of file for the features of images.
enum FeatureFile: String, CaseIterable {
  case h5, npy, csv

  init?(extensionOf path: String) {
    guard let found = Self.allCases.first(where: { path.hasSuffix("." + $0.rawValue) }) else {
      return nil
    }
    self = found
  }

  /// Writes the features of some images, row by row, whole or not at all.
  func write(
    _ values: [Float], of images: [String], layer: String, shape: FeatureShape, to path: String
  ) throws(ResNetError) {
    do throws(ResNetError) {
      try ModelFile.validate(path: path)
      try writeFile(values, of: images, layer: layer, shape: shape, to: path)
    } catch {
      throw ResNetError(error.kind, "cannot write \(path): \(error.message)")
    }
  }

  private func writeFile(
    _ values: [Float], of images: [String], layer: String, shape: FeatureShape, to path: String
  ) throws(ResNetError) {
    let dimensions =
      [images.count, shape.channels] + (shape.extent.map { [$0.height, $0.width] } ?? [])
    switch self {
    case .h5:
      var contents = HDF5Contents()
      contents.set("layer", layer)
      try contents.add("features", values, shape: dimensions)
      try contents.add("images", images)
      try contents.write(to: path)
    case .npy:
      let data = values.withUnsafeBytes { Array($0) }
      try writePieces(2, to: path) { $0 == 0 ? Self.npyHeader(dimensions) : data }
    case .csv:
      try writePieces(images.count + 1, to: path) { line in
        guard line > 0 else {
          return Array(("image" + (0..<shape.count).map { ",\($0)" }.joined() + "\n").utf8)
        }
        let row = values[(line - 1) * shape.count..<line * shape.count]
        let text = Self.quoted(images[line - 1]) + row.map { ",\($0)" }.joined() + "\n"
        return Array(text.utf8)
      }
    }
  }

  /// Makes a file of so many pieces.
  private func writePieces(_ pieces: Int, to path: String, _ piece: (Int) -> [UInt8])
    throws(ResNetError)
  {
    try AtomicFile.write(to: path) { append throws(ResNetError) in
      for index in 0..<pieces {
        try piece(index).withUnsafeBytes { bytes in
          Result { () throws(ResNetError) in try append(bytes) }
        }.get()
      }
    }
  }

  /// Of NumPy's format 1.0: what follows are float32, little-endian, row-major.
  private static func npyHeader(_ dimensions: [Int]) -> [UInt8] {
    let shape = dimensions.map { "\($0), " }.joined()
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }"
    // With the ten bytes before it and the line's end, a multiple of 64.
    let padding = 63 - (10 + text.utf8.count) % 64
    let line = text + String(repeating: " ", count: padding) + "\n"
    let length = line.utf8.count
    return [0x93] + "NUMPY".utf8 + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + line.utf8
  }

  /// A field of a line, in quotes where it has to be.
  private static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { "\",\n\r".utf8.contains($0) }) else { return text }
    return "\"" + text.map { $0 == "\"" ? "\"\"" : "\($0)" }.joined() + "\""
  }
}
