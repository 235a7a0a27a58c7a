/// What an HDF5 file begins with.
struct HDF5Superblock {
  let sizes: HDF5Sizes
  /// Where it lies, which is what addresses count from.
  let base: Int
  /// The address, so counted, at which the file ends.
  let end: Int
  /// Of the root group's header.
  let rootAddress: Int

  /// No version is longer.
  private static let maximumBytes = 128
  private static let what = "the superblock"

  init(in source: FileSource, verifyingChecksums: Bool) throws(ResNetError) {
    let base = try Self.find(in: source)
    let bytes = try Self.bytes(source, base, min(Self.maximumBytes, source.size - base))
    var prefix = HDF5Cursor(bytes[8...], of: Self.what, HDF5Sizes(address: 8, length: 8))
    let version = try prefix.version(0...3)
    if version < 2 { try prefix.skip(4) }
    let sizes = try Self.sizes(&prefix)
    var cursor = HDF5Cursor(bytes[(8 + prefix.taken)...], of: Self.what, sizes)
    // Where it believes itself to be. The end counts from the file's beginning, all else from there.
    let start: Int
    let end: Int
    if version < 2 {
      try cursor.skip(version == 0 ? 9 : 13)
      start = try cursor.address()
      _ = try cursor.optionalAddress()
      end = try cursor.address()
      _ = try cursor.optionalAddress()
      // The root group's entry: the offset of its name, its address.
      _ = try cursor.optionalAddress()
      rootAddress = try cursor.address()
    } else {
      let flags = try cursor.byte()
      guard version == 2 || flags & 0b101 == 0 else {
        throw ResNetError(
          .badFormat, "another program is writing it, or ended before it had finished")
      }
      start = try cursor.address()
      _ = try cursor.optionalAddress()
      end = try cursor.address()
      rootAddress = try cursor.address()
      let count = 12 + 4 * sizes.address
      let checksum = try cursor.unsigned(4)
      guard !verifyingChecksums || checksum == UInt64(HDF5Checksums.lookup3(bytes[..<count])) else {
        throw ResNetError(.badFormat, "\(Self.what) is damaged: its checksum is wrong")
      }
    }
    guard start <= end, end - start <= source.size - base else {
      throw ResNetError(
        .badFormat,
        "it is truncated: it should have \(end) bytes and has \(source.size)")
    }
    self.base = base
    self.end = end - start
    self.sizes = sizes
  }

  private static func sizes(_ cursor: inout HDF5Cursor) throws(ResNetError) -> HDF5Sizes {
    let known: Set<UInt8> = [2, 4, 8]
    let address = try cursor.byte()
    let length = try cursor.byte()
    guard known.contains(address), known.contains(length) else {
      throw ResNetError(
        .badFormat, "\(what) has addresses of \(address) and lengths of \(length) bytes")
    }
    return HDF5Sizes(address: Int(address), length: Int(length))
  }

  /// It is at the beginning, or behind a block of the user's own of 512, 1024, 2048... bytes.
  private static func find(in source: FileSource) throws(ResNetError) -> Int {
    let signature = HDF5File.signature
    var offset = 0
    while offset <= source.size - signature.count {
      if try bytes(source, offset, signature.count) == signature { return offset }
      offset = offset == 0 ? 512 : 2 * offset
    }
    throw ResNetError(.badFormat, "it is not an HDF5 file")
  }

  private static func bytes(_ source: FileSource, _ offset: Int, _ count: Int)
    throws(ResNetError) -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try source.fill(buffer, from: offset) }
    }.get()
    return bytes
  }
}
