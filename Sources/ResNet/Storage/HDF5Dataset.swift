import CHDF5

/// A dataset of a group, in the one form this library reads and writes: one chunk with HDF5's
/// Fletcher-32 filter, by which other programs notice damage to it.
struct HDF5Dataset: ~Copyable {
  /// HDF5's limit on a chunk, with room for its checksum.
  static let maximumBytes = 0xFFFF_FF00

  let id: HDF5ID
  let type: HDF5ID
  let path: String
  let shape: [Int]
  /// Bytes of the data.
  let byteCount: Int

  /// Opens a dataset and checks that it is of that form and is stored in full. Nothing is read yet,
  /// and nothing allocated.
  init(_ name: String, in group: borrowing HDF5Group) throws(ResNetError) {
    let path = group.path(of: name)
    let what = "\(path) is damaged or is not a dataset"
    let id = try HDF5ID(H5Dopen2(group.id.raw, name, rh_default()), what)
    let type = try HDF5ID(H5Dget_type(id.raw), what)
    let shape = try HDF5ID(H5Dget_space(id.raw), what).shape(of: path)
    var count = H5Tget_size(type.raw)
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow, product <= Self.maximumBytes else {
        throw ResNetError(.badFormat, "\(path) has shape \(shape), which is impossible")
      }
      count = product
    }

    // The filters are looked at before any data: HDF5 would load a plug-in for one it lacks.
    let options = try HDF5ID(H5Dget_create_plist(id.raw), what)
    var chunk = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
    guard H5Pget_layout(options.raw) == H5D_CHUNKED,
      H5Pget_chunk(options.raw, Int32(chunk.count), &chunk) == Int32(shape.count),
      chunk.prefix(shape.count).elementsEqual(shape.map(hsize_t.init))
    else {
      throw ResNetError(.badFormat, "\(path) is not stored as one chunk")
    }
    var flags: UInt32 = 0
    var values = 0
    guard H5Pget_nfilters(options.raw) == 1,
      H5Pget_filter2(options.raw, 0, &flags, &values, nil, 0, nil, nil) == H5Z_FILTER_FLETCHER32
    else {
      throw ResNetError(
        .badFormat, "\(path) must have the Fletcher-32 filter, and no other filter")
    }
    let file = try HDF5ID(H5Iget_file_id(id.raw), what)
    var fileSize: hsize_t = 0
    try HDF5.check(H5Fget_filesize(file.raw, &fileSize), what)
    let stored = H5Dget_storage_size(id.raw)
    guard stored == hsize_t(count + 4), stored < fileSize else {
      throw ResNetError(.badFormat, "\(path) is not stored in full")
    }
    self.id = id
    self.type = type
    self.path = path
    self.shape = shape
    byteCount = count
  }

  /// Reads the data, `byteCount` bytes, as they are in the file.
  func read(into bytes: UnsafeMutableRawBufferPointer) throws(ResNetError) {
    guard bytes.count == byteCount, let base = bytes.baseAddress else {
      throw ResNetError(.badFormat, "\(path) has \(byteCount) bytes, expected \(bytes.count)")
    }
    try HDF5.check(
      H5Dread(id.raw, type.raw, rh_whole_space(), rh_whole_space(), rh_default(), base),
      "\(path) is damaged")
  }

  /// The bytes of the file that hold the data, in order, and their Fletcher-32 checksum after them;
  /// nil if they are stored without it.
  func location() throws(ResNetError) -> Range<Int>? {
    let what = "\(path) is damaged"
    let space = try HDF5ID(H5Dget_space(id.raw), what)
    var unfiltered: UInt32 = 0
    var address = haddr_t()
    var size: hsize_t = 0
    try HDF5.check(
      H5Dget_chunk_info(id.raw, space.raw, 0, nil, &unfiltered, &address, &size), what)
    let stored = byteCount + 4
    guard unfiltered == 0, size == hsize_t(stored), let start = Int(exactly: address),
      start <= Int.max - stored
    else { return nil }
    return start..<start + stored
  }

  /// Whether its elements are float32.
  var isFloat32: Bool { type.isEqual(to: rh_float32_in_file()) }
}

