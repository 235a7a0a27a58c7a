/// A dataset of a model file, in the one form that the format has: one chunk with HDF5's Fletcher-32
/// filter, by which other programs notice damage to it.
struct ModelDataset {
  let path: String
  let shape: [Int]
  /// Bytes of the data.
  let byteCount: Int
  /// The bytes of the file that hold the data, in order, and their checksum of four bytes after them.
  let location: Range<Int>
  private let type: HDF5Type
  private let file: HDF5File

  /// Opens a dataset and checks that it is of that form and is stored in full. Nothing is read yet,
  /// and nothing allocated.
  init(_ name: String, at address: Int, in group: HDF5Group) throws(ResNetError) {
    let file = group.object.file
    let dataset = try HDF5Dataset(HDF5Object(address, in: file, path: group.path(of: name)))
    path = dataset.path
    shape = dataset.shape
    type = dataset.type
    byteCount = dataset.byteCount
    self.file = file
    guard !shape.contains(0) else {
      throw ResNetError(.badFormat, "\(path) has shape \(shape), which is impossible")
    }
    guard case .chunked(let chunked) = dataset.storage, chunked.chunks.grid.chunk == shape else {
      throw ResNetError(.badFormat, "\(path) is not stored as one chunk")
    }
    let chunk = chunked.chunks[0]
    guard chunked.filters.filters == [.fletcher32], chunk?.skipped ?? 0 == 0 else {
      throw ResNetError(
        .badFormat, "\(path) must have the Fletcher-32 filter, and no other filter")
    }
    guard let chunk, chunk.count == byteCount + 4 else {
      throw ResNetError(.badFormat, "\(path) is not stored in full")
    }
    location = chunk.address..<chunk.address + chunk.count
  }

  /// Whether its elements are float32.
  var isFloat32: Bool { type == HDF5Type.float32 }

  /// Reads the data, `byteCount` bytes, as they are in the file.
  private func read(into bytes: UnsafeMutableRawBufferPointer) throws(ResNetError) {
    guard bytes.count == byteCount else {
      throw ResNetError(.badFormat, "\(path) has \(byteCount) bytes, expected \(bytes.count)")
    }
    try file.fill(bytes, from: location.lowerBound, of: path)
    var checksum: UInt32 = 0
    try withUnsafeMutableBytes(of: &checksum) { buffer in
      Result { () throws(ResNetError) in
        try file.fill(buffer, from: location.upperBound - 4, of: path)
      }
    }.get()
    guard UInt32(littleEndian: checksum) == HDF5Checksums.fletcher32(UnsafeRawBufferPointer(bytes))
    else { throw ResNetError(.badFormat, "\(path) is damaged: its checksum is wrong") }
  }

  /// Reads the values, as many as there are. Throws if one is not finite.
  func readFloats(into values: UnsafeMutableBufferPointer<Float>) throws(ResNetError) {
    try read(into: UnsafeMutableRawBufferPointer(values))
    guard values.allSatisfy(\.isFinite) else {
      throw ResNetError(.badFormat, "\(path) holds a value that is not finite")
    }
  }

  func readFloats() throws(ResNetError) -> [Float] {
    guard isFloat32 else { throw ResNetError(.badFormat, "\(path) is not of type float32") }
    try expectMemory(byteCount, for: path)
    var values = [Float](repeating: 0, count: byteCount / MemoryLayout<Float>.stride)
    try values.withUnsafeMutableBufferPointer { buffer in
      Result { () throws(ResNetError) in try readFloats(into: buffer) }
    }.get()
    return values
  }

  /// Reads numbers of double precision, each of which may be anything.
  func readDoubles() throws(ResNetError) -> [Double] {
    guard type == HDF5Type.float64 else {
      throw ResNetError(.badFormat, "\(path) is not of type float64")
    }
    try expectMemory(byteCount, for: path)
    var values = [Double](repeating: 0, count: byteCount / MemoryLayout<Double>.stride)
    try values.withUnsafeMutableBytes { bytes in
      Result { () throws(ResNetError) in try read(into: bytes) }
    }.get()
    return values
  }

  /// Reads so many names, of which the error says what they are.
  func readStrings(count: Int, for what: String = "class") throws(ResNetError) -> [String] {
    switch type.kind {
    case .string(.nullPadded), .string(.nullTerminated): break
    default:
      throw ResNetError(.badFormat, "\(path) is not of fixed-length, null-padded strings")
    }
    guard shape == [count] else {
      throw ResNetError(
        .badFormat, "\(path) has shape \(shape), expected one name per \(what) (\(count))")
    }
    // And each of them as a string.
    try expectMemory(2 * byteCount + 64 * count, for: path)
    var table = [UInt8](repeating: 0, count: byteCount)
    try table.withUnsafeMutableBytes { bytes in
      Result { () throws(ResNetError) in try read(into: bytes) }
    }.get()
    var names: [String] = []
    for row in 0..<count {
      let bytes = table[row * type.size..<(row + 1) * type.size].prefix { $0 != 0 }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw ResNetError(.badFormat, "\(path) is not UTF-8 in row \(row)")
      }
      names.append(name)
    }
    return names
  }
}
