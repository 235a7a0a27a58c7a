/// An attribute: a name and its values.
struct HDF5Attribute {
  let name: String
  let type: HDF5Type
  /// Empty for a single value.
  let shape: [Int]
  /// How many values there are.
  let count: Int
  /// The values as they are stored, all of them.
  let bytes: ArraySlice<UInt8>

  /// That in an attribute message.
  static func name(in message: ArraySlice<UInt8>, of file: HDF5File) throws(ResNetError) -> String {
    var cursor = file.cursor(message, of: "an attribute")
    let version = try cursor.version(1...3)
    try cursor.skip(1)
    let count = try cursor.integer(2)
    try cursor.skip(version == 3 ? 5 : 4)
    return String(decoding: try cursor.take(count).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// From an attribute message.
  init(_ message: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    let what = "an attribute"
    var cursor = file.cursor(message, of: what)
    name = try Self.name(in: message, of: file)
    let version = try cursor.version(1...3)
    let flags = try cursor.byte()
    let nameBytes = try cursor.integer(2)
    let typeBytes = try cursor.integer(2)
    let spaceBytes = try cursor.integer(2)
    if version == 3 { try cursor.skip(1) }  // character set of the name
    /// The parts of the first version end at multiples of eight.
    func part(_ count: Int) throws(ResNetError) -> ArraySlice<UInt8> {
      let bytes = try cursor.take(count)
      if version == 1 { try cursor.skip(min(cursor.remaining, (8 - count % 8) % 8)) }
      return bytes
    }
    _ = try part(nameBytes)
    do throws(ResNetError) {
      var typeMessage = try part(typeBytes)
      if version > 1, flags & 1 != 0 {
        typeMessage = try HDF5Object.shared(typeMessage, kind: .type, in: file)
      }
      type = try HDF5Type(typeMessage, in: file)
      guard version == 1 || flags & 2 == 0 else {
        throw ResNetError(.badFormat, "its dataspace is shared, which is not read")
      }
      let space = try HDF5Space(try part(spaceBytes), in: file)
      shape = space.shape
      count = space.count
      guard let size = HDF5Space.product([count, type.size]) else {
        throw ResNetError(.badFormat, "it has shape \(shape), which is impossible")
      }
      bytes = try cursor.take(size)
    } catch {
      throw ResNetError(error.kind, "attribute \(name): \(error.message)")
    }
  }
}

extension HDF5Object {
  /// Calls `body` with the message of each attribute; with a name, of that one, and perhaps of others.
  private func forEachAttributeMessage(
    named name: String?, _ body: (ArraySlice<UInt8>) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    for message in messages where message.kind == .attribute { try body(try bytes(message)) }
    guard let info = try message(.attributeInfo) else { return }
    try HDF5DenseIndex(.attributes, info, file)?.forEachItem(named: name, body)
  }

  /// Calls `body` for each attribute.
  func forEachAttribute(_ body: (HDF5Attribute) throws(ResNetError) -> Void) throws(ResNetError) {
    try named { () throws(ResNetError) in
      try forEachAttributeMessage(named: nil) { message throws(ResNetError) in
        try body(try HDF5Attribute(message, in: file))
      }
    }
  }

  /// An attribute by name; nil without one. Of the others nothing but the names is looked at.
  func attribute(_ name: String) throws(ResNetError) -> HDF5Attribute? {
    var found: HDF5Attribute?
    try named { () throws(ResNetError) in
      try forEachAttributeMessage(named: name) { message throws(ResNetError) in
        if try HDF5Attribute.name(in: message, of: file) == name {
          found = try HDF5Attribute(message, in: file)
        }
      }
    }
    return found
  }
}
