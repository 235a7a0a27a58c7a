/// The two checksums of HDF5.
enum HDF5Checksums {
  /// That of structures: Bob Jenkins's "lookup3" (2006, in the public domain), function hashlittle.
  static func lookup3(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { lookup3($0) }
  }

  static func lookup3(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
    /// The little-endian word at `offset`, with zeros for bytes beyond the end.
    func word(_ offset: Int) -> UInt32 {
      if offset + 4 <= bytes.count {
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      }
      guard offset < bytes.count else { return 0 }
      return bytes[offset...].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    var a = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count)
    var b = a
    var c = a
    var offset = 0
    while bytes.count - offset > 12 {
      a &+= word(offset)
      b &+= word(offset + 4)
      c &+= word(offset + 8)
      a = (a &- c) ^ rotated(c, 4)
      c &+= b
      b = (b &- a) ^ rotated(a, 6)
      a &+= c
      c = (c &- b) ^ rotated(b, 8)
      b &+= a
      a = (a &- c) ^ rotated(c, 16)
      c &+= b
      b = (b &- a) ^ rotated(a, 19)
      a &+= c
      c = (c &- b) ^ rotated(b, 4)
      b &+= a
      offset += 12
    }
    guard offset < bytes.count else { return c }
    a &+= word(offset)
    b &+= word(offset + 4)
    c &+= word(offset + 8)
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    c = (c ^ b) &- rotated(b, 24)
    return c
  }

  /// That of the filter of this name, which follows the data in little-endian order: of 16-bit
  /// big-endian words, with a zero byte after an odd one.
  static func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    /// Words whose sums cannot overflow.
    let run = 360
    func folded(_ sum: UInt32) -> UInt32 { (sum & 0xFFFF) &+ sum >> 16 }
    var first: UInt32 = 0
    var second: UInt32 = 0
    let words = bytes.count / 2
    var word = 0
    while word < words {
      for index in word..<min(word + run, words) {
        first &+= UInt32(
          UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)))
        second &+= first
      }
      word += run
      first = folded(first)
      second = folded(second)
    }
    if bytes.count % 2 == 1 {
      first &+= UInt32(bytes[bytes.count - 1]) << 8
      second &+= first
      first = folded(first)
      second = folded(second)
    }
    return folded(second) << 16 | folded(first)
  }
}
