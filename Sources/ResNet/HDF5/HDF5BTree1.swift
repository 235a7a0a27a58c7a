/// A B-tree of version 1, of a group's tables or of a dataset's chunks.
struct HDF5BTree1 {
  enum Kind: Equatable {
    case group
    /// With as many numbers in a key as a dataset has axes.
    case chunks(rank: Int)
  }

  private let file: HDF5File
  private let address: Int
  private let kind: Kind

  /// More nodes than any file has room for; each level is a call within the one above.
  private static let maximumLevel = 16
  private static let what = "a version 1 B-tree"

  init(at address: Int, _ kind: Kind, in file: HDF5File) {
    self.file = file
    self.address = address
    self.kind = kind
  }

  /// Calls `body` with each of the lowest keys, and the address that it stands for.
  func forEachChild(_ body: (ArraySlice<UInt8>, Int) throws(ResNetError) -> Void)
    throws(ResNetError)
  {
    try visit(address, level: nil, body)
  }

  private func visit(
    _ address: Int, level expected: Int?,
    _ body: (ArraySlice<UInt8>, Int) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    let what = Self.what
    let keyBytes =
      switch kind {
      case .group: file.sizes.length
      // Size, filters left out, the offset along each axis and one that is always 0.
      case .chunks(let rank): 8 + 8 * (rank + 1)
      }
    let prefixBytes = 8 + 2 * file.sizes.address
    var prefix = try file.structure("TREE", at: address, prefixBytes, of: what)
    let isGroup = try prefix.byte() == 0
    let level = Int(try prefix.byte())
    let count = try prefix.integer(2)
    guard isGroup == (kind == .group), level == expected ?? level, level <= Self.maximumLevel else {
      throw ResNetError(.badFormat, "\(what) has a node of another kind or level than it should")
    }
    let bytes = try file.bytes(
      address + prefixBytes, count * (keyBytes + file.sizes.address), of: what)
    var cursor = file.cursor(bytes[...], of: what)
    for _ in 0..<count {
      let key = try cursor.take(keyBytes)
      let child = try cursor.address()
      if level > 0 {
        try visit(child, level: level - 1, body)
      } else {
        try body(key, child)
      }
    }
  }
}
