/// A group as HDF5 stores it by default: a version 1 B-tree of tables, with the names in a heap.
struct HDF5SymbolTable {
  private let file: HDF5File
  private let tree: HDF5BTree1
  private let names: [UInt8]

  private static let what = "its table of members"

  init(_ message: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    self.file = file
    var cursor = file.cursor(message, of: Self.what)
    tree = HDF5BTree1(at: try cursor.address(), .group, in: file)
    let heapAddress = try cursor.address()
    var heap = try file.structure(
      "HEAP", at: heapAddress, 8 + 2 * file.sizes.length + file.sizes.address, of: Self.what)
    try heap.version(0...0)
    try heap.skip(3)
    let count = try heap.length()
    try heap.skip(file.sizes.length)
    names = try file.bytes(try heap.address(), count, of: Self.what)
  }

  func forEachLink(_ body: (HDF5Link) throws(ResNetError) -> Void) throws(ResNetError) {
    let sizes = file.sizes
    let entryBytes = 2 * sizes.address + 24
    try tree.forEachChild { _, address throws(ResNetError) in
      var prefix = try file.structure("SNOD", at: address, 8, of: Self.what)
      try prefix.version(1...1)
      try prefix.skip(1)
      let count = try prefix.integer(2)
      let bytes = try file.bytes(address + 8, count * entryBytes, of: Self.what)
      var cursor = file.cursor(bytes[...], of: Self.what)
      for _ in 0..<count {
        let name = try name(at: try cursor.integer(sizes.address))
        let address = try cursor.optionalAddress()
        let isSoft = try cursor.integer(4) == 2
        try cursor.skip(20)
        let target = isSoft ? nil : address
        try body(HDF5Link(name: name, target: target.map { .hard($0) } ?? .elsewhere))
      }
    }
  }

  private func name(at offset: Int) throws(ResNetError) -> ArraySlice<UInt8> {
    guard offset < names.count else {
      throw ResNetError(.badFormat, "\(Self.what) has a name beyond its heap")
    }
    let name = names[offset...].prefix { $0 != 0 }
    try file.spend(name.count, on: Self.what)
    return name
  }
}
