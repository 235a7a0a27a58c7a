import CHDF5

/// A dataset of any HDF5 file, of which rows (parts of its first dimension) are read as they are
/// asked for. The counterpart of ``HDF5Dataset`` for files that this library has not written: they
/// may be stored in chunks of any shape, compressed, or neither.
struct HDF5Table: ~Copyable {
  /// What a row is read as.
  enum Element {
    case uint8, float32, int64

    var bytes: Int {
      switch self {
      case .uint8: 1
      case .float32: 4
      case .int64: 8
      }
    }

    var inMemory: hid_t {
      switch self {
      case .uint8: rh_uint8_in_memory()
      case .float32: rh_float32_in_memory()
      case .int64: rh_int64_in_memory()
      }
    }
  }

  /// Reading a part of a chunk takes memory for all of it.
  static let maximumChunkBytes = 1 << 28
  /// No filter that is let in makes more out of a byte: Deflate's limit is 1032.
  private static let maximumExpansion = 1100

  let path: String
  let shape: [Int]
  /// Nil for a type that is none of them.
  let element: Element?
  private let id: HDF5ID
  private let type: HDF5ID
  private let space: HDF5ID

  /// Opens a member of a group. Refuses what would lead out of the file or to code that is not in
  /// HDF5 itself, and claims to hold more than the file has room for.
  init(_ name: String, in group: borrowing HDF5Group) throws(ResNetError) {
    let path = group.path(of: name)
    switch rh_is_hard_link(group.id.raw, name) {
    case 1: break
    case 0: throw ResNetError(.badFormat, "\(path) is a link to elsewhere")
    default: throw ResNetError(.notFound, "it has no \(path)")
    }
    let what = "\(path) is damaged or is not a dataset"
    let id = try HDF5ID(H5Dopen2(group.id.raw, name, rh_default()), what)
    let type = try HDF5ID(H5Dget_type(id.raw), what)
    let space = try HDF5ID(H5Dget_space(id.raw), what)
    let shape = try space.shape(of: path)
    let bytes = H5Tget_size(type.raw)
    try Self.checkStorage(of: id, path, shape: shape, elementBytes: bytes)
    self.path = path
    self.shape = shape
    element = Self.element(type)
    self.id = id
    self.type = type
    self.space = space
  }

  private static func element(_ type: borrowing HDF5ID) -> Element? {
    let size = H5Tget_size(type.raw)
    switch H5Tget_class(type.raw) {
    case H5T_FLOAT: return size == 4 ? .float32 : nil
    case H5T_INTEGER:
      if size == 1, H5Tget_sign(type.raw) == H5T_SGN_NONE { return .uint8 }
      // An unsigned one of 64 bits that is too large becomes the largest signed one.
      return size <= 8 ? .int64 : nil
    default: return nil
    }
  }

  private static func checkStorage(
    of id: borrowing HDF5ID, _ path: String, shape: [Int], elementBytes: Int
  ) throws(ResNetError) {
    let what = "\(path) is damaged"
    let options = try HDF5ID(H5Dget_create_plist(id.raw), what)
    var filters: CInt = 0
    switch H5Pget_layout(options.raw) {
    case H5D_COMPACT: break
    case H5D_CONTIGUOUS:
      guard H5Pget_external_count(options.raw) == 0 else {
        throw ResNetError(.badFormat, "\(path) is stored in other files")
      }
    case H5D_CHUNKED:
      filters = try HDF5.check(H5Pget_nfilters(options.raw), what)
      try checkFilters(options, path, count: filters)
      var chunk = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
      let rank = try HDF5.check(H5Pget_chunk(options.raw, CInt(chunk.count), &chunk), what)
      let bytes = product(
        [elementBytes] + chunk.prefix(Int(rank)).map { Int(clamping: $0) })
      guard let bytes, bytes <= maximumChunkBytes else {
        throw ResNetError(
          .badFormat,
          "\(path) is stored in chunks of more than \(maximumChunkBytes >> 20) MiB; store it "
            + "in smaller ones, best of one image")
      }
    default:
      throw ResNetError(
        .badFormat, "\(path) is a view of other datasets; store the values themselves")
    }
    let file = try HDF5ID(H5Iget_file_id(id.raw), what)
    var fileSize: hsize_t = 0
    try HDF5.check(H5Fget_filesize(file.raw, &fileSize), what)
    let stored = H5Dget_storage_size(id.raw)
    guard stored <= fileSize, let claimed = product([elementBytes] + shape),
      hsize_t(claimed) / (filters > 0 ? hsize_t(maximumExpansion) : 1) <= stored
    else {
      throw ResNetError(
        .badFormat, "\(path) has shape \(shape), but only \(stored) bytes of it are stored")
    }
  }

