import CKernels
import Glibc

/// The checksums of a model file, which follow the HDF5 data.
///
/// The data of each dataset has a checksum of its own, so that damage can be named; one more covers
/// all other bytes. docs/FORMAT.md has the layout.
///
/// The latter is verified first, so that nothing of a damaged file is taken for anything else. The
/// structures then say where the tensors lie, so that their data, which are nearly all of the file, are
/// read once, to where they are wanted, and verified there.
enum FileChecksums {
  /// The stored bytes of a dataset.
  struct Part {
    let name: String
    let range: Range<Int>
  }

  private static let magic = Array("RNCHECK1".utf8)
  private static let entryBytes = 24
  private static let footerBytes = 32
  /// Far more than the largest network's table.
  private static let maximumTableBytes = 1 << 26

  // MARK: - Writing

  /// Takes the checksums of a file as it is written, from its beginning to its end.
  struct Writer {
    private var table: [UInt8] = []
    private var structure = CRC32()
    private var part: (Part, CRC32)?
    /// Bytes so far.
    private var count = 0

    init() {}

    /// Bytes that are no dataset's.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
      structure.add(bytes)
      count += bytes.count
    }

    /// Bytes of a dataset, whose other bytes come next to them.
    mutating func add(_ bytes: UnsafeRawBufferPointer, of name: String, range: Range<Int>) {
      var checksum = count == range.lowerBound ? CRC32() : part?.1 ?? CRC32()
      checksum.add(bytes)
      count += bytes.count
      part = (Part(name: name, range: range), checksum)
      guard count == range.upperBound else { return }
      table.append(little: UInt64(range.lowerBound))
      table.append(little: UInt64(range.count))
      table.append(little: checksum.value)
      table.append(little: UInt32(name.utf8.count))
      table += name.utf8
    }

