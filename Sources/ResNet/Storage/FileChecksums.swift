import CKernels
import Glibc

/// The checksums of a model file, which follow the HDF5 data.
///
/// The data of each dataset has a checksum of its own, so that damage can be named; one more covers
/// all other bytes. docs/FORMAT.md has the layout.
///
/// The latter is verified before HDF5 sees the file, because HDF5 does not stand damaged structures:
/// it keeps memory and identifiers, and complains on the host's standard error when the process
/// ends. HDF5 then says where the tensors lie, so that their data, which are nearly all of the file,
/// are read once, to where they are wanted, and verified there.
enum FileChecksums {
  /// The stored bytes of a dataset.
  struct Part {
    let name: String
    let range: Range<Int>
  }

  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let magic = Array("RNCHECK1".utf8)
  private static let entryBytes = 24
  private static let footerBytes = 32
  /// Far more than the largest network's table.
  private static let maximumTableBytes = 1 << 26

  // MARK: - Writing

  /// What follows `bytes`, the HDF5 data in which the datasets lie at `parts`.
  static func trailer(of bytes: UnsafeRawBufferPointer, parts: [Part]) -> [UInt8] {
    var table: [UInt8] = []
    var structure = CRC32()
    var end = 0
    for part in parts.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      structure.add(UnsafeRawBufferPointer(rebasing: bytes[end..<part.range.lowerBound]))
      end = part.range.upperBound
      var data = CRC32()
      data.add(UnsafeRawBufferPointer(rebasing: bytes[part.range]))
      table.append(UInt64(part.range.lowerBound))
      table.append(UInt64(part.range.count))
      table.append(data.value)
      table.append(UInt32(part.name.utf8.count))
      table += part.name.utf8
    }
    structure.add(UnsafeRawBufferPointer(rebasing: bytes[end...]))
    let tableBytes = table.count
    table.append(UInt64(tableBytes))
    table.append(UInt64(bytes.count))
    table.append(structure.value)
    var own = CRC32()
    table.withUnsafeBytes { own.add($0) }
    table.append(own.value)
    return table + magic
  }

  // MARK: - Verifying

  /// The stored bytes of a dataset, and what their checksum must be.
  struct Entry {
    let part: Part
    fileprivate let checksum: UInt32
  }

  /// Verifies all that HDF5 takes for structures: every byte but the data of the datasets, which
  /// are returned in the order of the file, for ``verify(_:of:into:)``. Throws `badFormat`, naming
  /// the part, unless they are as they were saved.
  static func verifyStructure(_ file: borrowing FileReader) throws(ResNetError) -> [Entry] {
    guard file.size >= signature.count, try file.bytes(0, signature.count) == signature else {
      throw ResNetError(.badFormat, "it is not an HDF5 file")
    }
    guard file.size >= footerBytes + signature.count,
      try file.bytes(file.size - magic.count, magic.count) == magic
    else {
      throw ResNetError(
        .badFormat,
        "it is not a model of libresnet as it was saved: the checksums that end such a file are "
          + "missing, so it is truncated, was changed by another program, or is another HDF5 file")
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

  /// What reading a piece came to.
  private struct Outcome {
    var sum = CRC32.Piece.empty
    var isFinite = true
    var failure: ResNetError?
  }

  /// Reads the data of all datasets and verifies them, on all threads. The first bytes of an entry
  /// end up in its memory in `destinations`, if it has any there: by their offset in the file.
  /// Throws `badFormat`, naming the dataset, for the first that is not as it was saved, or holds a
  /// value that is not finite where it has a destination.
  static func verify(
    _ entries: [Entry], of file: borrowing FileReader,
    into destinations: [Int: UnsafeMutableBufferPointer<Float>]
  ) throws(ResNetError) {
    var pieces: [Piece] = []
    for (index, entry) in entries.enumerated() {
      let range = entry.part.range
      var rest = range.lowerBound
      if let wanted = destinations[range.lowerBound] {
        let size = MemoryLayout<Float>.stride
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

    var outcomes = [Outcome](repeating: Outcome(), count: pieces.count)
    outcomes.withUnsafeMutableBufferPointer { outcomes in
      ThreadPool.shared.run(pieces.count, workers: ThreadPool.maximumThreads) { task, _ in
        do throws(ResNetError) {
          outcomes[task] = try read(pieces[task], of: file)
        } catch {
          outcomes[task].failure = error
        }
      }
    }

    var sums = [CRC32](repeating: CRC32(), count: entries.count)
    var notFinite = Set<Int>()
    for (piece, outcome) in zip(pieces, outcomes) {
      if let failure = outcome.failure { throw failure }
      sums[piece.entry].add(outcome.sum)
      if !outcome.isFinite { notFinite.insert(piece.entry) }
    }
    for (entry, sum) in zip(entries, sums) where sum.value != entry.checksum {
      throw ResNetError(.badFormat, "\(entry.part.name) is damaged: its checksum is wrong")
    }
    if let entry = notFinite.min() {
      throw ResNetError(
        .badFormat, "\(entries[entry].part.name) holds a value that is not finite")
    }
  }

  private static func read(_ piece: Piece, of file: borrowing FileReader)
    throws(ResNetError) -> Outcome
  {
    guard let values = piece.destination else {
      let outcome = withUnsafeTemporaryAllocation(byteCount: piece.range.count, alignment: 64) {
        bytes in
        Result { () throws(ResNetError) in
          try file.fill(bytes, from: piece.range.lowerBound)
          return Outcome(sum: CRC32.Piece(UnsafeRawBufferPointer(bytes)))
        }
      }
      return try outcome.get()
    }
    let bytes = UnsafeMutableRawBufferPointer(values)
    try file.fill(bytes, from: piece.range.lowerBound)
    return Outcome(
      sum: CRC32.Piece(UnsafeRawBufferPointer(bytes)),
      isFinite: rk_first_not_finite(values.baseAddress, Int64(values.count)) == 0)
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

/// Reads pieces of a file that is open; it may shrink meanwhile, which is an error like any other.
struct FileReader: ~Copyable {
  private let descriptor: Int32
  private let status: stat

  /// Takes over an open file, of which `fstat` says `status`.
  init(_ descriptor: Int32, _ status: stat) {
    self.descriptor = descriptor
    self.status = status
  }

  deinit { close(descriptor) }

  /// Bytes.
  var size: Int { Int(status.st_size) }

  /// Whether `path` names this file, of the size it had when it was opened.
  func isStill(at path: String) -> Bool {
    var now = stat()
    return stat(path, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino
      && now.st_size == status.st_size
  }

  func bytes(_ offset: Int, _ count: Int) throws(ResNetError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let outcome = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try fill(buffer, from: offset) }
    }
    try outcome.get()
    return bytes
  }

  func add(_ range: Range<Int>, to checksum: inout CRC32) throws(ResNetError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(range.count, 1 << 20), alignment: 64)
    defer { buffer.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, range.upperBound - offset)])
      try fill(piece, from: offset)
      checksum.add(UnsafeRawBufferPointer(piece))
      offset += piece.count
    }
  }

  /// Fills the buffer with the file's bytes from `offset` on.
  fileprivate func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int)
    throws(ResNetError)
  {
    var done = 0
    while done < buffer.count {
      let count = pread(
        descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw AtomicFile.systemError("cannot read the file") }
      guard count > 0 else {
        throw ResNetError(.inputOutput, "the file became shorter while it was read")
      }
      done += count
    }
  }
}

extension [UInt8] {
  /// Appends an integer, little-endian.
  fileprivate mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// The little-endian integer at an offset, which must be within.
  fileprivate func integer<Value: FixedWidthInteger>(at offset: Int, as _: Value.Type) -> Value {
    withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }
}
