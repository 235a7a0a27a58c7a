/// Where each chunk of a dataset is.
struct HDF5Chunks {
  struct Chunk: Equatable {
    /// In the grid.
    let number: Int
    let address: Int
    /// Bytes in the file.
    let count: Int
    /// By bits, the filters that were left out.
    let skipped: UInt32
  }

  let grid: HDF5ChunkGrid
  /// Those that are in the file, in the order of their numbers; not used for an implicit index.
  private var chunks: [Chunk] = []
  /// The first chunk of all, if they lie one after the other.
  private var implicitAddress: Int?

  /// Bytes that all chunks take in the file.
  private(set) var storedBytes = 0

  /// Reads the index of a dataset. Throws if chunks lie outside the file, twice at the same place of
  /// the grid, or need more bytes than the file has, so that they would have to share them.
  init(
    _ layout: HDF5Layout.Chunked, grid: HDF5ChunkGrid, space: HDF5Space, hasFilters: Bool,
    in file: HDF5File
  ) throws(ResNetError) {
    self.grid = grid
    guard let address = layout.address, grid.count > 0 else { return }
    let rank = grid.shape.count
    switch layout.index {
    case .implicit:
      guard let bytes = HDF5Space.product([grid.count, grid.chunkBytes]) else {
        throw ResNetError(.badFormat, "it has chunks beyond any file")
      }
      guard !hasFilters else {
        throw ResNetError(.badFormat, "it has filters and no sizes of its chunks")
      }
      try file.check(address, bytes, "a chunk")
      implicitAddress = address
      storedBytes = bytes
      return
    case .single(let stored):
      guard grid.count == 1 else {
        throw ResNetError(.badFormat, "it has \(grid.count) chunks and a place for one")
      }
      try add(0, address, stored?.count ?? grid.chunkBytes, stored?.skipped ?? 0, in: file)
    case .tree1:
      try HDF5BTree1(at: address, .chunks(rank: rank), in: file).forEachChild {
        key, address throws(ResNetError) in
        var cursor = file.cursor(key, of: "its index of chunks")
        let count = try cursor.integer(4)
        let skipped = UInt32(truncatingIfNeeded: try cursor.unsigned(4))
        var position: [Int] = []
        for axis in 0..<rank { position.append(try cursor.integer(8) / grid.chunk[axis]) }
        try add(grid.number(at: position), address, count, skipped, in: file)
      }
    case .tree2:
      let tree = try HDF5BTree2(at: address, kinds: 10...11, in: file)
      guard tree.kind == (hasFilters ? 11 : 10) else {
        throw ResNetError(.badFormat, "its index of chunks is of the wrong kind")
      }
      let sizeBytes = tree.recordBytes - file.sizes.address - 4 - 8 * rank
      try tree.forEachRecord { record throws(ResNetError) in
        var cursor = file.cursor(record, of: "its index of chunks")
        let (address, count, skipped) = try Self.element(
          &cursor, hasFilters ? sizeBytes : nil, grid.chunkBytes)
        var position: [Int] = []
        for _ in 0..<rank { position.append(try cursor.integer(8)) }
        guard let address else { return }
        try add(grid.number(at: position), address, count, skipped, in: file)
      }
    case .fixedArray:
      let order = try HDF5ChunkOrder(space, grid.chunk, isExtensible: false)
      try HDF5FixedArray(at: address, in: file).forEachElement {
        index, cursor, elementBytes throws(ResNetError) in
        try add(&cursor, elementBytes, order.position(index), hasFilters, in: file)
      }
    case .extensibleArray:
      let order = try HDF5ChunkOrder(space, grid.chunk, isExtensible: true)
      try HDF5ExtensibleArray(at: address, in: file).forEachElement {
        index, cursor, elementBytes throws(ResNetError) in
        try add(&cursor, elementBytes, order.position(index), hasFilters, in: file)
      }
    }
    // Sorting takes memory for half of them.
    try expectMemory(chunks.count, of: MemoryLayout<Chunk>.stride, for: "its index of chunks")
    chunks.sort { $0.number < $1.number }
    for (before, after) in zip(chunks, chunks.dropFirst()) where before.number == after.number {
      throw ResNetError(.badFormat, "its index of chunks has two at the same place")
    }
  }

  /// The chunk at a position of the grid; nil if it was never written.
  subscript(number: Int) -> Chunk? {
    places(in: number..<number + 1).first.map { chunk(at: $0) }
  }

  /// Where the chunks of these numbers that are in the file come among all that are, in order.
  func places(in numbers: Range<Int>) -> Range<Int> {
    guard implicitAddress == nil else { return numbers }
    return place(of: numbers.lowerBound)..<place(of: numbers.upperBound)
  }

  /// The chunk at such a place.
  func chunk(at place: Int) -> Chunk {
    guard let implicitAddress else { return chunks[place] }
    return Chunk(
      number: place, address: implicitAddress + place * grid.chunkBytes, count: grid.chunkBytes,
      skipped: 0)
  }

  /// How many of the chunks in the file have a lower number.
  private func place(of number: Int) -> Int {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low + high) / 2
      if chunks[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// What an index has for a chunk: an address and, with filters, bytes and what was left out.
  private static func element(_ cursor: inout HDF5Cursor, _ sizeBytes: Int?, _ whole: Int)
    throws(ResNetError) -> (address: Int?, count: Int, skipped: UInt32)
  {
    let address = try cursor.optionalAddress()
    guard let sizeBytes else { return (address, whole, 0) }
    guard (1...8).contains(sizeBytes) else {
      throw ResNetError(.badFormat, "its index of chunks has impossible dimensions")
    }
    let count = try cursor.integer(sizeBytes)
    return (address, count, UInt32(truncatingIfNeeded: try cursor.unsigned(4)))
  }

  /// Adds an element of an array.
  private mutating func add(
    _ cursor: inout HDF5Cursor, _ elementBytes: Int, _ position: [Int], _ hasFilters: Bool,
    in file: HDF5File
  ) throws(ResNetError) {
    let (address, count, skipped) = try Self.element(
      &cursor, hasFilters ? elementBytes - file.sizes.address - 4 : nil, grid.chunkBytes)
    guard let address else { return }
    try add(grid.number(at: position), address, count, skipped, in: file)
  }

  /// Chunks outside the grid are left from when the dataset was larger.
  private mutating func add(
    _ number: Int?, _ address: Int, _ count: Int, _ skipped: UInt32, in file: HDF5File
  ) throws(ResNetError) {
    try file.check(address, count, "a chunk")
    // Filters make hardly any data larger, and never twice as large.
    guard (count - 1024) / 2 <= grid.chunkBytes else {
      throw ResNetError(
        .badFormat, "a chunk of \(grid.chunkBytes) bytes is stored in \(count)")
    }
    guard let number else { return }
    storedBytes += count
    guard storedBytes <= file.size else {
      throw ResNetError(.badFormat, "its chunks claim more bytes than the file has")
    }
    if chunks.count == chunks.capacity {
      let capacity = 2 * chunks.count + 16
      try expectMemory(
        capacity, of: MemoryLayout<Chunk>.stride, for: "its index of chunks")
      chunks.reserveCapacity(capacity)
    }
    chunks.append(Chunk(number: number, address: address, count: count, skipped: skipped))
  }
}
