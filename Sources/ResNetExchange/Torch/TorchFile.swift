import ResNet

/// A file of `torch.save`: a state dict, or a checkpoint around one.
struct TorchFile {
  private(set) var weights = ImportedWeights(.torch)
  private let source: FileSource
  /// Where each storage's elements are, by its key.
  private var storages: [String: Range<Int>] = [:]

  /// How a stream of PyTorch before 1.6 begins: the pickle of a magic number.
  private static let magic: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]
  /// Under what keys checkpoints keep a state dict.
  private static let wrappers = ["state_dict", "model_state_dict", "model", "net"]
  private static let types: [(name: String, type: FloatType)] = [
    ("Double", .float64), ("Float", .float32), ("Half", .float16), ("BFloat16", .bfloat16),
  ]
  private static let otherTypes: [(name: String, bytes: Int)] = [
    ("Long", 8), ("Int", 4), ("Short", 2), ("Char", 1), ("Byte", 1), ("Bool", 1),
  ]

  /// Whether a file may be a stream of PyTorch before 1.6, by its first bytes.
  static func matches(_ head: [UInt8]) -> Bool { head.starts(with: magic) }

  /// Reads a stream or, if `archive` is the source's, a zip archive.
  init(_ source: FileSource, _ archive: ZipArchive? = nil) throws(ResNetError) {
    self.source = source
    let pickle: Pickle
    if let archive { pickle = try read(archive) } else { pickle = try readStream() }
    try addTensors(of: try stateDict(in: pickle), pickle)
  }

  private mutating func read(_ archive: ZipArchive) throws(ResNetError) -> Pickle {
    let names = archive.names.filter { $0.hasSuffix("data.pkl") }
    guard names.count == 1, let name = names.first else {
      throw ResNetError(
        .badFormat, "it is a zip archive with \(names.count) entries data.pkl, expected one")
    }
    let prefix = String(name.dropLast("data.pkl".utf8.count))
    let order = prefix + "byteorder"
    if archive.names.contains(order) {
      guard try archive.bytes(order, atMost: 6) == Array("little".utf8) else {
        throw ResNetError(.badFormat, "its numbers are not little-endian")
      }
    }
    let folder = (prefix + "data/").utf8
    for name in archive.names where name.utf8.starts(with: folder) {
      let key = String(decoding: name.utf8.dropFirst(folder.count), as: UTF8.self)
      storages[key] = try archive.place(name)
    }
    return try Pickle(try archive.bytes(name, atMost: Pickle.longest))
  }

  /// After the magic number: the protocol, the system, the object, the storages' keys, and for each its
  /// number of elements and these.
  private mutating func readStream() throws(ResNetError) -> Pickle {
    let bytes = try source.bytes(0, min(source.size, Pickle.longest))
    let version = try Pickle(bytes, from: Self.magic.count)
    guard case .int(1001) = version.root else {
      throw ResNetError(.badFormat, "its protocol is none that PyTorch before 1.6 wrote")
    }
    let system = try Pickle(bytes, from: version.position)
    if case .dictionary(let items) = system.object(system.root) {
      for item in items {
        if case .string("little_endian") = item.key, case .bool(false) = item.value {
          throw ResNetError(.badFormat, "its numbers are not little-endian")
        }
      }
    }
    let object = try Pickle(bytes, from: system.position)
    let keys = try Pickle(bytes, from: object.position)
    guard case .list(let list) = keys.object(keys.root) else {
      throw ResNetError(.badFormat, "the keys of its storages are no list")
    }
    var strides: [String: Int] = [:]
    for case .storage(let storage) in object.objects {
      strides[storage.key] = Self.stride(of: storage.type)
    }
    var position = keys.position
    for key in list {
      guard case .string(let key) = key, let stride = strides[key], source.size - position >= 8
      else { throw ResNetError(.badFormat, "its storages are cut off or of an unknown type") }
      let count = try source.bytes(position, 8).integer(at: 0, as: Int64.self)
      position += 8
      guard count >= 0, count <= (source.size - position) / stride else {
        throw ResNetError(
          .badFormat,
          "storage \(key.shown) claims \(count) elements, which the file has no room for")
      }
      storages[key] = position..<position + Int(count) * stride
      position += Int(count) * stride
    }
    return object
  }

  private static func stride(of type: String) -> Int? {
    types.first { $0.name == type }?.type.bytes ?? otherTypes.first { $0.name == type }?.bytes
  }

  private typealias Items = [(key: Pickle.Value, value: Pickle.Value)]

  /// The state dict: the object itself, or what a checkpoint has under one of the usual keys or, if there is
  /// but one, under another.
  private mutating func stateDict(in pickle: Pickle) throws(ResNetError) -> Items {
    guard case .dictionary(let items) = pickle.object(pickle.root) else {
      throw ResNetError(
        .badFormat,
        Self.wholeObject(pickle.root, pickle).map { "it is " + $0 }
          ?? "it holds no state dict but another object")
    }
    var found: [(key: String, items: Items)] = []
    for case (.string(let key), let value) in items {
      guard case .dictionary(let inner) = pickle.object(value), Self.hasTensors(inner, pickle)
      else { continue }
      found.append((key, inner))
    }
    // Tensors may lie beside what is under a usual key, too.
    var chosen = Self.wrappers.lazy.compactMap { key in found.first { $0.key == key } }.first
    if chosen == nil {
      guard !Self.hasTensors(items, pickle) else { return items }
      if found.count == 1 { chosen = found[0] }
    }
    guard let chosen else {
      throw ResNetError(.badFormat, Self.refusal(of: items, found.map(\.key), pickle))
    }
    for case (.string(let other), _) in items where other != chosen.key {
      weights.notes.append(.init(.ignored, other, "beside the state dict of a checkpoint"))
    }
    return chosen.items
  }

  /// Whether there are tensors of layers, which have points in their names: others are of a random number
  /// generator, say.
  private static func hasTensors(_ items: Items, _ pickle: Pickle) -> Bool {
    items.contains {
      guard case .string(let name) = $0.key, case .tensor = pickle.object($0.value) else {
        return false
      }
      return name.utf8.contains(UInt8(ascii: "."))
    }
  }

  /// What a checkpoint holds instead of one state dict, and what to do.
  private static func refusal(of items: Items, _ found: [String], _ pickle: Pickle) -> String {
    if let first = found.first {
      return
        "it holds \(found.count) state dicts, \(found.shown()): save the one that is "
        + "wanted, as by torch.save(checkpoint[\"\(first.shown)\"], path)"
    }
    for case (.string(let key), let value) in items where wrappers.contains(key) {
      if let object = wholeObject(value, pickle) { return "under the key \(key) is \(object)" }
    }
    let keys = items.compactMap { item -> String? in
      if case .string(let key) = item.key { key } else { nil }
    }
    return "there is no state dict in it, of which the tensors were by name"
      + (keys.isEmpty ? "" : "; its keys are \(keys.shown())")
      + ": save model.state_dict()"
  }

  /// What is said of an object that may be a model; nil for what is none.
  private static func wholeObject(_ value: Pickle.Value, _ pickle: Pickle) -> String? {
    guard case .other(let name) = pickle.object(value) else { return nil }
    return
      "a pickled object of the class \(name.shown), such as a whole model, which only the program that defines "
      + "the class can read: save model.state_dict() instead"
  }

  private mutating func addTensors(
    of items: [(key: Pickle.Value, value: Pickle.Value)], _ pickle: Pickle
  ) throws(ResNetError) {
    weights.wrapper = TorchNames.wrapper(
      of: items.compactMap { item in
        if case .string(let name) = item.key, case .tensor = pickle.object(item.value) {
          name
        } else {
          nil
        }
      })
    var room = 2 * source.size
    for item in items {
      guard case .string(let name) = item.key else {
        throw ResNetError(.badFormat, "a key of its state dict is no text")
      }
      guard case .tensor(let tensor) = pickle.object(item.value) else {
        let other: String? =
          if case .other(let name) = pickle.object(item.value) { " but \(name.shown)" } else { nil }
        weights.notes.append(.init(.unexpected, name, "is no tensor" + (other ?? "")))
        continue
      }
      let bytes = try check(tensor, name)
      room -= bytes
      guard room >= 0 else {
        throw ResNetError(
          .badFormat,
          "its tensors, up to \(name.shown), claim more than twice the bytes of the file")
      }
      let type = Self.types.first { $0.name == tensor.storage.type }?.type
      let problem = type == nil ? "is of type \(tensor.storage.type.shown), expected floats" : nil
      let (source, start) = (source, storages[tensor.storage.key]?.lowerBound ?? 0)
      TorchNames.add(name, tensor.shape, problem: problem, to: &weights) {
        () throws(ResNetError) in
        try type.map { type throws(ResNetError) in try tensor.read(source, start, type) } ?? []
      }
    }
  }

  /// Throws unless all elements are within the storage; returns the bytes that they are.
  private func check(_ tensor: Pickle.Tensor, _ name: String) throws(ResNetError) -> Int {
    let storage = tensor.storage
    guard let place = storages[storage.key], let stride = Self.stride(of: storage.type) else {
      throw ResNetError(
        .badFormat,
        "the storage of \(name.shown) is not in the file, or of the unknown type \(storage.type.shown)"
      )
    }
    var (count, last, isOut) = (1, storage.offset, false)
    func add(_ a: Int, _ b: Int) {
      let (product, tooLarge) = a.multipliedReportingOverflow(by: b)
      let (sum, overflow) = last.addingReportingOverflow(product)
      (last, isOut) = (sum, isOut || tooLarge || overflow)
    }
    add(tensor.offset, 1)
    for (side, step) in zip(tensor.shape, tensor.strides) {
      let (product, overflow) = count.multipliedReportingOverflow(by: side)
      (count, isOut) = (product, isOut || overflow)
      if side > 0 { add(side - 1, step) }
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: stride)
    guard !isOut, !overflow, count == 0 || last < place.count / stride else {
      throw ResNetError(
        .badFormat,
        "\(name.shown) of shape \(tensor.shape) is outside of its storage of \(place.count) bytes")
    }
    return bytes
  }
}

