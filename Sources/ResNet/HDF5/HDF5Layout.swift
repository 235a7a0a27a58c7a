/// Where the data of a dataset are.
enum HDF5Layout {
  /// In the object's header.
  case compact(ArraySlice<UInt8>)
  /// In one piece; without an address, none was written yet.
  case contiguous(address: Int?, count: Int)
  case chunked(Chunked)

  struct Chunked {
    /// The extents of a chunk.
    let shape: [Int]
    let index: Index
    /// Chunks that reach beyond the dataset are stored without filters.
    let leavesEdgesUnfiltered: Bool
    /// Nil if no chunk was written yet.
    let address: Int?
  }

  /// How a chunk with filters is stored: its bytes, and, by bits, which filters were left out.
  struct Stored {
    let count: Int
    let skipped: UInt32
  }

  /// What tells where each chunk is.
  enum Index {
    case tree1
    /// There is one chunk alone.
    case single(Stored?)
    /// All chunks lie one after the other.
    case implicit
    case fixedArray
    case extensibleArray
    case tree2
  }

  private static let what = "its data layout"

  init(_ bytes: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    var cursor = file.cursor(bytes, of: Self.what)
    let version = try cursor.version(3...5)
    switch try cursor.byte() {
    case 0:
      self = .compact(try cursor.take(try cursor.integer(2)))
    case 1:
      let address = try cursor.optionalAddress()
      self = .contiguous(address: address, count: try cursor.length())
    case 2:
      self = .chunked(
        version == 3 ? try Self.chunksOfVersion3(&cursor) : try Self.chunks(&cursor))
    case 3:
      throw ResNetError(
        .badFormat, "it is a view of other datasets; store the values themselves")
    case let number:
      throw ResNetError(.badFormat, "\(Self.what) is of an unknown class, \(number)")
    }
  }

  private static func chunksOfVersion3(_ cursor: inout HDF5Cursor) throws(ResNetError) -> Chunked {
    let rank = Int(try cursor.byte()) - 1
    let address = try cursor.optionalAddress()
    let shape = try Self.shape(&cursor, rank: rank, bytes: 4)
    return Chunked(shape: shape, index: .tree1, leavesEdgesUnfiltered: false, address: address)
  }

  /// Of versions 4 and 5, which differ in how many bytes an index has for the size of a chunk.
  private static func chunks(_ cursor: inout HDF5Cursor) throws(ResNetError) -> Chunked {
    let flags = try cursor.byte()
    let rank = Int(try cursor.byte()) - 1
    let bytes = Int(try cursor.byte())
    guard (1...8).contains(bytes) else {
      throw ResNetError(.badFormat, "\(what) has chunks of impossible shape")
    }
    let shape = try Self.shape(&cursor, rank: rank, bytes: bytes)
    let index: Index
    switch try cursor.byte() {
    case 1:
      if flags & 2 != 0 {
        let count = try cursor.length()
        index = .single(
          Stored(count: count, skipped: UInt32(truncatingIfNeeded: try cursor.unsigned(4))))
      } else {
        index = .single(nil)
      }
    case 2: index = .implicit
    case 3:
      try cursor.skip(1)
      index = .fixedArray
    case 4:
      try cursor.skip(5)
      index = .extensibleArray
    case 5:
      try cursor.skip(6)
      index = .tree2
    case let number:
      throw ResNetError(.badFormat, "\(what) has an unknown index of chunks, \(number)")
    }
    return Chunked(
      shape: shape, index: index, leavesEdgesUnfiltered: flags & 1 != 0,
      address: try cursor.optionalAddress())
  }

  /// After the chunk's extents comes the size of a value, which is known.
  private static func shape(_ cursor: inout HDF5Cursor, rank: Int, bytes: Int)
    throws(ResNetError) -> [Int]
  {
    guard (1...HDF5Space.maximumRank).contains(rank) else {
      throw ResNetError(.badFormat, "\(what) has chunks of \(rank) dimensions")
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let extent = try cursor.integer(bytes)
      guard extent > 0 else {
        throw ResNetError(.badFormat, "\(what) has chunks of impossible shape")
      }
      shape.append(extent)
    }
    try cursor.skip(bytes)
    return shape
  }
}
