import ResNet

/// A file of tensors: the length of its header in 8 bytes, the header in JSON, then the tensors one after
/// the other, without gaps.
struct SafetensorsFile {
  private(set) var weights = ImportedWeights(.safetensors)

  /// As the reference implementation has it.
  private static let longestHeader = 100_000_000
  private static let types: [(name: String, type: FloatType)] = [
    ("F64", .float64), ("F32", .float32), ("F16", .float16), ("BF16", .bfloat16),
  ]
  /// Bytes of the types that hold no weights, by the digits that end their names.
  private static let otherTypes: [(name: String, bytes: Int)] = [
    ("I64", 8), ("U64", 8), ("I32", 4), ("U32", 4), ("I16", 2), ("U16", 2), ("I8", 1), ("U8", 1),
    ("BOOL", 1),
  ]

  private struct Entry {
    let name: String
    let type: String
    let shape: [Int]
    let start: Int
    let end: Int
  }

  static func matches(_ head: [UInt8]) -> Bool {
    head.count > 8 && head[8] == UInt8(ascii: "{")
      && head.integer(at: 0, as: UInt64.self) <= UInt64(longestHeader)
  }

  init(_ source: FileSource) throws(ResNetError) {
    let length = Int(
      truncatingIfNeeded: try source.bytes(0, 8).integer(at: 0, as: UInt64.self))
    guard length >= 0, length <= Self.longestHeader, length <= source.size - 8 else {
      throw ResNetError(
        .badFormat, "its header claims \(length) bytes, and the file has \(source.size)")
    }
    var entries = try Self.entries(try source.bytes(8, length))
    entries.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    weights.wrapper = TorchNames.wrapper(of: entries.map(\.name))
    let first = 8 + length
    var end = 0
    for entry in entries {
      guard entry.start == end, entry.end >= end, entry.end <= source.size - first else {
        throw ResNetError(
          .badFormat,
          "\(entry.name.shown) claims bytes \(entry.start) to \(entry.end), expected them from \(end) to "
            + "\(source.size - first) at most")
      }
      end = entry.end
      try add(entry, source, first + entry.start)
    }
    guard end == source.size - first else {
      throw ResNetError(
        .badFormat,
        "it has \(source.size - first) bytes of tensors, of which \(end) are said to be used")
    }
  }

  private mutating func add(_ entry: Entry, _ source: FileSource, _ offset: Int)
    throws(ResNetError)
  {
    let type = Self.types.first { $0.name == entry.type }?.type
    guard let stride = type?.bytes ?? Self.otherTypes.first(where: { $0.name == entry.type })?.bytes
    else {
      throw ResNetError(
        .badFormat, "\(entry.name.shown) is of type \(entry.type.shown), which is unknown")
    }
    var count = 1
    for side in entry.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: side)
      guard !overflow else {
        throw ResNetError(.badFormat, "\(entry.name.shown) has the impossible shape \(entry.shape)")
      }
      count = product
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: stride)
    guard !overflow, bytes == entry.end - entry.start else {
      throw ResNetError(
        .badFormat,
        "\(entry.name.shown) of type \(entry.type) and shape \(entry.shape) has "
          + "\(entry.end - entry.start) bytes")
    }
    let problem = type == nil ? "is of type \(entry.type), expected floats" : nil
    TorchNames.add(entry.name, entry.shape, problem: problem, to: &weights) {
      () throws(ResNetError) in try type?.read(source, offset, count) ?? []
    }
  }

  private static func entries(_ header: [UInt8]) throws(ResNetError) -> [Entry] {
    var scanner = JSONScanner(header)
    var entries: [Entry] = []
    var names: Set<String> = []
    try scanner.object { scanner, name throws(ResNetError) in
      guard names.insert(name).inserted else {
        throw ResNetError(.badFormat, "\(name.shown) is in its header twice")
      }
      guard name != "__metadata__" else { return try scanner.skip() }
      var (type, shape, range): (String?, [Int]?, [Int]) = (nil, nil, [])
      try scanner.object { scanner, key throws(ResNetError) in
        switch key {
        case "dtype": type = try scanner.string()
        case "shape": shape = try scanner.numbers(atMost: 16)
        case "data_offsets": range = try scanner.numbers(atMost: 2)
        default: try scanner.skip()
        }
      }
      guard let type, let shape, range.count == 2, range[0] <= range[1] else {
        throw ResNetError(
          .badFormat, "its header lacks the dtype, the shape or the data_offsets of \(name.shown)")
      }
      entries.append(
        Entry(name: name, type: type, shape: shape, start: range[0], end: range[1]))
    }
    try scanner.expectEnd()
    return entries
  }

  /// Writes a model's tensors under their names, which are torchvision's.
  static func write(_ model: Model, to path: String) throws(ResNetError) {
    let parameters = try model.parameters
    var header = "{\"__metadata__\":{\"format\":\"pt\"}"
    var end = 0
    for tensor in model.layout.tensors {
      let start = end
      end += tensor.count * MemoryLayout<Float>.stride
      let shape = tensor.shape.map { "\($0)" }.joined(separator: ",")
      header +=
        ",\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(start),\(end)]}"
    }
    header += "}"
    // Spaces, so that the tensors are aligned.
    header += String(repeating: " ", count: -header.utf8.count & 7)
    var head: [UInt8] = []
    head.append(little: UInt64(header.utf8.count))
    head.append(contentsOf: header.utf8)
    try AtomicFile.write(to: path) { append throws(ResNetError) in
      try head.withUnsafeBytes { bytes in
        Result { () throws(ResNetError) in try append(bytes) }
      }.get()
      for tensor in model.layout.tensors {
        try append(UnsafeRawBufferPointer(parameters[tensor]))
      }
    }
  }
}