extension Pickle.Tensor {
  /// Its elements, row-major, of a storage that begins at `start`, and within which they were found to
  /// be.
  fileprivate func read(_ source: FileSource, _ start: Int, _ type: FloatType)
    throws(ResNetError) -> [Float]
  {
    let count = shape.reduce(1, *)
    guard count > 0 else { return [] }
    let first = start + (storage.offset + offset) * type.bytes
    var expected = 1
    var isContiguous = true
    for (side, stride) in zip(shape, strides).reversed() {
      if side > 1, stride != expected { isContiguous = false }
      expected *= side
    }
    if isContiguous { return try type.read(source, first, count) }

    let extent = zip(shape, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
    let stored = try type.read(source, first, extent)
    try expectMemory(count, of: MemoryLayout<Float>.stride, for: "a tensor")
    var values: [Float] = []
    values.reserveCapacity(count)
    var position = [Int](repeating: 0, count: shape.count)
    var index = 0
    for _ in 0..<count {
      values.append(stored[index])
      var axis = shape.count - 1
      while axis >= 0 {
        position[axis] += 1
        // The stride of a single element may be any number.
        index &+= strides[axis]
        if position[axis] < shape[axis] { break }
        index &-= shape[axis] &* strides[axis]
        position[axis] = 0
        axis -= 1
      }
    }
    return values
  }
}
