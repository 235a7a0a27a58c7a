/// Reads an object's header, which may be in several parts of the file.
struct HDF5Header {
  private(set) var messages: [HDF5Object.Message] = []
  private let file: HDF5File
  /// Parts that are still to be read.
  private var parts: [(address: Int, count: Int)] = []
  private var seen: Set<Int> = []

  private static let what = "an object's header"
  /// More than the links of a group with all tensors of the largest network there can be.
  private static let maximumMessages = 1 << 18
  /// So much is read at first: most headers are in it.
  private static let firstBytes = 512

  init(_ file: HDF5File) { self.file = file }

  mutating func read(at address: Int) throws(ResNetError) {
    try file.check(address, 16, Self.what)
    let bytes = try file.bytes(
      address, min(Self.firstBytes, file.size - address), of: Self.what)
    seen.insert(address)
    if bytes.starts(with: Array("OHDR".utf8)) {
      try readVersion2(bytes, at: address)
    } else {
      try readVersion1(bytes, at: address)
    }
  }

  // MARK: - Version 1

  private mutating func readVersion1(_ first: [UInt8], at address: Int) throws(ResNetError) {
    var prefix = file.cursor(first[...], of: Self.what)
    try prefix.version(1...1)
    try prefix.skip(1)
    var count = try prefix.integer(2)
    try prefix.skip(4)
    let size = try prefix.integer(4)
    // Messages begin at a multiple of eight.
    parts = [(address + 16, size)]
    while let part = parts.popLast() {
      var cursor = file.cursor(
        try file.bytes(part.address, part.count, of: Self.what)[...], of: Self.what)
      while count > 0, cursor.remaining >= 8 {
        count -= 1
        let kind = try cursor.integer(2)
        let size = try cursor.integer(2)
        let flags = try cursor.byte()
        try cursor.skip(3)
        try add(kind, flags, try cursor.take(size))
      }
    }
  }

  // MARK: - Version 2

  private mutating func readVersion2(_ first: [UInt8], at address: Int) throws(ResNetError) {
    var prefix = file.cursor(first[4...], of: Self.what)
    try prefix.version(2...2)
    let flags = try prefix.byte()
    if flags & 0x20 != 0 { try prefix.skip(16) }  // times
    if flags & 0x10 != 0 { try prefix.skip(4) }  // when attributes move to a heap
    let size = try prefix.integer(1 << Int(flags & 3))
    let start = 4 + prefix.taken
    guard size <= HDF5File.maximumStructureBytes else {
      throw ResNetError(.badFormat, "\(Self.what) claims \(size) bytes")
    }
    let end = start + size + 4
    var bytes = first[...]
    if end > bytes.count { bytes = try file.bytes(address, end, of: Self.what)[...] }
    bytes = bytes[..<end]
    try file.verify(bytes, Self.what)
    let hasOrder = flags & 0x04 != 0
    try addMessages(file.cursor(bytes[start..<end - 4], of: Self.what), hasOrder)
    while let part = parts.popLast() {
      try addMessages(
        try file.sealed("OCHK", at: part.address, part.count, of: Self.what), hasOrder)
    }
  }

  private mutating func addMessages(_ cursor: HDF5Cursor, _ hasOrder: Bool) throws(ResNetError) {
    var cursor = cursor
    let prefix = hasOrder ? 6 : 4
    // Fewer bytes are a gap.
    while cursor.remaining >= prefix {
      let kind = Int(try cursor.byte())
      let size = try cursor.integer(2)
      let flags = try cursor.byte()
      try cursor.skip(prefix - 4)
      try add(kind, flags, try cursor.take(size))
    }
  }

  // MARK: - Messages

  private mutating func add(_ number: Int, _ flags: UInt8, _ bytes: ArraySlice<UInt8>)
    throws(ResNetError)
  {
    guard let kind = HDF5Object.MessageKind(rawValue: number) else {
      // The writer of a message that we do not know may have forbidden to ignore it.
      guard number <= 0x18 || flags & 0x80 == 0 else {
        throw ResNetError(
          .badFormat, "\(Self.what) has a message of kind \(number), which must be understood")
      }
      return
    }
    guard kind == .continuation else {
      guard messages.count < Self.maximumMessages else {
        throw ResNetError(
          .badFormat, "\(Self.what) has more than \(Self.maximumMessages) messages")
      }
      messages.append(
        HDF5Object.Message(kind: kind, isShared: flags & 0x02 != 0, bytes: bytes))
      return
    }
    var cursor = file.cursor(bytes, of: Self.what)
    let address = try cursor.address()
    let count = try cursor.length()
    guard seen.insert(address).inserted else {
      throw ResNetError(.badFormat, "\(Self.what) leads back to itself")
    }
    try file.check(address, count, Self.what)
    parts.append((address, count))
  }
}
