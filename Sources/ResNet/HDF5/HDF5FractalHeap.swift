/// A fractal heap: many small objects in blocks whose sizes double from row to row, and large ones
/// beside it.
struct HDF5FractalHeap {
  /// Of what says where an object is.
  let idBytes: Int
  fileprivate let file: HDF5File
  fileprivate let hugeIndexAddress: Int?
  fileprivate let width: Int
  fileprivate let startBytes: Int
  fileprivate let rootAddress: Int?
  /// Rows of the root's table; 0 if the root is a block itself.
  fileprivate let rootRows: Int
  /// Rows of a table that lead to blocks; those below lead to tables.
  fileprivate let blockRows: Int
  fileprivate let hasChecksums: Bool
  /// Bytes of an object's offset in the heap, and of its length.
  fileprivate let offsetBytes: Int
  fileprivate let lengthBytes: Int
  private let maximumBits: Int

  fileprivate static let what = "a fractal heap"

  init(at address: Int, in file: HDF5File) throws(ResNetError) {
    let what = Self.what
    let sizes = file.sizes
    // Those of filters would make the header longer.
    var prefix = try file.structure("FRHP", at: address, 9, of: what)
    try prefix.skip(3)
    guard try prefix.integer(2) == 0 else {
      throw ResNetError(.badFormat, "\(what) is compressed, which is not read")
    }
    var cursor = try file.sealed(
      "FRHP", at: address, 26 + 12 * sizes.length + 3 * sizes.address, of: what)
    try cursor.version(0...0)
    idBytes = try cursor.integer(2)
    try cursor.skip(2)
    hasChecksums = try cursor.byte() & 2 != 0
    let maximumObjectBytes = try cursor.integer(4)
    try cursor.skip(sizes.length)
    hugeIndexAddress = try cursor.optionalAddress()
    try cursor.skip(sizes.length)
    _ = try cursor.optionalAddress()
    try cursor.skip(8 * sizes.length)
    width = try cursor.integer(2)
    startBytes = try cursor.length()
    let maximumBlockBytes = try cursor.length()
    maximumBits = try cursor.integer(2)
    try cursor.skip(2)
    rootAddress = try cursor.optionalAddress()
    rootRows = try cursor.integer(2)
    self.file = file
    guard idBytes > 1, (1...1 << 12).contains(width), width.nonzeroBitCount == 1,
      startBytes.nonzeroBitCount == 1,
      maximumBlockBytes.nonzeroBitCount == 1, startBytes <= maximumBlockBytes,
      maximumBlockBytes <= HDF5File.maximumStructureBytes, (1...64).contains(maximumBits),
      rootRows <= 64
    else { throw ResNetError(.badFormat, "\(what) has impossible dimensions") }
    blockRows = maximumBlockBytes.trailingZeroBitCount - startBytes.trailingZeroBitCount + 2
    offsetBytes = (maximumBits + 7) / 8
    let bits = Int.bitWidth - maximumObjectBytes.leadingZeroBitCount
    lengthBytes = min((maximumBlockBytes.trailingZeroBitCount + 7) / 8, max(1, (bits + 7) / 8))
  }

  /// Reads objects, and keeps the parts of the heap that it has met.
  final class Reader {
    private let heap: HDF5FractalHeap
    private var blocks: [Int: [UInt8]] = [:]
    /// The addresses in tables.
    private var tables: [Int: [Int?]] = [:]
    /// The large objects by number: address and size.
    private var huge: [UInt64: (address: Int, count: Int)]?

    init(_ heap: HDF5FractalHeap) { self.heap = heap }

    /// The bytes of the object that an ID of the heap's stands for.
    func object(_ id: ArraySlice<UInt8>) throws(ResNetError) -> ArraySlice<UInt8> {
      var cursor = heap.file.cursor(id, of: HDF5FractalHeap.what)
      let first = try cursor.byte()
      switch first >> 4 {
      case 0:
        let offset = try cursor.integer(heap.offsetBytes)
        return try managed(offset, try cursor.integer(heap.lengthBytes))
      case 1: return try hugeObject(&cursor)
      case 2:
        // In the ID itself: half a byte of length less one, or one and a half in a long ID.
        var count = Int(first & 0x0F)
        if heap.idBytes > 18 { count = count << 8 | Int(try cursor.byte()) }
        return try cursor.take(count + 1)
      default:
        throw ResNetError(.badFormat, "\(HDF5FractalHeap.what) has an object of no known kind")
      }
    }

    // MARK: - Objects in blocks

