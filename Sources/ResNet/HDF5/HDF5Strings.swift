/// Reads text, which is in the data or in a heap.
struct HDF5Strings {
  private let file: HDF5File
  private let type: HDF5Type
  private var heap: HDF5GlobalHeap
  /// Bytes of text that may yet be read: all of a file's text is in it once, or little.
  private var allowance: Int

  /// For values of a type. Throws unless that is one of strings.
  init(_ type: HDF5Type, in file: HDF5File) throws(ResNetError) {
    switch type.kind {
    case .string where type.size <= 1 << 16: break
    case .variableString where type.size == 8 + file.sizes.address: break
    case .string: throw ResNetError(.badFormat, "it has strings of \(type.size) bytes")
    default: throw ResNetError(.badFormat, "it has \(type.description), not strings")
    }
    self.file = file
    self.type = type
    heap = HDF5GlobalHeap(file)
    allowance = max(file.size, 1 << 24)
  }

  /// The texts that are stored in `bytes`.
  mutating func strings(in bytes: ArraySlice<UInt8>) throws(ResNetError) -> [String] {
    var strings: [String] = []
    var start = bytes.startIndex
    while start < bytes.endIndex {
      let value = bytes[start..<min(start + type.size, bytes.endIndex)]
      start += type.size
      let text = try text(of: value)
      allowance -= text.count
      guard allowance >= 0 else {
        throw ResNetError(.badFormat, "it has more text than the file has room for")
      }
      try expectMemory(text.count, for: "a text")
      guard let string = String(validating: text, as: UTF8.self) else {
        throw ResNetError(.badFormat, "it has text that is not UTF-8")
      }
      strings.append(string)
    }
    return strings
  }

  private mutating func text(of value: ArraySlice<UInt8>) throws(ResNetError) -> ArraySlice<UInt8> {
    guard case .string(let padding) = type.kind else {
      var cursor = file.cursor(value, of: "a string")
      let count = try cursor.integer(4)
      let address = try cursor.optionalAddress()
      let index = try cursor.integer(4)
      guard count > 0, let address, address > 0 else { return [] }
      let bytes = try heap.object(index, at: address)
      guard bytes.count >= count else {
        throw ResNetError(.badFormat, "a string has \(count) bytes, and the heap \(bytes.count)")
      }
      return bytes.prefix(count).prefix { $0 != 0 }
    }
    // Padded with zeros, or, from Fortran, with spaces.
    var text = value.prefix { $0 != 0 }
    while padding == .spacePadded, text.last == 0x20 { text.removeLast() }
    return text
  }
}

/// The file's heap of values of varying length.
struct HDF5GlobalHeap {
  private let file: HDF5File
  /// Those that were met: the objects of a part of the heap, by number.
  private var parts: [Int: [Int: ArraySlice<UInt8>]] = [:]

  private static let what = "the global heap"

  init(_ file: HDF5File) { self.file = file }

  mutating func object(_ index: Int, at address: Int) throws(ResNetError) -> ArraySlice<UInt8> {
    if parts[address] == nil { parts[address] = try read(at: address) }
    guard let object = parts[address]?[index] else {
      throw ResNetError(.badFormat, "\(Self.what) lacks an object that is used")
    }
    return object
  }

  private func read(at address: Int) throws(ResNetError) -> [Int: ArraySlice<UInt8>] {
    let headerBytes = 8 + file.sizes.length
    var header = try file.structure("GCOL", at: address, headerBytes, of: Self.what)
    try header.version(1...1)
    try header.skip(3)
    let count = try header.length()
    guard count >= headerBytes else {
      throw ResNetError(.badFormat, "\(Self.what) has an impossible size")
    }
    let bytes = try file.bytes(address + headerBytes, count - headerBytes, of: Self.what)
    var cursor = file.cursor(bytes[...], of: Self.what)
    var objects: [Int: ArraySlice<UInt8>] = [:]
    while cursor.remaining >= headerBytes {
      let index = try cursor.integer(2)
      // What follows is free.
      if index == 0 { break }
      try cursor.skip(6)
      let size = try cursor.length()
      objects[index] = try cursor.take(size)
      try cursor.skip(min(cursor.remaining, (8 - size % 8) % 8))
    }
    return objects
  }
}
