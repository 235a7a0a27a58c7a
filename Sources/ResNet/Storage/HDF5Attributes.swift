import CHDF5

/// Attributes: fixed-length UTF-8 strings, 64-bit integers and lists of them, and checksums.
///
/// What is read is taken in exactly these types and nothing else, checked before memory is
/// allocated for it.
extension HDF5Group {
  func setAttribute(_ name: String, to value: String) throws(ResNetError) {
    let what = "attribute \(name) of \(path) cannot be written"
    var bytes = Array(value.utf8)
    // HDF5 has no empty strings: one padding byte stands for it.
    if bytes.isEmpty { bytes = [0] }
    let type = try HDF5ID.string(of: bytes.count)
    let space = try HDF5ID(H5Screate(H5S_SCALAR), what)
    try HDF5.write(bytes, as: type.raw, from: type.raw, space, name: name, to: id, what)
  }

  func setAttribute(_ name: String, to value: Int) throws(ResNetError) {
    let what = "attribute \(name) of \(path) cannot be written"
    let space = try HDF5ID(H5Screate(H5S_SCALAR), what)
    try HDF5.write(
      [Int64(value)], as: rh_int64_in_file(), from: rh_int64_in_memory(), space, name: name,
      to: id, what)
  }

  func setAttribute(_ name: String, to values: [Int]) throws(ResNetError) {
    let what = "attribute \(name) of \(path) cannot be written"
    let space = try HDF5ID(simple: [values.count], what)
    try HDF5.write(
      values.map(Int64.init), as: rh_int64_in_file(), from: rh_int64_in_memory(), space,
      name: name, to: id, what)
  }

  func hasAttribute(_ name: String) throws(ResNetError) -> Bool {
    try HDF5.check(H5Aexists(id.raw, name), "the attributes of \(path) are damaged") > 0
  }

  func string(_ name: String) throws(ResNetError) -> String {
    let attribute = try open(name)
    let size = try attribute.type.fixedStringSize(of: "attribute \(name) of \(path)")
    guard attribute.shape.isEmpty, size <= 0xFFFF else {
      throw ResNetError(.badFormat, "attribute \(name) of \(path) is not a single short string")
    }
    var bytes = [UInt8](repeating: 0, count: size)
    try HDF5.check(
      H5Aread(attribute.id.raw, attribute.type.raw, &bytes),
      "attribute \(name) of \(path) is damaged")
    guard let text = String(nullPadded: bytes) else {
      throw ResNetError(.badFormat, "attribute \(name) of \(path) is not UTF-8")
    }
    return text
  }

  func integer(_ name: String) throws(ResNetError) -> Int {
    let attribute = try open(name)
    guard attribute.shape.isEmpty, attribute.type.isEqual(to: rh_int64_in_file()) else {
      throw ResNetError(.badFormat, "attribute \(name) of \(path) is not a single 64-bit integer")
    }
    var value: Int64 = 0
    try HDF5.check(
      H5Aread(attribute.id.raw, rh_int64_in_memory(), &value),
      "attribute \(name) of \(path) is damaged")
    return Int(value)
  }

  func integers(_ name: String, limit: Int) throws(ResNetError) -> [Int] {
    let attribute = try open(name)
    guard attribute.shape.count == 1, attribute.shape[0] >= 1, attribute.shape[0] <= limit,
      attribute.type.isEqual(to: rh_int64_in_file())
    else {
      throw ResNetError(
        .badFormat,
        "attribute \(name) of \(path) is not a list of 1 to \(limit) 64-bit integers")
    }
    var values = [Int64](repeating: 0, count: attribute.shape[0])
    try HDF5.check(
      H5Aread(attribute.id.raw, rh_int64_in_memory(), &values),
      "attribute \(name) of \(path) is damaged")
    return values.map { Int($0) }
  }

  private func open(_ name: String) throws(ResNetError) -> HDF5Attribute {
    try HDF5Attribute(name, of: id, path: path)
  }
}

/// An attribute opened for reading, with its type and shape.
struct HDF5Attribute: ~Copyable {
  let id: HDF5ID
  let type: HDF5ID
  /// Empty for a scalar.
  let shape: [Int]