extension HDF5Group {
  /// Writes a dataset of float32; returns where it lies.
  func write(_ values: UnsafeBufferPointer<Float>, shape: [Int], as name: String)
    throws(ResNetError) -> FileChecksums.Part
  {
    try write(UnsafeRawBufferPointer(values), rh_float32_in_file(), shape: shape, as: name)
  }

  func write(_ values: [Float], shape: [Int], as name: String)
    throws(ResNetError) -> FileChecksums.Part
  {
    let outcome = values.withUnsafeBufferPointer { buffer in
      Result { () throws(ResNetError) in try write(buffer, shape: shape, as: name) }
    }
    return try outcome.get()
  }

  /// Writes the strings as one dataset of strings as long as the longest.
  func write(_ strings: [String], as name: String) throws(ResNetError) -> FileChecksums.Part {
    let length = max(strings.lazy.map(\.utf8.count).max() ?? 0, 1)
    let type = try HDF5ID.string(of: length)
    let (total, overflow) = length.multipliedReportingOverflow(by: strings.count)
    guard !overflow, total <= HDF5Dataset.maximumBytes else {
      throw ResNetError(.invalidArgument, "\(path(of: name)) would need more than 4 GiB")
    }
    var table = [UInt8](repeating: 0, count: total)
    for (row, string) in strings.enumerated() {
      for (column, byte) in string.utf8.enumerated() { table[row * length + column] = byte }
    }
    let outcome = table.withUnsafeBytes { bytes in
      Result { () throws(ResNetError) in
        try write(bytes, type.raw, shape: [strings.count], as: name)
      }
    }
    return try outcome.get()
  }

  /// `bytes` fill a dataset of `shape` and `type`; memory and file have the same layout, which
  /// holds on every machine this library is for: all are little-endian.
  private func write(
    _ bytes: UnsafeRawBufferPointer, _ type: hid_t, shape: [Int], as name: String
  ) throws(ResNetError) -> FileChecksums.Part {
    let what = "\(path(of: name)) cannot be written"
    guard bytes.count <= HDF5Dataset.maximumBytes else {
      throw ResNetError(
        .invalidArgument, "\(path(of: name)) has \(bytes.count) bytes; a file can hold 4 GiB each")
    }
    let options = try HDF5ID(H5Pcreate(rh_dataset_create()), what)
    try HDF5.check(
      H5Pset_chunk(options.raw, Int32(shape.count), shape.map(hsize_t.init)), what)
    try HDF5.check(H5Pset_fletcher32(options.raw), what)
    // No time stamps: the same model makes the same file.
    try HDF5.check(H5Pset_obj_track_times(options.raw, false), what)
    try HDF5.check(H5Pset_fill_time(options.raw, H5D_FILL_TIME_NEVER), what)
    let space = try HDF5ID(simple: shape, what)
    let dataset = try HDF5ID(
      H5Dcreate2(id.raw, name, type, space.raw, rh_default(), options.raw, rh_default()), what)
    try HDF5.check(
      H5Dwrite(
        dataset.raw, type, rh_whole_space(), rh_whole_space(), rh_default(), bytes.baseAddress),
      what)
    // The chunk has its place in the file once it is flushed.
    try HDF5.check(H5Dflush(dataset.raw), what)
    var address = haddr_t()
    var size: hsize_t = 0
    try HDF5.check(
      H5Dget_chunk_info(dataset.raw, space.raw, 0, nil, nil, &address, &size), what)
    guard let start = Int(exactly: address), let count = Int(exactly: size) else {
      throw ResNetError(.badFormat, "\(what): HDF5 did not say where it put it")
    }
    return FileChecksums.Part(name: path(of: name), range: start..<start + count)
  }
}
