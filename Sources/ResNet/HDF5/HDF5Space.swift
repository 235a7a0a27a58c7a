/// A dataspace: the shape of a dataset or an attribute.
struct HDF5Space {
  /// Empty for a single value, [0] for a dataspace of kind null, which has no values at all.
  let shape: [Int]
  /// What each extent may grow to; nil for any.
  let maximum: [Int?]
  /// How many values there are: always the product of the shape.
  let count: Int

  static let maximumRank = 32

  init(_ bytes: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    let what = "its dataspace"
    var cursor = file.cursor(bytes, of: what)
    let version = try cursor.version(1...2)
    let rank = Int(try cursor.byte())
    let flags = try cursor.byte()
    let kind = try cursor.byte()
    if version == 1 { try cursor.skip(4) }
    guard rank <= Self.maximumRank, version == 1 || kind == 1 || kind <= 2 && rank == 0 else {
      throw ResNetError(.badFormat, "\(what) is of no known kind")
    }
    if version == 2, kind == 2 {
      (shape, maximum, count) = ([0], [0], 0)
      return
    }
    var shape: [Int] = []
    for _ in 0..<rank { shape.append(try cursor.length()) }
    var maximum: [Int?] = shape
    if flags & 1 != 0 {
      for axis in 0..<rank {
        let limit = try cursor.unsigned(file.sizes.length)
        maximum[axis] = limit > UInt64(Int.max) ? nil : Int(limit)
        // Without a limit all bits are set, however many there are.
        if limit == UInt64.max >> UInt64(64 - 8 * file.sizes.length) { maximum[axis] = nil }
      }
    }
    guard let count = Self.product(shape) else {
      throw ResNetError(.badFormat, "it has shape \(shape), which is impossible")
    }
    self.shape = shape
    self.maximum = maximum
    self.count = count
  }

  /// Nil for a product beyond what any file holds, so that sums and further small factors are safe.
  static func product(_ factors: some Sequence<Int>) -> Int? {
    var product = 1
    for factor in factors {
      let (result, overflow) = product.multipliedReportingOverflow(by: factor)
      guard factor >= 0, !overflow, result < 1 << 52 else { return nil }
      product = result
    }
    return product
  }
}
