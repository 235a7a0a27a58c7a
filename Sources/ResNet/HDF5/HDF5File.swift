import Synchronization

/// An HDF5 file being read, by our own reader of the "HDF5 File Format Specification Version 3.0".
///
/// Nothing in a file is trusted. Every address and size is compared with the file's; no structure may
/// be larger than ``maximumStructureBytes``; and as each structure of a sound file is read a few times
/// at most, reading them is refused once it has come to several times the file's size, so that neither
/// loops nor structures that share bytes cost more than time in proportion to it. Errors are
/// `badFormat`, or `inputOutput` if the operating system refuses, and name the part, not the file.
///
/// It never changes: any number of threads may read from it at once.
final class HDF5File: @unchecked Sendable {
  // Unchecked, as memory that is read from is not known to stay the same: its owner promises it.

  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  static let maximumStructureBytes = 1 << 26

  let source: FileSource
  let sizes: HDF5Sizes
  let rootAddress: Int
  /// Off for fuzzing alone, where a checksum would keep out all that is to be tested.
  let verifiesChecksums: Bool
  /// Where in `source` address 0 is: behind a block of the user's own, if there is one.
  private let base: Int
  /// Bytes from there to where the superblock says that the file ends.
  let size: Int
  /// How many bytes of structures may yet be read.
  private let allowance: Atomic<Int>

  /// Reads the superblock. Throws unless it is there and the file is as long as it says.
  init(_ source: FileSource, verifyingChecksums: Bool = true) throws(ResNetError) {
    let superblock = try HDF5Superblock(in: source, verifyingChecksums: verifyingChecksums)
    self.source = source
    sizes = superblock.sizes
    base = superblock.base
    size = superblock.end
    rootAddress = superblock.rootAddress
    verifiesChecksums = verifyingChecksums
    allowance = Atomic(4 * min(superblock.end, 1 << 28) + 1 << 20)
  }

  var root: HDF5Group {
    get throws(ResNetError) { try HDF5Group(HDF5Object(rootAddress, in: self, path: "/")) }
  }

  /// Whether a file begins as HDF5 does, but for that which has a block of the user's own first.
  static func begins(_ file: FileReader) throws(ResNetError) -> Bool {
    guard file.size >= signature.count else { return false }
    return try file.bytes(0, signature.count) == signature
  }

  /// Throws unless so many bytes from `address` on are in the file.
  func check(_ address: Int, _ count: Int, _ what: @autoclosure () -> String) throws(ResNetError) {
    guard address >= 0, count >= 0, address <= size, count <= size - address else {
      throw ResNetError(.badFormat, "\(what()) lies outside the file")
    }
  }

  /// Bytes of a structure.
  func bytes(_ address: Int, _ count: Int, of what: String) throws(ResNetError) -> [UInt8] {
    try check(address, count, what)
    guard count <= Self.maximumStructureBytes else {
      throw ResNetError(
        .badFormat, "\(what) is larger than \(Self.maximumStructureBytes >> 20) MiB")
    }
    try spend(count, on: what)
    try expectMemory(count, for: what)
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try source.fill(buffer, from: base + address) }
    }.get()
    return bytes
  }

  /// Notes that so many bytes of a structure are used. Throws if all structures together have used many
  /// more than there are.
  func spend(_ count: Int, on what: String) throws(ResNetError) {
    guard allowance.subtract(count, ordering: .relaxed).newValue >= 0 else {
      throw ResNetError(.badFormat, "\(what) is not the file's only use of the same bytes")
    }
  }

  func cursor(_ bytes: ArraySlice<UInt8>, of what: String) -> HDF5Cursor {
    HDF5Cursor(bytes, of: what, sizes)
  }

  /// A cursor after the signature of a structure of `count` bytes.
  func structure(_ signature: StaticString, at address: Int, _ count: Int, of what: String)
    throws(ResNetError) -> HDF5Cursor
  {
    let bytes = try bytes(address, count, of: what)
    return try afterSignature(signature, bytes[...], what)
  }

  /// The same for a structure that ends with a checksum, which is among the `count` bytes and not in
  /// what the cursor gives.
  func sealed(_ signature: StaticString, at address: Int, _ count: Int, of what: String)
    throws(ResNetError) -> HDF5Cursor
  {
    let bytes = try bytes(address, count, of: what)
    try verify(bytes[...], what)
    return try afterSignature(signature, bytes.dropLast(4), what)
  }

  /// Throws unless the last four bytes are the checksum of those before.
  func verify(_ bytes: ArraySlice<UInt8>, _ what: String) throws(ResNetError) {
    var end = HDF5Cursor(bytes.suffix(4), of: what, sizes)
    let checksum = try end.unsigned(4)
    guard
      !verifiesChecksums || checksum == UInt64(HDF5Checksums.lookup3(bytes.dropLast(4)))
    else { throw ResNetError(.badFormat, "\(what) is damaged: its checksum is wrong") }
  }

  private func afterSignature(
    _ signature: StaticString, _ bytes: ArraySlice<UInt8>, _ what: String
  ) throws(ResNetError) -> HDF5Cursor {
    var cursor = cursor(bytes, of: what)
    let found = try cursor.take(signature.utf8CodeUnitCount)
    let isRight = signature.withUTF8Buffer { $0.elementsEqual(found) }
    guard isRight else {
      throw ResNetError(.badFormat, "\(what) is not where the file says that it is")
    }
    return cursor
  }

  /// Fills the buffer with data from `address` on.
  func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from address: Int,
    of what: @autoclosure () -> String
  ) throws(ResNetError) {
    try check(address, buffer.count, what())
    try source.fill(buffer, from: base + address)
  }
}
