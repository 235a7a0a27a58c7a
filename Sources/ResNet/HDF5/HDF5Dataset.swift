/// A dataset: its type, its shape, and where its data are.
struct HDF5Dataset {
  enum Storage {
    case compact(ArraySlice<UInt8>)
    /// Without an address, none was written yet.
    case contiguous(address: Int?)
    case chunked(Chunked)
  }

  struct Chunked {
    let chunks: HDF5Chunks
    let filters: HDF5Filters
    /// Chunks that reach beyond the dataset are stored without filters.
    let leavesEdgesUnfiltered: Bool
  }

  let object: HDF5Object
  let type: HDF5Type
  /// Empty for a single value.
  let shape: [Int]
  /// How many values there are.
  let count: Int
  let storage: Storage
  /// The bytes of a value that was never written.
  /// Empty for zeros.
  let fill: [UInt8]

  var path: String { object.path }
  var file: HDF5File { object.file }

  /// Bytes of all values.
  var byteCount: Int { count * type.size }

  /// Reads all that is known of it but no data. Throws unless the object is a dataset that can be read.
  init(_ object: HDF5Object) throws(ResNetError) {
    self.object = object
    let file = object.file
    let path = object.path
    guard object.messages.contains(where: { $0.kind == .layout }) else {
      throw ResNetError(.badFormat, "\(path) is damaged or is not a dataset")
    }
    guard !object.messages.contains(where: { $0.kind == .externalFiles }) else {
      throw ResNetError(.badFormat, "\(path) is stored in other files")
    }
    do throws(ResNetError) {
      func message(_ kind: HDF5Object.MessageKind) throws(ResNetError) -> ArraySlice<UInt8> {
        guard let bytes = try object.message(kind) else {
          throw ResNetError(.badFormat, "it is damaged: its header is not that of a dataset")
        }
        return bytes
      }
      let type = try HDF5Type(try message(.type), in: file)
      let space = try HDF5Space(try message(.space), in: file)
      guard let bytes = HDF5Space.product([space.count, type.size]) else {
        throw ResNetError(.badFormat, "it has shape \(space.shape), which is impossible")
      }
      fill = try Self.fill(of: object, type.size)
      switch try HDF5Layout(try message(.layout), in: file) {
      case .compact(let data):
        guard data.count >= bytes else {
          throw ResNetError(.badFormat, "it is not stored in full")
        }
        storage = .compact(data)
      case .contiguous(let address, let count):
        if let address {
          guard count >= bytes else { throw ResNetError(.badFormat, "it is not stored in full") }
          try file.check(address, bytes, "its data")
        }
        storage = .contiguous(address: address)
      case .chunked(let layout):
        let filters =
          try object.message(.filters).map { bytes throws(ResNetError) in
            try HDF5Filters(bytes, in: file)
          } ?? .none
        let grid = try HDF5ChunkGrid(
          shape: space.shape, chunk: layout.shape, valueBytes: type.size)
        storage = .chunked(
          Chunked(
            chunks: try HDF5Chunks(
              layout, grid: grid, space: space, hasFilters: !filters.filters.isEmpty, in: file),
            filters: filters, leavesEdgesUnfiltered: layout.leavesEdgesUnfiltered))
      }
      self.type = type
      shape = space.shape
      count = space.count
    } catch {
      throw ResNetError(error.kind, "\(path): \(error.message)")
    }
  }

  /// Bytes of its data in the file.
  var storedBytes: Int {
    switch storage {
    case .compact: byteCount
    case .contiguous(let address): address == nil ? 0 : byteCount
    case .chunked(let chunked): chunked.chunks.storedBytes
    }
  }

  private static func fill(of object: HDF5Object, _ valueBytes: Int) throws(ResNetError) -> [UInt8]
  {
    let what = "its fill value"
    var size = 0
    var value: ArraySlice<UInt8> = []
    if let message = try object.message(.fill) {
      var cursor = object.cursor(message, of: what)
      let version = try cursor.version(1...3)
      let isDefined: Bool
      if version == 3 {
        isDefined = try cursor.byte() & 0x20 != 0
      } else {
        try cursor.skip(2)
        isDefined = try cursor.byte() != 0 || version == 1
      }
      if isDefined {
        size = try cursor.integer(4)
        value = try cursor.take(size)
      }
    } else if let message = try object.message(.oldFill) {
      var cursor = object.cursor(message, of: what)
      size = try cursor.integer(4)
      value = try cursor.take(size)
    }
    guard size == 0 || size == valueBytes else {
      throw ResNetError(.badFormat, "\(what) has \(size) bytes, and its values have \(valueBytes)")
    }
    // Nothing stands for zeros, of which a value of any size consists.
    return size == 0 ? [] : Array(value)
  }
}
