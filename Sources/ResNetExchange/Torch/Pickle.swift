import ResNet

/// A pickled object of PyTorch's, as far as state dicts need it. Nothing is executed: a name of a class
/// or function is a text, and what is not known is an object of that name, of which nothing is kept.
struct Pickle {
  enum Value {
    case none
    case bool(Bool)
    case int(Int)
    /// A number of another kind, which nothing here depends on.
    case otherNumber
    case string(String)
    /// An index of `objects`. They do not hold one another, so that a chain of any length is as good as
    /// any other.
    case object(Int)
    case mark
  }

  enum Object {
    case tuple([Value])
    case list([Value])
    case dictionary([(key: Value, value: Value)])
    case name(String)
    case storage(Storage)
    case tensor(Tensor)
    /// Of another class, by its name; or what another function gives.
    case other(String)
  }

  struct Storage {
    var key: String
    /// Of the class's name, as "Float" of `torch.FloatStorage`.
    var type: String
    var count: Int
    /// First element of the storage that this one is a part of (PyTorch before 1.6).
    var offset: Int
  }

  struct Tensor {
    var storage: Storage
    var offset: Int
    var shape: [Int]
    var strides: [Int]
  }

  /// The most bytes of a pickle: a state dict of names and shapes is far below.
  static let longest = 1 << 24

  private(set) var objects: [Object] = []
  /// What the pickle is of.
  private(set) var root = Value.none
  /// Where it ends.
  private(set) var position: Int
  private let bytes: [UInt8]
  private var stack: [Value] = []
  private var memo: [Int: Value] = [:]
  /// How many items of dictionaries may still be set: each has bytes of its own, unless it is one of a list that
  /// several are made of.
  private var room: Int

  init(_ bytes: [UInt8], from start: Int = 0) throws(ResNetError) {
    self.bytes = bytes
    position = start
    room = bytes.count - start
    while try step() {}
    root = try pop()
    stack = []
    memo = [:]
  }

  func object(_ value: Value) -> Object? {
    guard case .object(let index) = value else { return nil }
    return objects[index]
  }

