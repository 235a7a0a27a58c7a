extension HDF5Dataset {
  /// Reading a part of a chunk with filters takes memory for a few of it.
  static let maximumChunkBytes = 1 << 28

  /// Throws if it has chunks that are too large to be read.
  func checkChunkSize() throws(ResNetError) {
    guard case .chunked(let chunked) = storage,
      chunked.chunks.grid.chunkBytes > Self.maximumChunkBytes
    else { return }
    throw ResNetError(
      .badFormat,
      "\(path) is stored in chunks of more than \(Self.maximumChunkBytes >> 20) MiB; store it in "
        + "smaller ones, best of one image")
  }

  /// Throws if it claims to hold more than the file has room for, or has chunks that are too large.
  func checkIsStored() throws(ResNetError) {
    try checkChunkSize()
    var expansion = 1
    if case .chunked(let chunked) = storage, chunked.filters.filters.contains(.deflate) {
      expansion = Inflate.maximumExpansion
    }
    guard byteCount / expansion <= storedBytes else {
      throw ResNetError(
        .badFormat,
        "\(path) has shape \(shape), but only \(storedBytes) bytes of it are stored")
    }
  }

  /// How many rows, which are parts of the first dimension, there are; one for a single value.
  var rows: Int { shape.isEmpty ? 1 : shape[0] }

  /// Reads rows as they are stored, which fill `bytes`. What was never written becomes the fill value.
  /// With a cache, chunks of which others want parts are kept there; it must be of this dataset.
  func read(
    _ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer, cache: HDF5ChunkCache? = nil
  ) throws(ResNetError) {
    let rowBytes = self.rows == 0 ? 0 : byteCount / self.rows
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows, bytes.count == rows.count * rowBytes
    else {
      throw ResNetError(
        .invalidArgument,
        "\(path) has \(self.rows) rows of \(rowBytes) bytes; rows \(rows) were asked for, into "
          + "\(bytes.count) bytes")
    }
    guard !bytes.isEmpty else { return }
    try object.named { () throws(ResNetError) in
      let start = rows.lowerBound * rowBytes
      switch storage {
      case .compact(let data):
        data.withUnsafeBytes {
          bytes.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: $0[start..<start + bytes.count]))
        }
      case .contiguous(let address):
        if let address {
          try file.fill(bytes, from: address + start, of: "its data")
        } else {
          putFill(bytes)
        }
      case .chunked(let chunked):
        try read(rows, of: chunked, into: bytes, cache)
      }
    }
  }

  /// Reads all values as they are stored.
  func read(into bytes: UnsafeMutableRawBufferPointer) throws(ResNetError) {
    try read(0..<rows, into: bytes)
  }

  /// Calls `body` with the bytes of all values in order, at most a megabyte or one value at a time. Of
  /// chunks, whole ones are read, so that none is decompressed twice.
  func forEachPortion(_ body: (UnsafeRawBufferPointer) throws(ResNetError) -> Void)
    throws(ResNetError)
  {
    guard byteCount > 0 else { return }
    let rowBytes = byteCount / rows
    var step = max(1, (1 << 20) / rowBytes)
    if case .chunked(let chunked) = storage {
      let chunkRows = chunked.chunks.grid.chunk[0]
      step = chunkRows * max(1, step / chunkRows)
    }
    let memory = try HDF5Buffer(min(step, rows) * rowBytes)
    let pieceBytes = max(1, (1 << 20) / type.size) * type.size
    for first in stride(from: 0, to: rows, by: step) {
      let range = first..<min(first + step, rows)
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: memory.mutableBytes[..<(range.count * rowBytes)])
      try read(range, into: bytes)
      for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
        let end = min(start + pieceBytes, bytes.count)
        try body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      }
    }
  }

  /// All texts of a dataset of strings.
  func readStrings() throws(ResNetError) -> [String] {
    var reader = try object.named { () throws(ResNetError) in try HDF5Strings(type, in: file) }
    var strings: [String] = []
    try expectMemory(count, of: MemoryLayout<String>.stride, for: "the texts of \(path)")
    strings.reserveCapacity(count)
    try forEachPortion { bytes throws(ResNetError) in
      // A copy of the bytes, and each as a string.
      try expectMemory(
        bytes.count + bytes.count / type.size * MemoryLayout<String>.stride,
        for: "the texts of \(path)")
      strings += try object.named { () throws(ResNetError) in
        try reader.strings(in: [UInt8](bytes)[...])
      }
    }
    return strings
  }

  private func putFill(_ bytes: UnsafeMutableRawBufferPointer) {
    guard fill.count > 1 else {
      bytes.initializeMemory(as: UInt8.self, repeating: fill.first ?? 0)
      return
    }
    for offset in stride(from: 0, to: bytes.count, by: fill.count) {
      UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + fill.count])
        .copyBytes(from: fill)
    }
  }

  // MARK: - Chunks

  private func read(
    _ rows: Range<Int>, of chunked: Chunked, into bytes: UnsafeMutableRawBufferPointer,
    _ cache: HDF5ChunkCache?
  ) throws(ResNetError) {
    try checkChunkSize()
    let grid = chunked.chunks.grid
    let perRow = grid.counts.dropFirst().reduce(1, *)
    let first = rows.lowerBound / grid.chunk[0]
    let last = (rows.upperBound - 1) / grid.chunk[0]
    let numbers = first * perRow..<(last + 1) * perRow
    let places = chunked.chunks.places(in: numbers)
    // Chunks that were never written cost no time each: there may be as many as values, and none in the file.
    if places.count < numbers.count { putFill(bytes) }
    for place in places {
      let chunk = chunked.chunks.chunk(at: place)
      let position = grid.position(of: chunk.number)
      let chunkRow = position[0] * grid.chunk[0]
      let wanted =
        max(rows.lowerBound, chunkRow) - chunkRow..<min(rows.upperBound, chunkRow + grid.chunk[0])
        - chunkRow
      let box = HDF5ChunkBox(
        grid, position, wanted, valueBytes: type.size,
        target: (chunkRow + wanted.lowerBound - rows.lowerBound))
      let isEdge = chunked.leavesEdgesUnfiltered && grid.isPartial(position)
      if chunked.filters.filters.isEmpty || isEdge {
        try readUnfiltered(chunk, box, grid, into: bytes)
        continue
      }
      let hasMore = wanted.count < grid.chunk[0]
      let data: HDF5Buffer
      if hasMore, let kept = cache?[chunk.number] {
        data = kept
      } else {
        data = try decoded(chunk, chunked.filters, grid.chunkBytes)
        if hasMore { cache?.keep(data, as: chunk.number) }
      }
      box.forEachRun { source, target, count in
        UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + count]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: data.bytes[source..<source + count]))
      }
    }
  }

  /// From the file to where it is wanted, if that is one piece; or else by way of the chunk's rows.
  private func readUnfiltered(
    _ chunk: HDF5Chunks.Chunk, _ box: HDF5ChunkBox, _ grid: HDF5ChunkGrid,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(ResNetError) {
    guard chunk.count == grid.chunkBytes else {
      throw ResNetError(
        .badFormat, "a chunk has \(chunk.count) bytes and should have \(grid.chunkBytes)")
    }
    if let run = box.onlyRun {
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: bytes[run.target..<run.target + run.count])
      return try file.fill(piece, from: chunk.address + run.source, of: "a chunk")
    }
    let slab = try HDF5Buffer(box.slab.count)
    try file.fill(slab.mutableBytes, from: chunk.address + box.slab.lowerBound, of: "a chunk")
    box.forEachRun { source, target, count in
      let source = source - box.slab.lowerBound
      UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + count]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: slab.bytes[source..<source + count]))
    }
  }

  private func decoded(_ chunk: HDF5Chunks.Chunk, _ filters: HDF5Filters, _ count: Int)
    throws(ResNetError) -> HDF5Buffer
  {
    let stored = try HDF5Buffer(chunk.count)
    try file.fill(stored.mutableBytes, from: chunk.address, of: "a chunk")
    return try filters.decode(
      stored, skipped: chunk.skipped, count: count, verifyingChecksums: file.verifiesChecksums)
  }
}
