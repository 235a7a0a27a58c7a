/// A B-tree of version 2, gone through record by record.
struct HDF5BTree2 {
  let kind: UInt8
  let recordBytes: Int
  private let file: HDF5File
  private let nodeBytes: Int
  private let rootAddress: Int?
  private let rootCount: Int
  private let depth: Int
  /// By depth of a node: how many records it can have, and the bytes of how many all nodes below a
  /// pointer have.
  private var capacities: [Int] = []
  private var totalBytes: [Int] = []
  /// The bytes of how many records a child has.
  private let countBytes: Int

  private static let what = "a version 2 B-tree"
  /// Of a node: its signature, version, kind and checksum.
  private static let overhead = 10
  private static let maximumDepth = 32

  /// Throws unless it is of one of the kinds.
  init(at address: Int, kinds: ClosedRange<UInt8>, in file: HDF5File) throws(ResNetError) {
    let what = Self.what
    var cursor = try file.sealed(
      "BTHD", at: address, 22 + file.sizes.address + file.sizes.length, of: what)
    try cursor.version(0...0)
    kind = try cursor.byte()
    nodeBytes = try cursor.integer(4)
    recordBytes = try cursor.integer(2)
    depth = try cursor.integer(2)
    try cursor.skip(2)
    rootAddress = try cursor.optionalAddress()
    rootCount = try cursor.integer(2)
    self.file = file
    guard kinds.contains(kind) else {
      throw ResNetError(.badFormat, "\(what) is of another kind, \(kind), than it should be")
    }
    guard recordBytes > 0, nodeBytes > Self.overhead, depth <= Self.maximumDepth else {
      throw ResNetError(.badFormat, "\(what) has impossible dimensions")
    }
    capacities = [(nodeBytes - Self.overhead) / recordBytes]
    totalBytes = [0]
    countBytes = Self.bytes(toHold: capacities[0])
    var total = capacities[0]
    for level in 0..<depth {
      // A pointer is an address, the child's records and, where it has children, those of all below.
      let pointerBytes = file.sizes.address + countBytes + totalBytes[level]
      let capacity = (nodeBytes - Self.overhead - pointerBytes) / (recordBytes + pointerBytes)
      guard capacity > 0,
        let below = HDF5Space.product([total, capacity + 1])
      else { throw ResNetError(.badFormat, "\(what) has impossible dimensions") }
      total = below + capacity
      capacities.append(capacity)
      totalBytes.append(Self.bytes(toHold: total))
    }
  }

  private static func bytes(toHold value: Int) -> Int {
    max(1, (Int.bitWidth - value.leadingZeroBitCount + 7) / 8)
  }

  /// Calls `body` with the bytes of each record.
  func forEachRecord(_ body: (ArraySlice<UInt8>) throws(ResNetError) -> Void) throws(ResNetError) {
    guard let rootAddress, rootCount > 0 else { return }
    try visit(rootAddress, rootCount, depth, body)
  }

  private func visit(
    _ address: Int, _ count: Int, _ level: Int,
    _ body: (ArraySlice<UInt8>) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    guard count <= capacities[level] else {
      throw ResNetError(.badFormat, "\(Self.what) has an overfull node")
    }
    let pointerBytes =
      level == 0 ? 0 : file.sizes.address + countBytes + totalBytes[level - 1]
    var cursor = try file.sealed(
      level == 0 ? "BTLF" : "BTIN", at: address,
      Self.overhead + count * recordBytes + (level == 0 ? 0 : (count + 1) * pointerBytes),
      of: Self.what)
    try cursor.version(0...0)
    guard try cursor.byte() == kind else {
      throw ResNetError(.badFormat, "\(Self.what) has a node of another kind")
    }
    for _ in 0..<count { try body(try cursor.take(recordBytes)) }
    guard level > 0 else { return }
    for _ in 0...count {
      let child = try cursor.address()
      let childCount = try cursor.integer(countBytes)
      try cursor.skip(totalBytes[level - 1])
      try visit(child, childCount, level - 1, body)
    }
  }
}