  /// One instruction; false at the end.
  private mutating func step() throws(ResNetError) -> Bool {
    let code = try byte()
    switch code {
    case 0x80: _ = try byte()  // PROTO
    case 0x95: _ = try number(8)  // FRAME
    case UInt8(ascii: "."): return false
    case UInt8(ascii: "("): stack.append(.mark)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88, 0x89: stack.append(.bool(code == 0x88))
    case UInt8(ascii: "J"):
      stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))
    case UInt8(ascii: "K"): stack.append(.int(try number(1)))
    case UInt8(ascii: "M"): stack.append(.int(try number(2)))
    case 0x8A: try pushLong(try number(1))
    case 0x8B: try pushLong(try number(4))
    case UInt8(ascii: "G"):
      _ = try take(8)
      stack.append(.otherNumber)
    case UInt8(ascii: "X"), UInt8(ascii: "T"), UInt8(ascii: "B"): try pushText(try number(4))
    case 0x8C, UInt8(ascii: "U"), UInt8(ascii: "C"): try pushText(try number(1))
    case 0x8D, 0x8E: try pushText(try number(8))
    case UInt8(ascii: "}"): push(.dictionary([]))
    case UInt8(ascii: "]"): push(.list([]))
    case UInt8(ascii: ")"): push(.tuple([]))
    case UInt8(ascii: "t"): push(.tuple(try popToMark()))
    case 0x85...0x87:
      let count = Int(code) - 0x84
      guard stack.count >= count else { throw damaged("its stack is empty") }
      let items = Array(stack.suffix(count))
      stack.removeLast(count)
      push(.tuple(items))
    case UInt8(ascii: "q"): try remember(try number(1))
    case UInt8(ascii: "r"): try remember(try number(4))
    case 0x94: try remember(memo.count)
    case UInt8(ascii: "h"): try recall(try number(1))
    case UInt8(ascii: "j"): try recall(try number(4))
    case UInt8(ascii: "c"): push(.name("\(try line()).\(try line())"))
    case 0x93:
      let name = try pop()
      guard case .string(let name) = name, case .string(let module) = try pop() else {
        throw damaged("a name is no text")
      }
      push(.name("\(module).\(name)"))
    case UInt8(ascii: "s"):
      let value = try pop()
      try setItems([try pop(), value])
    case UInt8(ascii: "u"): try setItems(try popToMark())
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popToMark())
    case UInt8(ascii: "Q"): push(try persistent(try pop()))
    case UInt8(ascii: "R"):
      let arguments = try tuple(try pop())
      try call(try pop(), arguments)
    case 0x81, 0x92:
      // A new object of a class; its arguments are a tuple, and those with names a dictionary after it.
      if code == 0x92 { _ = try pop() }
      _ = try pop()
      guard case .name(let name) = object(try pop()) else {
        throw damaged("it makes an object of no class")
      }
      push(.other(name))
    case 0x8F: push(.other("set"))
    case 0x90: try append(try popToMark())
    case 0x91:
      _ = try popToMark()
      push(.other("frozenset"))
    case UInt8(ascii: "b"):
      // Attributes of a dictionary, as a state dict's `_metadata`, or of another object: not of tensors.
      _ = try pop()
      switch stack.last.flatMap(object) {
      case .dictionary, .other: break
      default: throw damaged("something other than a state dict or an object has attributes")
      }
    default: throw damaged("instruction \(code) at byte \(position - 1) is not one of state dicts'")
    }
    return true
  }

  private mutating func call(_ function: Value, _ arguments: [Value]) throws(ResNetError) {
    guard case .name(let name) = object(function) else { throw damaged("it calls no function") }
    switch name {
    case "collections.OrderedDict":
      push(.dictionary([]))
      guard let first = arguments.first else { return }
      guard arguments.count == 1, case .list(let pairs) = object(first) else {
        throw damaged("an OrderedDict is not made of pairs")
      }
      for pair in pairs {
        guard case .list(let items) = object(pair), items.count == 2 else {
          throw damaged("a pair of an OrderedDict is no list of two")
        }
        try setItems(items)
      }
    case "torch.Size":
      guard arguments.count == 1 else { throw damaged("a torch.Size is none") }
      stack.append(arguments[0])
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
      push(.tensor(try tensor(arguments)))
    case "torch._utils._rebuild_parameter":
      guard let first = arguments.first, case .tensor = object(first) else {
        throw damaged("a parameter is no tensor")
      }
      stack.append(first)
    default: push(.other(name))
    }
  }

  private func tensor(_ arguments: [Value]) throws(ResNetError) -> Tensor {
    guard arguments.count >= 4, case .storage(let storage) = object(arguments[0]),
      case .int(let offset) = arguments[1]
    else { throw damaged("a tensor has no storage") }
    let shape = try numbers(arguments[2])
    let strides = try numbers(arguments[3])
    guard shape.count == strides.count, shape.count <= 16, offset >= 0 else {
      throw damaged("a tensor has shape \(shape.shown) and strides \(strides.shown)")
    }
    return Tensor(storage: storage, offset: offset, shape: shape, strides: strides)
  }

  /// What a persistent id stands for: a storage or, by PyTorch before 1.6, a class of modules.
  private func persistent(_ id: Value) throws(ResNetError) -> Object {
    let id = try tuple(id)
    if id.count > 1, case .string("module") = id[0], case .name(let name) = object(id[1]) {
      return .name(name)
    }
    guard id.count >= 5, case .string("storage") = id[0], case .name(let type) = object(id[1]),
      case .string(let key) = id[2], case .int(let count) = id[4], count >= 0
    else { throw damaged("a persistent id is of no storage") }
    guard type.hasPrefix("torch."), type.hasSuffix("Storage") else {
      throw ResNetError(.badFormat, "it holds a storage of \(type.shown), which is unknown")
    }
    var storage = Storage(
      key: key, type: String(type.dropFirst(6).dropLast(7)), count: count, offset: 0)
    if id.count > 5, case .tuple(let view) = object(id[5]) {
      guard view.count == 3, case .int(let offset) = view[1], case .int(let size) = view[2],
        offset >= 0, size >= 0, offset <= count, size <= count - offset
      else { throw damaged("a view of a storage is outside") }
      storage.offset = offset
    }
    return .storage(storage)
  }

  private func tuple(_ value: Value) throws(ResNetError) -> [Value] {
    guard case .tuple(let items) = object(value) else { throw damaged("expected a tuple") }
    return items
  }

  private func numbers(_ value: Value) throws(ResNetError) -> [Int] {
    var numbers: [Int] = []
    for item in try tuple(value) {
      guard case .int(let number) = item, number >= 0 else {
        throw damaged("expected whole numbers that are not negative")
      }
      numbers.append(number)
    }
    return numbers
  }

  private mutating func setItems(_ items: [Value]) throws(ResNetError) {
    if case .other? = stack.last.flatMap(object) { return }
    guard case .object(let index)? = stack.last, case .dictionary(var pairs) = objects[index],
      items.count % 2 == 0
    else { throw damaged("items are set of no dictionary") }
    room -= items.count / 2
    guard room >= 0 else { throw damaged("its dictionaries have more items than it has bytes") }
    objects[index] = .dictionary([])
    for first in stride(from: 0, to: items.count, by: 2) {
      pairs.append((items[first], items[first + 1]))
    }
    objects[index] = .dictionary(pairs)
  }

  private mutating func append(_ items: [Value]) throws(ResNetError) {
    if case .other? = stack.last.flatMap(object) { return }
    guard case .object(let index)? = stack.last, case .list(var list) = objects[index] else {
      throw damaged("items are appended to no list")
    }
    objects[index] = .list([])
    list += items
    objects[index] = .list(list)
  }

  private mutating func push(_ object: Object) {
    stack.append(.object(objects.count))
    objects.append(object)
  }

  private mutating func pushText(_ count: Int) throws(ResNetError) {
    stack.append(.string(String(decoding: try take(count), as: UTF8.self)))
  }

  private mutating func pushLong(_ count: Int) throws(ResNetError) {
    let digits = try take(count)
    guard count <= 8 else { return stack.append(.otherNumber) }
    var value = digits.last.map { $0 >= 0x80 ? -1 : 0 } ?? 0
    for digit in digits.reversed() { value = value << 8 | Int(digit) }
    stack.append(.int(value))
  }

  private mutating func remember(_ key: Int) throws(ResNetError) {
    guard let top = stack.last else { throw damaged("its stack is empty") }
    memo[key] = top
  }

  private mutating func recall(_ key: Int) throws(ResNetError) {
    guard let value = memo[key] else { throw damaged("it recalls what it has not stored") }
    stack.append(value)
  }

  private mutating func pop() throws(ResNetError) -> Value {
    guard let value = stack.popLast() else { throw damaged("its stack is empty") }
    if case .mark = value { throw damaged("a mark is where a value should be") }
    return value
  }

  private mutating func popToMark() throws(ResNetError) -> [Value] {
    var first = stack.count
    while first > 0 {
      if case .mark = stack[first - 1] {
        let items = Array(stack[first...])
        stack.removeLast(stack.count - first + 1)
        return items
      }
      first -= 1
    }
    throw damaged("a mark is missing")
  }

  private mutating func byte() throws(ResNetError) -> UInt8 { try take(1)[position - 1] }

  /// A little-endian number of so many bytes.
  private mutating func number(_ count: Int) throws(ResNetError) -> Int {
    var value: UInt64 = 0
    for digit in try take(count).reversed() { value = value << 8 | UInt64(digit) }
    guard let number = Int(exactly: value) else { throw damaged("a number is out of range") }
    return number
  }

  private mutating func take(_ count: Int) throws(ResNetError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw damaged("it is cut off") }
    position += count
    return bytes[(position - count)..<position]
  }

  private mutating func line() throws(ResNetError) -> String {
    let start = position
    while try byte() != UInt8(ascii: "\n") {}
    return String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
  }

  private func damaged(_ what: String) -> ResNetError {
    ResNetError(.badFormat, "the pickle is damaged or of no state dict: \(what)")
  }
}
