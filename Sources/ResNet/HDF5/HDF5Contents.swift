/// What an HDF5 file to be written consists of: groups, attributes and datasets.
package struct HDF5Contents {
  /// The value of an attribute.
  enum Value {
    /// Of fixed length, padded with zeros.
    case string(String)
    case integer(Int)
    case integers([Int])
    case reals([Double])
    /// Of the longest's length, padded with zeros; together well below 64 KB.
    case strings([String])
  }

  enum Data {
    /// Memory that stays as it is until the file is written.
    case memory(UnsafeRawBufferPointer)
    case bytes([UInt8])

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      switch self {
      case .memory(let bytes): body(bytes)
      case .bytes(let bytes): bytes.withUnsafeBytes(body)
      }
    }

    var count: Int {
      switch self {
      case .memory(let bytes): bytes.count
      case .bytes(let bytes): bytes.count
      }
    }
  }

  /// A dataset, of numbers or of strings of one length.
  struct Values {
    enum Element {
      case float32, float64
      case string(bytes: Int)

      var bytes: Int {
        switch self {
        case .float32: 4
        case .float64: 8
        case .string(let bytes): bytes
        }
      }
    }

    let element: Element
    let shape: [Int]
    let data: Data
  }

  struct Member {
    enum Kind {
      case group(HDF5Contents)
      case dataset(Values)
    }

    let name: String
    let kind: Kind
  }

  /// In this order, as the members.
  private(set) var attributes: [(name: String, value: Value)] = []
  private(set) var members: [Member] = []

  package init() {}

  private mutating func set(_ name: String, _ value: Value) { attributes.append((name, value)) }
  package mutating func set(_ name: String, _ text: String) { set(name, .string(text)) }
  mutating func set(_ name: String, _ number: Int) { set(name, .integer(number)) }
  mutating func set(_ name: String, _ numbers: [Int]) { set(name, .integers(numbers)) }
  mutating func set(_ name: String, _ numbers: [Double]) { set(name, .reals(numbers)) }

  /// Attributes have less than 64 KB. Longer lists become several, `name0`, `name1`, ..., as Keras has them.
  package mutating func set(_ name: String, pieces texts: [String]) {
    let length = texts.reduce(1) { max($0, $1.utf8.count) }
    let most = max(1, 60_000 / length)
    guard texts.count > most else { return set(name, .strings(texts)) }
    for start in stride(from: 0, to: texts.count, by: most) {
      set("\(name)\(start / most)", .strings(Array(texts[start..<min(start + most, texts.count)])))
    }
  }

  package mutating func add(_ name: String, _ group: HDF5Contents) {
    members.append(Member(name: name, kind: .group(group)))
  }

  /// HDF5's limit on a chunk, with room for its checksum.
  private static let maximumBytes = 0xFFFF_FF00

  private mutating func add(_ name: String, _ values: Values) throws(ResNetError) {
    guard values.data.count <= Self.maximumBytes else {
      throw ResNetError(
        .invalidArgument, "\(name) has \(values.data.count) bytes; a file can hold 4 GiB each")
    }
    members.append(Member(name: name, kind: .dataset(values)))
  }

  /// Adds a dataset of float32 that stays in its memory.
  package mutating func add(_ name: String, _ values: UnsafeBufferPointer<Float>, shape: [Int])
    throws(ResNetError)
  {
    try add(
      name,
      Values(element: .float32, shape: shape, data: .memory(UnsafeRawBufferPointer(values))))
  }

  package mutating func add(_ name: String, _ values: [Float], shape: [Int]) throws(ResNetError) {
    try expectMemory(values.count, of: MemoryLayout<Float>.stride, for: name)
    let bytes = values.withUnsafeBytes { [UInt8]($0) }
    try add(name, Values(element: .float32, shape: shape, data: .bytes(bytes)))
  }

  mutating func add(_ name: String, _ values: [Double], shape: [Int]) throws(ResNetError) {
    try expectMemory(values.count, of: MemoryLayout<Double>.stride, for: name)
    let bytes = values.withUnsafeBytes { [UInt8]($0) }
    try add(name, Values(element: .float64, shape: shape, data: .bytes(bytes)))
  }

  /// Adds strings as one dataset of strings as long as the longest.
  package mutating func add(_ name: String, _ strings: [String]) throws(ResNetError) {
    // HDF5 has no empty strings.
    let length = max(strings.lazy.map(\.utf8.count).max() ?? 0, 1)
    let (total, overflow) = length.multipliedReportingOverflow(by: strings.count)
    guard !overflow, total <= Self.maximumBytes else {
      throw ResNetError(.invalidArgument, "\(name) would need more than 4 GiB")
    }
    try expectMemory(total, for: name)
    var table = [UInt8](repeating: 0, count: total)
    for (row, string) in strings.enumerated() {
      for (column, byte) in string.utf8.enumerated() { table[row * length + column] = byte }
    }
    try add(
      name, Values(element: .string(bytes: length), shape: [strings.count], data: .bytes(table)))
  }
}
