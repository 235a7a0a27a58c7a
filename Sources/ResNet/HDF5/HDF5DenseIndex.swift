/// Where an object keeps its links or attributes once there are many: in a fractal heap, with an index
/// of names, which is gone through here in its own order.
struct HDF5DenseIndex {
  enum Items {
    case links, attributes

    /// Bytes of an order of creation in the message that says where they are.
    var orderBytes: Int { self == .links ? 8 : 2 }
    /// The kind of B-tree that is the index.
    var kind: UInt8 { self == .links ? 5 : 8 }
    var what: String { self == .links ? "its list of members" : "its list of attributes" }
  }

  private let items: Items
  private let heap: HDF5FractalHeap
  private let file: HDF5File
  private let indexAddress: Int

  /// From the message that says where they are; nil if they are all in the object's header.
  init?(_ items: Items, _ message: ArraySlice<UInt8>, _ file: HDF5File) throws(ResNetError) {
    var cursor = file.cursor(message, of: items.what)
    try cursor.version(0...0)
    if try cursor.byte() & 1 != 0 { try cursor.skip(items.orderBytes) }
    let heapAddress = try cursor.optionalAddress()
    let indexAddress = try cursor.optionalAddress()
    guard let heapAddress else { return nil }
    guard let indexAddress else {
      throw ResNetError(.badFormat, "\(items.what) has no index")
    }
    self.items = items
    heap = try HDF5FractalHeap(at: heapAddress, in: file)
    self.file = file
    self.indexAddress = indexAddress
  }

  /// Calls `body` with the bytes of each item, which are a link or an attribute message. With a name,
  /// only those are had from the heap that have its checksum.
  func forEachItem(
    named name: String?, _ body: (ArraySlice<UInt8>) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    let wanted = name.map { UInt64(HDF5Checksums.lookup3(Array($0.utf8)[...])) }
    let reader = HDF5FractalHeap.Reader(heap)
    try HDF5BTree2(at: indexAddress, kinds: items.kind...items.kind, in: file).forEachRecord {
      record throws(ResNetError) in
      var cursor = file.cursor(record, of: items.what)
      let id: ArraySlice<UInt8>
      let checksum: UInt64
      switch items {
      case .links:
        checksum = try cursor.unsigned(4)
        id = try cursor.take(heap.idBytes)
      case .attributes:
        id = try cursor.take(heap.idBytes)
        try cursor.skip(5)  // flags, and the order of creation
        checksum = try cursor.unsigned(4)
      }
      if checksum == wanted ?? checksum { try body(try reader.object(id)) }
    }
  }
}