  /// HDF5 looks for plug-ins, code of others, to undo filters that it does not have.
  private static func checkFilters(_ options: borrowing HDF5ID, _ path: String, count: CInt)
    throws(ResNetError)
  {
    let known = [H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32]
    for index in 0..<UInt32(count) {
      var flags: UInt32 = 0
      var values = 0
      let filter = try HDF5.check(
        H5Pget_filter2(options.raw, index, &flags, &values, nil, 0, nil, nil),
        "\(path) is damaged")
      guard known.contains(filter) else {
        throw ResNetError(
          .badFormat,
          "\(path) has HDF5's filter \(filter); only deflate (gzip), shuffle and Fletcher-32 are read"
        )
      }
    }
  }

  /// Nil for a product that is out of range.
  private static func product(_ factors: [Int]) -> Int? {
    var product = 1
    for factor in factors {
      let (result, overflow) = product.multipliedReportingOverflow(by: factor)
      guard factor >= 0, !overflow, result < 1 << 56 else { return nil }
      product = result
    }
    return product
  }

  /// Reads rows as values of `element`'s type, which fill `bytes`.
  func read(_ rows: Range<Int>, as element: Element, into bytes: UnsafeMutableRawBufferPointer)
    throws(ResNetError)
  {
    let counts = [rows.count] + shape.dropFirst()
    guard let first = shape.first, rows.lowerBound >= 0, rows.upperBound <= first, !rows.isEmpty,
      Self.product([element.bytes] + counts) == bytes.count, let base = bytes.baseAddress
    else {
      throw ResNetError(
        .shapeMismatch, "\(bytes.count) bytes are no rows \(rows) of \(path), of shape \(shape)")
    }
    let what = "\(path) is damaged"
    let start = [hsize_t(rows.lowerBound)] + shape.dropFirst().map { _ in 0 }
    let memory = try HDF5ID(simple: counts, what)
    try HDF5.check(
      H5Sselect_hyperslab(
        space.raw, H5S_SELECT_SET, start, nil, counts.map(hsize_t.init), nil), what)
    try HDF5.check(
      H5Dread(id.raw, element.inMemory, memory.raw, space.raw, rh_default(), base), what)
  }

  /// Reads all values of a list of strings, whether of fixed or variable length.
  func readStrings(limit: Int) throws(ResNetError) -> [String] {
    let what = "\(path) is damaged"
    guard shape.count == 1, shape[0] <= limit, H5Tget_class(type.raw) == H5T_STRING else {
      throw ResNetError(.badFormat, "\(path) is not a list of at most \(limit) strings")
    }
    let strings: [String?]
    if H5Tis_variable_str(type.raw) > 0 {
      var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: shape[0])
      try HDF5.check(
        H5Dread(id.raw, type.raw, rh_whole_space(), rh_whole_space(), rh_default(), &pointers), what
      )
      strings = pointers.map { $0.flatMap { String(validatingCString: $0) } }
      H5Dvlen_reclaim(type.raw, space.raw, rh_default(), &pointers)
    } else {
      let size = H5Tget_size(type.raw)
      guard size > 0, size <= 1 << 16 else {
        throw ResNetError(.badFormat, "\(path) has strings of \(size) bytes")
      }
      var table = [UInt8](repeating: 0, count: size * shape[0])
      try HDF5.check(
        H5Dread(id.raw, type.raw, rh_whole_space(), rh_whole_space(), rh_default(), &table), what)
      // Padded with zeros, or, from Fortran, with spaces.
      strings = (0..<shape[0]).map { row in
        var bytes = table[row * size..<(row + 1) * size].prefix { $0 != 0 }
        while H5Tget_strpad(type.raw) == H5T_STR_SPACEPAD, bytes.last == 0x20 { bytes.removeLast() }
        return String(validating: bytes, as: UTF8.self)
      }
    }
    return try strings.map { string throws(ResNetError) in
      guard let string else { throw ResNetError(.badFormat, "\(path) has text that is not UTF-8") }
      return string
    }
  }
}
