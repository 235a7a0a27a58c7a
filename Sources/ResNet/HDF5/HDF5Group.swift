/// A member of a group, by name.
struct HDF5Link {
  enum Target: Equatable {
    /// An object of the same file, at this address.
    case hard(Int)
    /// A path in the same file, or in another, or something of a program's own. None is followed.
    case elsewhere
  }

  /// With replacement characters for what is not UTF-8.
  let name: String
  /// Whether the name is what the file has: UTF-8.
  let isNameWhole: Bool
  let target: Target

  /// From a link message.
  init(_ bytes: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    let what = "a link"
    var cursor = file.cursor(bytes, of: what)
    try cursor.version(1...1)
    let flags = try cursor.byte()
    let kind = flags & 0x08 != 0 ? try cursor.byte() : 0
    if flags & 0x04 != 0 { try cursor.skip(8) }  // order of creation
    if flags & 0x10 != 0 { try cursor.skip(1) }  // character set
    let count = try cursor.integer(1 << Int(flags & 3))
    let name = try cursor.take(count)
    self.init(name: name, target: kind == 0 ? .hard(try cursor.address()) : .elsewhere)
  }

  init(name: ArraySlice<UInt8>, target: Target) {
    self.name = String(decoding: name, as: UTF8.self)
    isNameWhole = self.name.utf8.elementsEqual(name)
    self.target = target
  }
}

/// A group, and what is in it.
struct HDF5Group {
  let object: HDF5Object

  /// Throws unless the object is a group.
  init(_ object: HDF5Object) throws(ResNetError) {
    self.object = object
    guard object.messages.contains(where: { $0.kind == .linkInfo || $0.kind == .symbolTable })
    else {
      throw ResNetError(.badFormat, "\(object.path) is damaged or is not a group")
    }
  }

  /// Its path in the file.
  var path: String { object.path }

  func path(of member: String) -> String { path == "/" ? "/\(member)" : "\(path)/\(member)" }

  /// Calls `body` for each member, in no order that means anything; with a name, for that one alone, and
  /// perhaps for others.
  func forEachLink(
    named name: String? = nil, _ body: (HDF5Link) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    let file = object.file
    try object.named { () throws(ResNetError) in
      if let table = try object.message(.symbolTable) {
        try HDF5SymbolTable(table, in: file).forEachLink(body)
      }
      for message in object.messages where message.kind == .link {
        try body(try HDF5Link(try object.bytes(message), in: file))
      }
      guard let info = try object.message(.linkInfo) else { return }
      try HDF5DenseIndex(.links, info, file)?.forEachItem(named: name) {
        bytes throws(ResNetError) in
        try body(try HDF5Link(bytes, in: file))
      }
    }
  }

  /// Where its members are. Throws if there are more than `limit`, if two have the same name or one has
  /// none in UTF-8, or if one is a link to elsewhere, which could lead out of the file.
  func members(limit: Int) throws(ResNetError) -> [String: Int] {
    var members: [String: Int] = [:]
    try forEachLink { link throws(ResNetError) in
      guard case .hard(let address) = link.target else {
        throw ResNetError(.badFormat, "\(path(of: link.name)) is a link to elsewhere")
      }
      guard members.count < limit else {
        throw ResNetError(.badFormat, "\(path) has more than \(limit) members")
      }
      guard link.isNameWhole else {
        throw ResNetError(.badFormat, "\(path(of: link.name)) has a name that is not UTF-8")
      }
      guard members.updateValue(address, forKey: link.name) == nil else {
        throw ResNetError(.badFormat, "\(path) has two members of the name \(link.name)")
      }
    }
    return members
  }

  /// A member by name. Throws `notFound` without one, `badFormat` if it is a link to elsewhere.
  func member(_ name: String) throws(ResNetError) -> HDF5Object {
    var found: HDF5Link?
    try forEachLink(named: name) { link throws(ResNetError) in
      // By bytes: strings that look the same are equal in Swift.
      if link.isNameWhole, link.name.utf8.elementsEqual(name.utf8) { found = link }
    }
    switch found?.target {
    case nil: throw ResNetError(.notFound, "it has no \(path(of: name))")
    case .elsewhere: throw ResNetError(.badFormat, "\(path(of: name)) is a link to elsewhere")
    case .hard(let address): return try HDF5Object(address, in: object.file, path: path(of: name))
    }
  }
}
