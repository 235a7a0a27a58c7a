/// A message in the wire format of Protocol Buffers, which is the sequence of its fields.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: Int) {
    var rest = UInt64(bitPattern: Int64(value))
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// The tag and the length of a field whose `count` bytes follow elsewhere.
  mutating func head(_ field: Int, count: Int) {
    varint(field << 3 | 2)
    varint(count)
  }

  mutating func add(_ field: Int, _ value: Int) {
    varint(field << 3)
    varint(value)
  }

  mutating func add(_ field: Int, _ value: Float) {
    varint(field << 3 | 5)
    bytes.append(little: value.bitPattern)
  }

  mutating func add(_ field: Int, _ text: String) {
    let text = Array(text.utf8)
    add(field, text)
  }

  mutating func add(_ field: Int, _ message: ProtobufWriter) { add(field, message.bytes) }

  private mutating func add(_ field: Int, _ content: [UInt8]) {
    head(field, count: content.count)
    bytes += content
  }

  /// Fields that are in order already.
  mutating func append(_ fields: ProtobufWriter) { bytes += fields.bytes }
}