  init(_ name: String, of object: borrowing HDF5ID, path: String) throws(ResNetError) {
    let what = "attribute \(name) of \(path) is damaged"
    guard try HDF5.check(H5Aexists(object.raw, name), "the attributes of \(path) are damaged") > 0
    else { throw ResNetError(.badFormat, "\(path) has no attribute \(name)") }
    let id = try HDF5ID(H5Aopen(object.raw, name, rh_default()), what)
    let type = try HDF5ID(H5Aget_type(id.raw), what)
    shape = try HDF5ID(H5Aget_space(id.raw), what).shape(of: "attribute \(name) of \(path)")
    self.id = id
    self.type = type
  }
}

extension HDF5 {
  /// Creates an attribute and writes `values`, which fill `space`.
  static func write<Element: BitwiseCopyable>(
    _ values: [Element], as fileType: hid_t, from memoryType: hid_t, _ space: borrowing HDF5ID,
    name: String, to object: borrowing HDF5ID, _ what: String
  ) throws(ResNetError) {
    let attribute = try HDF5ID(
      H5Acreate2(object.raw, name, fileType, space.raw, rh_default(), rh_default()), what)
    try check(H5Awrite(attribute.raw, memoryType, values), what)
  }
}

/// Types and dataspaces.
extension HDF5ID {
  /// The type of UTF-8 strings of `size` bytes, the unused ones at the end zero.
  static func string(of size: Int) throws(ResNetError) -> HDF5ID {
    let type = try HDF5ID(H5Tcopy(rh_c_string()), "HDF5 has no string type")
    try HDF5.check(H5Tset_size(type.raw, size), "HDF5 has no strings of \(size) bytes")
    try HDF5.check(H5Tset_strpad(type.raw, H5T_STR_NULLPAD), "HDF5 has no padded strings")
    try HDF5.check(H5Tset_cset(type.raw, H5T_CSET_UTF8), "HDF5 has no UTF-8 strings")
    return type
  }

  init(simple shape: [Int], _ what: String) throws(ResNetError) {
    try self.init(H5Screate_simple(Int32(shape.count), shape.map(hsize_t.init), nil), what)
  }

  func isEqual(to type: hid_t) -> Bool { H5Tequal(raw, type) > 0 }

  /// The bytes of this type if it is one of fixed-length strings padded with zeros; else throws.
  func fixedStringSize(of what: String) throws(ResNetError) -> Int {
    let isFixed = H5Tget_class(raw) == H5T_STRING && H5Tis_variable_str(raw) == 0
    let padding = isFixed ? H5Tget_strpad(raw) : H5T_STR_ERROR
    let size = H5Tget_size(raw)
    guard padding == H5T_STR_NULLPAD || padding == H5T_STR_NULLTERM, size > 0, size < 1 << 32
    else {
      throw ResNetError(.badFormat, "\(what) is not of fixed-length, null-padded strings")
    }
    return size
  }

  /// The extents of this dataspace, none for a scalar.
  func shape(of what: String) throws(ResNetError) -> [Int] {
    let kind = H5Sget_simple_extent_type(raw)
    let rank = H5Sget_simple_extent_ndims(raw)
    guard kind == H5S_SCALAR || kind == H5S_SIMPLE, rank >= 0, rank <= H5S_MAX_RANK else {
      throw ResNetError(.badFormat, "\(what) has no shape")
    }
    var extents = [hsize_t](repeating: 0, count: max(Int(rank), 1))
    try HDF5.check(H5Sget_simple_extent_dims(raw, &extents, nil), "\(what) has no shape")
    var shape: [Int] = []
    for extent in extents.prefix(Int(rank)) {
      guard let extent = Int(exactly: extent) else {
        throw ResNetError(.badFormat, "\(what) has an impossible shape")
      }
      shape.append(extent)
    }
    return shape
  }
}

extension String {
  /// The text before the first zero byte, or nil if that is not UTF-8.
  init?(nullPadded bytes: some Sequence<UInt8>) {
    self.init(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
