/// What was done to each chunk, in order, when it was stored: a dataset's filter pipeline.
struct HDF5Filters {
  enum Filter: Equatable {
    case deflate
    /// Bytes of a value that were taken apart.
    case shuffle(Int)
    case fletcher32
  }

  let filters: [Filter]

  static let none = HDF5Filters(filters: [])

  private init(filters: [Filter]) { self.filters = filters }

  /// From a filter pipeline message. Throws, naming it, for a filter that is not one of those here.
  init(_ bytes: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    let what = "its list of filters"
    var cursor = file.cursor(bytes, of: what)
    let version = try cursor.version(1...2)
    let count = Int(try cursor.byte())
    if version == 1 { try cursor.skip(6) }
    var filters: [Filter] = []
    for _ in 0..<count {
      let number = try cursor.integer(2)
      // In the second version HDF5's own filters need no name.
      let nameBytes = version == 1 || number >= 256 ? try cursor.integer(2) : 0
      try cursor.skip(2)
      let valueCount = try cursor.integer(2)
      let name = String(
        decoding: try cursor.take(nameBytes).prefix { $0 != 0 }, as: UTF8.self)
      var values: [Int] = []
      for _ in 0..<valueCount { values.append(try cursor.integer(4)) }
      if version == 1, valueCount % 2 == 1 { try cursor.skip(4) }
      switch number {
      case 1: filters.append(.deflate)
      case 2: filters.append(.shuffle(max(values.first ?? 1, 1)))
      case 3: filters.append(.fletcher32)
      default:
        throw ResNetError(
          .badFormat,
          "it has HDF5's filter \(number)\(name.isEmpty ? "" : " (\(name))"); only deflate (gzip), "
            + "shuffle and Fletcher-32 are read")
      }
    }
    guard filters.count(where: { $0 == .deflate }) <= 1, filters.count <= 32 else {
      throw ResNetError(.badFormat, "\(what) has deflate twice, or more than 32 filters")
    }
    self.filters = filters
  }

  /// Undoes the filters: makes the `count` bytes of a chunk of those that were stored. By the bits of
  /// `skipped`, filters were left out. Throws unless exactly so many bytes come out; memory for more is
  /// never taken.
  func decode(
    _ stored: HDF5Buffer, skipped: UInt32, count: Int, verifyingChecksums: Bool
  ) throws(ResNetError) -> HDF5Buffer {
    var applied: [Filter] = []
    for (index, filter) in filters.enumerated() where skipped & 1 << UInt32(index) == 0 {
      applied.append(filter)
    }
    // Checksums that were added before it was compressed.
    var inflated = count
    let before = applied.prefix { $0 != .deflate }
    inflated += 4 * before.count { $0 == .fletcher32 }
    var data = stored
    for filter in applied.reversed() {
      switch filter {
      case .deflate: data = try Inflate.all(data.bytes, count: inflated)
      case .shuffle(let size): data = try Self.unshuffled(data, size)
      case .fletcher32: try Self.verify(&data, verifyingChecksums)
      }
    }
    guard data.count == count else {
      throw ResNetError(.badFormat, "a chunk has \(data.count) bytes and should have \(count)")
    }
    return data
  }

  private static func verify(_ data: inout HDF5Buffer, _ verifyingChecksums: Bool)
    throws(ResNetError)
  {
    guard data.count >= 4 else { throw ResNetError(.badFormat, "a chunk lacks its checksum") }
    let values = UnsafeRawBufferPointer(rebasing: data.bytes.dropLast(4))
    let checksum = data.bytes.loadUnaligned(fromByteOffset: values.count, as: UInt32.self)
    guard
      !verifyingChecksums || UInt32(littleEndian: checksum) == HDF5Checksums.fletcher32(values)
    else { throw ResNetError(.badFormat, "a chunk is damaged: its checksum is wrong") }
    data.shorten(to: values.count)
  }

  /// All first bytes of the values come first, then all second ones, and so on; what is left over
  /// stays at the end.
  private static func unshuffled(_ data: HDF5Buffer, _ size: Int) throws(ResNetError) -> HDF5Buffer
  {
    let values = data.count / size
    guard size > 1, values > 1 else { return data }
    let result = try HDF5Buffer(data.count)
    let source = data.bytes
    let target = result.mutableBytes
    for byte in 0..<size {
      for value in 0..<values { target[value * size + byte] = source[byte * values + value] }
    }
    for index in values * size..<data.count { target[index] = source[index] }
    return result
  }
}