    private func managed(_ offset: Int, _ count: Int) throws(ResNetError) -> ArraySlice<UInt8> {
      guard var address = heap.rootAddress else {
        throw ResNetError(.badFormat, "\(HDF5FractalHeap.what) is empty but used")
      }
      var offset = offset
      var size = heap.startBytes
      var rows = heap.rootRows
      while rows > 0 {
        let place = try heap.place(of: offset, rows: rows)
        let table = try table(at: address, rows: rows)
        guard let child = table[place.entry] else {
          throw ResNetError(.badFormat, "\(HDF5FractalHeap.what) lacks a block")
        }
        address = child
        offset = place.offset
        size = place.size
        rows = place.rows
      }
      let block = try block(at: address, size)
      guard offset >= 0, count > 0, offset <= size, count <= size - offset else {
        throw ResNetError(.badFormat, "\(HDF5FractalHeap.what) has an object beyond a block's end")
      }
      try heap.file.spend(count, on: HDF5FractalHeap.what)
      return block[offset..<offset + count]
    }

    private func block(at address: Int, _ size: Int) throws(ResNetError) -> [UInt8] {
      if let block = blocks[address], block.count == size { return block }
      var bytes = try heap.file.bytes(address, size, of: HDF5FractalHeap.what)
      guard bytes.starts(with: Array("FHDB".utf8)) else {
        throw ResNetError(
          .badFormat, "a block of \(HDF5FractalHeap.what) is not where it should be")
      }
      if heap.hasChecksums, heap.file.verifiesChecksums {
        // Taken with zeros in its own place, behind the header's other parts.
        let place = 5 + heap.file.sizes.address + heap.offsetBytes
        var cursor = heap.file.cursor(bytes.dropFirst(place), of: HDF5FractalHeap.what)
        let checksum = try cursor.unsigned(4)
        bytes.replaceSubrange(place..<place + 4, with: repeatElement(0, count: 4))
        guard checksum == UInt64(HDF5Checksums.lookup3(bytes[...])) else {
          throw ResNetError(
            .badFormat, "a block of \(HDF5FractalHeap.what) is damaged: its checksum is wrong")
        }
      }
      blocks[address] = bytes
      return bytes
    }

    private func table(at address: Int, rows: Int) throws(ResNetError) -> [Int?] {
      let count = rows * heap.width
      if let table = tables[address], table.count == count { return table }
      let header = 5 + heap.file.sizes.address + heap.offsetBytes
      var cursor = try heap.file.sealed(
        "FHIB", at: address, header + count * heap.file.sizes.address + 4,
        of: HDF5FractalHeap.what)
      try cursor.skip(header - 4)
      var table: [Int?] = []
      for _ in 0..<count { table.append(try cursor.optionalAddress()) }
      tables[address] = table
      return table
    }

    // MARK: - Large objects

    private func hugeObject(_ cursor: inout HDF5Cursor) throws(ResNetError) -> ArraySlice<UInt8> {
      let file = heap.file
      let place: (address: Int, count: Int)
      if heap.idBytes > file.sizes.address + file.sizes.length {
        place = (try cursor.address(), try cursor.length())
      } else {
        let number = try cursor.unsigned(min(heap.idBytes - 1, 8))
        guard let found = try hugeObjects()[number] else {
          throw ResNetError(.badFormat, "\(HDF5FractalHeap.what) lacks a large object")
        }
        place = found
      }
      return try file.bytes(place.address, place.count, of: HDF5FractalHeap.what)[...]
    }

    private func hugeObjects() throws(ResNetError) -> [UInt64: (address: Int, count: Int)] {
      if let huge { return huge }
      guard let address = heap.hugeIndexAddress else {
        throw ResNetError(.badFormat, "\(HDF5FractalHeap.what) has no index of large objects")
      }
      let file = heap.file
      var objects: [UInt64: (address: Int, count: Int)] = [:]
      try HDF5BTree2(at: address, kinds: 1...1, in: file).forEachRecord {
        record throws(ResNetError) in
        var cursor = file.cursor(record, of: HDF5FractalHeap.what)
        let place = (try cursor.address(), try cursor.length())
        objects[try cursor.unsigned(file.sizes.length)] = place
      }
      huge = objects
      return objects
    }
  }

  /// Where in a table of so many rows an offset is: which of its entries, and, from its beginning on,
  /// where in that; and what it is, a block of `size` bytes or, with rows, a table.
  fileprivate func place(of offset: Int, rows: Int) throws(ResNetError)
    -> (entry: Int, offset: Int, size: Int, rows: Int)
  {
    // Rows 0 and 1 have blocks of the first size, and each row after that has twice the size.
    let firstRow = width * startBytes
    var row = 0
    var start = 0
    var size = startBytes
    while offset - start >= width * size {
      start += width * size
      row += 1
      if row > 1 { size *= 2 }
      guard row < rows, size < 1 << 48 else {
        throw ResNetError(.badFormat, "\(Self.what) has an object beyond its end")
      }
    }
    let column = (offset - start) / size
    let rest = (offset - start) % size
    guard row >= blockRows else { return (row * width + column, rest, size, 0) }
    // A table has as many rows as its size needs.
    let below = size.trailingZeroBitCount - firstRow.trailingZeroBitCount + 1
    guard below > 0, below < rows else {
      throw ResNetError(.badFormat, "\(Self.what) has impossible dimensions")
    }
    return (row * width + column, rest, size, below)
  }
}
