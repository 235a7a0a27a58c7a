import ResNet

/// The bytes of a file of Protocol Buffers. What is read of it goes through one buffer, but for the
/// content of tensors, which stays in the file until it is wanted.
final class ProtobufFile {
  let source: FileSource
  private var window: [UInt8] = []
  private var windowStart = 0
  /// The file beside this one that was used last; only one is held open, as there may be one per tensor.
  private var other: (location: String, source: FileSource)?
  private var filesBeside: FilesBeside?
  /// What may still be taken into memory, in units that are about a byte of it.
  private var allowance = 1 << 26

  private static let windowBytes = 1 << 16

  init(_ source: FileSource) { self.source = source }

  func byte(at offset: Int) throws(ResNetError) -> UInt8 {
    if offset < windowStart || offset >= windowStart + window.count {
      window = try source.bytes(offset, min(Self.windowBytes, source.size - offset))
      windowStart = offset
    }
    return window[offset - windowStart]
  }

  /// Of the other files that this one names.
  var bytesBeside: Int { filesBeside?.bytes ?? 0 }

  /// The file that this one says to be at a place below its own folder.
  func other(_ location: String) throws(ResNetError) -> FileSource {
    if let other, other.location.utf8.elementsEqual(location.utf8) { return other.source }
    guard case .file(let reader) = source else {
      throw ResNetError(
        .badFormat,
        "there are no files beside bytes in memory: import it by its path, or save it as one file")
    }
    do throws(ResNetError) {
      let files: FilesBeside
      if let filesBeside { files = filesBeside } else { files = try FilesBeside(of: reader) }
      filesBeside = files
      let found = FileSource.file(try files.open(location))
      other = (location, found)
      return found
    } catch {
      throw ResNetError(
        error.kind, "that file is expected in the folder of \(reader.path): \(error.message)")
    }
  }

  /// Throws once the structures of the file, tensors' values apart, take more memory than those of the
  /// largest network.
  func take(_ bytes: Int) throws(ResNetError) {
    allowance -= bytes
    guard allowance >= 0 else {
      throw ResNetError(.badFormat, "its graph is larger than that of any network of this library")
    }
  }
}

/// Takes the fields of one message, in order.
struct ProtobufReader {
  struct Field {
    let number: Int
    /// Of a number of variable or fixed length; 0 otherwise.
    let bits: UInt64
    /// Where its content is in the file, if it has a length; and of a fixed-length number.
    let content: Range<Int>
    let hasLength: Bool

    var int: Int { Int(Int64(bitPattern: bits)) }
    var float: Float { Float(bitPattern: UInt32(truncatingIfNeeded: bits)) }
  }

  let file: ProtobufFile
  private(set) var position: Int
  private let end: Int

  init(_ file: ProtobufFile, _ range: Range<Int>) {
    self.file = file
    position = range.lowerBound
    end = range.upperBound
  }

  private var damage: ResNetError {
    ResNetError(
      .badFormat, "it is damaged, or not of Protocol Buffers, at byte \(position) of the file")
  }

  var isAtEnd: Bool { position == end }

  /// The rest of a message, as a string in its field 1 and a string or an integer in its field 2.
  consuming func pair() throws(ResNetError) -> (String, (text: String, int: Int)) {
    var key = ""
    var value = (text: "", int: 0)
    while let field = try next() {
      switch field.number {
      case 1: key = try text(field)
      case 2 where field.hasLength: value.text = try text(field)
      case 2: value.int = field.int
      default: break
      }
    }
    return (key, value)
  }

  mutating func varint() throws(ResNetError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < end else { throw damage }
      let byte = try file.byte(at: position)
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damage
  }

  /// Nil at the end of the message.
  mutating func next() throws(ResNetError) -> Field? {
    guard !isAtEnd else { return nil }
    let tag = try varint()
    guard let number = Int(exactly: tag >> 3), number > 0 else { throw damage }
    var bits: UInt64 = 0
    var count = 0
    switch tag & 7 {
    case 0: bits = try varint()
    case 1: count = 8
    case 5: count = 4
    case 2:
      guard let length = Int(exactly: try varint()) else { throw damage }
      count = length
    default: throw damage
    }
    guard count <= end - position else { throw damage }
    let content = position..<position + count
    position += count
    if tag & 7 == 1 || tag & 7 == 5 {
      for offset in content.reversed() { bits = bits << 8 | UInt64(try file.byte(at: offset)) }
    }
    return Field(number: number, bits: bits, content: content, hasLength: tag & 7 == 2)
  }

  func message(_ field: Field) throws(ResNetError) -> ProtobufReader {
    guard field.hasLength else { throw damage }
    return ProtobufReader(file, field.content)
  }

  func text(_ field: Field) throws(ResNetError) -> String {
    guard field.hasLength else { throw damage }
    try file.take(field.content.count + 64)
    var bytes: [UInt8] = []
    for offset in field.content { bytes.append(try file.byte(at: offset)) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw damage }
    return text
  }

  /// Appends the integers of a repeated field, packed or not.
  func integers(_ field: Field, to list: inout [Int]) throws(ResNetError) {
    guard field.hasLength else {
      try file.take(8)
      return list.append(field.int)
    }
    var reader = ProtobufReader(file, field.content)
    while !reader.isAtEnd {
      try file.take(8)
      list.append(Int(Int64(bitPattern: try reader.varint())))
    }
  }
}
