/// Where an object keeps its links or attributes once there are many: in a fractal heap, with an index
/// of names, which is gone through here in its own order.
struct HDF5DenseIndex {
  private let heap: HDF5FractalHeap
  private let file: HDF5File
  private let indexAddress: Int
  private let what: String

  /// From the message that says where they are; nil if they are all in the object's header.
  /// `orderBytes` is the size of an order of creation in it.
  init?(_ message: ArraySlice<UInt8>, orderBytes: Int, of what: String, _ file: HDF5File)
    throws(ResNetError)
  {
    var cursor = file.cursor(message, of: what)
    try cursor.version(0...0)
    if try cursor.byte() & 1 != 0 { try cursor.skip(orderBytes) }
    let heapAddress = try cursor.optionalAddress()
    let indexAddress = try cursor.optionalAddress()
    guard let heapAddress else { return nil }
    guard let indexAddress else {
      throw ResNetError(.badFormat, "\(what) has no index")
    }
    heap = try HDF5FractalHeap(at: heapAddress, in: file)
    self.file = file
    self.indexAddress = indexAddress
    self.what = what
  }

  /// Calls `body` with the bytes of each item. `idPosition` is where in the index's records its place
  /// in the heap begins.
  func forEachItem(
    recordKind: UInt8, idPosition: Int, _ body: (ArraySlice<UInt8>) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    let index = try HDF5BTree2(at: indexAddress, kinds: recordKind...recordKind, in: file)
    let reader = HDF5FractalHeap.Reader(heap)
    try index.forEachRecord { record throws(ResNetError) in
      var cursor = file.cursor(record, of: what)
      try cursor.skip(idPosition)
      try body(try reader.object(try cursor.take(heap.idBytes)))
    }
  }
}