    /// What follows the HDF5 data.
    consuming func trailer() -> [UInt8] {
      let tableBytes = table.count
      table.append(little: UInt64(tableBytes))
      table.append(little: UInt64(count))
      table.append(little: structure.value)
      var own = CRC32()
      table.withUnsafeBytes { own.add($0) }
      table.append(little: own.value)
      return table + FileChecksums.magic
    }
  }

  // MARK: - Verifying

  /// The stored bytes of a dataset, and what their checksum must be.
  struct Entry {
    let part: Part
    fileprivate let checksum: UInt32
  }

  /// Whether a file ends as those do that have checksums.
  static func areIn(_ file: FileReader) throws(ResNetError) -> Bool {
    guard file.size >= footerBytes + HDF5File.signature.count else { return false }
    return try file.bytes(file.size - magic.count, magic.count) == magic
  }

  /// Verifies all that is not a dataset's: every byte but the data of the datasets, which
  /// are returned in the order of the file, for ``verify(_:of:into:)``. Throws `badFormat`, naming
  /// the part, unless they are as they were saved.
  static func verifyStructure(_ file: FileReader) throws(ResNetError) -> [Entry] {
    guard try HDF5File.begins(file) else {
      throw ResNetError(.badFormat, "it is not an HDF5 file" + ModelFile.importAdvice(file.path))
    }
    guard try areIn(file) else {
      throw ResNetError(
        .badFormat,
        "it is not a model of libresnet as it was saved: the checksums that end such a file are "
          + "missing, so it is truncated, was changed by another program, or is another HDF5 file, as of Keras's "
          + "or Caffe's weights, which are imported (Model.importing in Swift, import_model in Python, "
          + "rn_model_import in C, resnet convert)")
    }
    let footer = try file.bytes(file.size - footerBytes, footerBytes)
    guard let tableBytes = Int(exactly: footer.integer(at: 0, as: UInt64.self)),
      let dataBytes = Int(exactly: footer.integer(at: 8, as: UInt64.self)),
      tableBytes <= min(file.size, maximumTableBytes),
      dataBytes == file.size - footerBytes - tableBytes
    else { throw ResNetError(.badFormat, "it is damaged: its parts do not add up to its size") }
    let table = try file.bytes(dataBytes, tableBytes)
    var own = CRC32()
    table.withUnsafeBytes { own.add($0) }
    footer[..<20].withUnsafeBytes { own.add($0) }
    guard own.value == footer.integer(at: 20, as: UInt32.self) else {
      throw ResNetError(.badFormat, "its table of checksums is damaged")
    }

    var entries: [Entry] = []
    var structure = CRC32()
    var end = 0
    var position = 0
    while position < table.count {
      let entry = try entry(table, at: &position, after: end, limit: dataBytes)
      try file.add(end..<entry.part.range.lowerBound, to: &structure)
      end = entry.part.range.upperBound
      entries.append(entry)
    }
    try file.add(end..<dataBytes, to: &structure)
    guard structure.value == footer.integer(at: 16, as: UInt32.self) else {
      throw ResNetError(
        .badFormat, "it is damaged: the checksum of its HDF5 structures and attributes is wrong")
    }
    return entries
  }

  /// Bytes that one thread reads and checks at a time: they are still in its cache when they are
  /// checked.
  private static let pieceBytes = 1 << 18

  /// Some bytes of an entry.
  private struct Piece {
    let entry: Int
    let range: Range<Int>
    /// Where they are wanted; nil if they are only to be verified.
    let destination: UnsafeMutableBufferPointer<Float>?
  }

  /// So many bytes for each worker, in one block.
  private struct Scratch {
    private let floats: Int
    private let base: UnsafeMutablePointer<Float>

    init(bytes: Int, workers: Int) throws(ResNetError) {
      // Whole cache lines.
      floats = (bytes + 63) / 64 * 16
      base = try allocateFloats(floats * max(workers, 1), zeroed: false)
    }

    subscript(_ worker: Int) -> UnsafeMutablePointer<Float> { base + worker * floats }
    func free() { Glibc.free(base) }
  }

  /// What reading a piece came to.
  private struct Outcome {
    var sum = CRC32.Piece.empty
    var isFinite = true
    var failure: ResNetError?
  }

  /// Reads the data of datasets and verifies them, on all threads. The first bytes of an entry
  /// end up in its memory in `destinations`, if it has any there: by their offset in the file.
  /// Throws `badFormat`, naming the dataset, for the first that is not as it was saved, or holds a
  /// value that is not finite where it has a destination.
  static func verify(
    _ entries: [Entry], of file: FileReader,
    into destinations: [Int: UnsafeMutableBufferPointer<Float>]
  ) throws(ResNetError) {
    // The first piece of an entry may be short at its end, and its last one.
    let most = entries.reduce(0) { $0 + $1.part.range.count / pieceBytes + 2 }
    try expectMemory(
      most, of: MemoryLayout<Piece>.stride + MemoryLayout<Outcome>.stride,
      for: "a list of \(most) parts")
    var pieces: [Piece] = []
    pieces.reserveCapacity(most)
    for (index, entry) in entries.enumerated() {
      let range = entry.part.range
      var rest = range.lowerBound
      if let wanted = destinations[range.lowerBound] {
        let size = MemoryLayout<Float>.stride
        guard wanted.count <= range.count / size else {
          throw ResNetError(
            .badFormat,
            "\(entry.part.name) has \(range.count) bytes, too few for \(wanted.count) values")
        }
        for first in stride(from: 0, to: wanted.count, by: pieceBytes / size) {
          let values = UnsafeMutableBufferPointer(
            rebasing: wanted[first..<min(first + pieceBytes / size, wanted.count)])
          let end = rest + values.count * size
          pieces.append(Piece(entry: index, range: rest..<end, destination: values))
          rest = end
        }
      }
      for start in stride(from: rest, to: range.upperBound, by: pieceBytes) {
        let end = min(start + pieceBytes, range.upperBound)
        pieces.append(Piece(entry: index, range: start..<end, destination: nil))
      }
    }
    // Waking threads would take longer than reading so little.
    let isLittle = entries.reduce(0) { $0 + $1.part.range.count } <= pieceBytes
    let workers = isLittle ? 1 : min(ThreadPool.threads, max(pieces.count, 1))
    let scratch = try Scratch(
      bytes: pieces.reduce(0) { $1.destination == nil ? max($0, $1.range.count) : $0 },
      workers: workers)
    defer { scratch.free() }
    var outcomes = [Outcome](repeating: Outcome(), count: pieces.count)
    outcomes.withUnsafeMutableBufferPointer { outcomes in
      ThreadPool.shared.run(pieces.count, workers: workers) { task, worker in
        outcomes[task] = read(pieces[task], of: file, scratch[worker])
      }
    }
    try conclude(entries, zip(pieces.lazy.map(\.entry), outcomes))
  }

  /// Reads the first `count` values of an entry in blocks of `blockFloats`, on at most `workers`
  /// threads, and hands each block to `body` while it is in its thread's cache. Throws as
  /// ``verify(_:of:into:)`` does; what `body` made of the values is then to be thrown away.
  static func forEachBlock(
    of entry: Entry, in file: FileReader, count: Int, blockFloats: Int, pool: ThreadPool,
    workers: Int, _ body: (_ block: Int, _ values: UnsafePointer<Float>) -> Void
  ) throws(ResNetError) {
    let blocks = (count + blockFloats - 1) / blockFloats
    let size = MemoryLayout<Float>.stride
    let data = entry.part.range
    let scratch = try Scratch(bytes: blockFloats * size, workers: min(workers, blocks))
    defer { scratch.free() }
    var outcomes = [Outcome](repeating: Outcome(), count: blocks)
    outcomes.withUnsafeMutableBufferPointer { outcomes in
      pool.run(blocks, workers: workers) { block, worker in
        let first = block * blockFloats
        let values = UnsafeMutableBufferPointer(
          start: scratch[worker], count: min(blockFloats, count - first))
        let start = data.lowerBound + first * size
        let piece = Piece(
          entry: 0, range: start..<start + values.count * size, destination: values)
        outcomes[block] = read(piece, of: file, scratch[worker])
        if outcomes[block].failure == nil, let base = values.baseAddress { body(block, base) }
      }
    }
    // HDF5's own checksum follows the values.
    for start in stride(
      from: data.lowerBound + count * size, to: data.upperBound, by: blockFloats * size)
    {
      let range = start..<min(start + blockFloats * size, data.upperBound)
      outcomes.append(
        read(Piece(entry: 0, range: range, destination: nil), of: file, scratch[0]))
    }
    try conclude([entry], outcomes.lazy.map { (0, $0) })
  }

  /// Throws for the first entry that was not read, is not as it was saved, or is not finite. The
  /// outcomes are those of all pieces, in the order of the file, with the index of their entry.
  private static func conclude(
    _ entries: [Entry], _ outcomes: some Sequence<(Int, Outcome)>
  ) throws(ResNetError) {
    var sums = [CRC32](repeating: CRC32(), count: entries.count)
    var notFinite = Set<Int>()
    for (entry, outcome) in outcomes {
      if let failure = outcome.failure { throw failure }
      sums[entry].add(outcome.sum)
      if !outcome.isFinite { notFinite.insert(entry) }
    }
    for (entry, sum) in zip(entries, sums) where sum.value != entry.checksum {
      throw ResNetError(.badFormat, "\(entry.part.name) is damaged: its checksum is wrong")
    }
    if let entry = notFinite.min() {
      throw ResNetError(
        .badFormat, "\(entries[entry].part.name) holds a value that is not finite")
    }
  }

  /// Reads a piece to where it is wanted, or else to `scratch`, which has room for it.
  private static func read(
    _ piece: Piece, of file: FileReader, _ scratch: UnsafeMutablePointer<Float>
  ) -> Outcome {
    func filled(_ bytes: UnsafeMutableRawBufferPointer) -> Outcome {
      do throws(ResNetError) {
        try file.fill(bytes, from: piece.range.lowerBound)
        return Outcome(sum: CRC32.Piece(UnsafeRawBufferPointer(bytes)))
      } catch {
        return Outcome(failure: error)
      }
    }
    guard let values = piece.destination else {
      return filled(UnsafeMutableRawBufferPointer(start: scratch, count: piece.range.count))
    }
    var outcome = filled(UnsafeMutableRawBufferPointer(values))
    guard outcome.failure == nil else { return outcome }
    outcome.isFinite = rk_first_not_finite(values.baseAddress, Int64(values.count)) == 0
    return outcome
  }

  private static func entry(_ table: [UInt8], at position: inout Int, after end: Int, limit: Int)
    throws(ResNetError) -> Entry
  {
    let damaged = ResNetError(.badFormat, "its table of checksums is not well formed")
    guard table.count - position >= entryBytes,
      let start = Int(exactly: table.integer(at: position, as: UInt64.self)),
      let count = Int(exactly: table.integer(at: position + 8, as: UInt64.self)),
      count > 0, start >= end, start <= limit, count <= limit - start
    else { throw damaged }
    let checksum = table.integer(at: position + 16, as: UInt32.self)
    let length = Int(table.integer(at: position + 20, as: UInt32.self))
    position += entryBytes
    guard length <= table.count - position,
      let name = String(validating: table[position..<position + length], as: UTF8.self)
    else { throw damaged }
    position += length
    return Entry(part: Part(name: name, range: start..<start + count), checksum: checksum)
  }
}
