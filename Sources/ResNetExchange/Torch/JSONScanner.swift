import ResNet

/// Reads JSON from beginning to end (RFC 8259), for who knows what to expect next.
struct JSONScanner {
  private let bytes: [UInt8]
  private var position = 0
  private static let deepest = 32

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Calls `member` with each key of an object; it takes the value.
  mutating func object(
    _ member: (inout JSONScanner, String) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    try expect("{")
    if try take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while try take(",")
    try expect("}")
  }

  mutating func string() throws(ResNetError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = next(), byte >= 0x20 {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw malformed("UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      default: text.append(byte)
      }
    }
    throw malformed("the end of a string")
  }

  /// A whole number that is not negative.
  mutating func number() throws(ResNetError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = bytes[position] &- 48, digit < 10 {
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(Int(digit))
      guard !tooLarge, !overflow else { throw malformed("a number that is less than 2^63") }
      value = sum
      position += 1
    }
    guard position > start else { throw malformed("a whole number") }
    return value
  }

  mutating func numbers(atMost limit: Int) throws(ResNetError) -> [Int] {
    try expect("[")
    var values: [Int] = []
    if try take("]") { return values }
    repeat {
      guard values.count < limit else { throw malformed("at most \(limit) numbers") }
      values.append(try number())
    } while try take(",")
    try expect("]")
    return values
  }

  /// Passes a value over, whatever it is.
  mutating func skip(depth: Int = 0) throws(ResNetError) {
    guard depth < Self.deepest else { throw malformed("at most \(Self.deepest) levels") }
    skipSpace()
    switch position < bytes.count ? bytes[position] : 0 {
    case UInt8(ascii: "{"):
      try object { scanner, _ throws(ResNetError) in try scanner.skip(depth: depth + 1) }
    case UInt8(ascii: "["):
      position += 1
      if try take("]") { return }
      repeat { try skip(depth: depth + 1) } while try take(",")
      try expect("]")
    case UInt8(ascii: "\""): _ = try string()
    default:
      let start = position
      while position < bytes.count, isPartOfWord(bytes[position]) { position += 1 }
      guard position > start else { throw malformed("a value") }
    }
  }

  /// Throws unless nothing but space is left.
  mutating func expectEnd() throws(ResNetError) {
    skipSpace()
    guard position == bytes.count else { throw malformed("the end") }
  }

  private func isPartOfWord(_ byte: UInt8) -> Bool {
    byte | 0x20 >= 97 && byte | 0x20 <= 122 || byte >= 43 && byte <= 57 && byte != 44
  }

  private mutating func escape(into text: inout [UInt8]) throws(ResNetError) {
    let byte = next() ?? 0
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var code = UInt32(try hex())
      if code & 0xFC00 == 0xD800 {
        guard next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u"),
          case let low = UInt32(try hex()), low & 0xFC00 == 0xDC00
        else { throw malformed("the second half of a surrogate pair") }
        code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
      }
      guard let scalar = Unicode.Scalar(code) else { throw malformed("a character") }
      text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw malformed("an escape")
    }
  }

  private mutating func hex() throws(ResNetError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      switch next() ?? 0 {
      case let digit where digit >= 48 && digit <= 57: value = value << 4 | UInt16(digit - 48)
      case let digit where digit | 0x20 >= 97 && digit | 0x20 <= 102:
        value = value << 4 | UInt16(digit | 0x20 - 87)
      default: throw malformed("four hexadecimal digits")
      }
    }
    return value
  }

  private mutating func next() -> UInt8? {
    guard position < bytes.count else { return nil }
    position += 1
    return bytes[position - 1]
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) {
      position += 1
    }
  }

  private mutating func take(_ character: Unicode.Scalar) throws(ResNetError) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(ResNetError) {
    guard try take(character) else { throw malformed("\(character)") }
  }

  func malformed(_ expected: String) -> ResNetError {
    ResNetError(.badFormat, "its JSON is damaged at byte \(position): expected \(expected)")
  }
}
