/// A value of JSON, written on one line: UTF-8, members in their order.
indirect enum JSON {
  case null
  case bool(Bool)
  /// As it is written.
  case number(String)
  case string(String)
  case array([JSON])
  case object([(name: String, value: JSON)])

  /// JSON has no numbers that are not finite: they are null.
  static func number(_ value: Double) -> JSON { value.isFinite ? .number("\(value)") : .null }
  static func number(_ value: Float) -> JSON { value.isFinite ? .number("\(value)") : .null }
  static func number(_ value: Int) -> JSON { .number("\(value)") }

  static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
  static func numbers(_ values: [Double]) -> JSON { .array(values.map { number($0) }) }
  static func numbers(_ values: [Float]) -> JSON { .array(values.map { number($0) }) }
  static func numbers(_ values: [Int]) -> JSON { .array(values.map { number($0) }) }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
  init(stringLiteral value: String) { self = .string(value) }
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { (name: $0.0, value: $0.1) })
  }
}

extension JSON: CustomStringConvertible {
  var description: String {
    var text = ""
    append(to: &text)
    return text
  }

  private func append(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .number(let digits): text += digits
    case .string(let string): Self.append(string, to: &text)
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += ", " }
        value.append(to: &text)
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { text += ", " }
        Self.append(member.name, to: &text)
        text += ": "
        member.value.append(to: &text)
      }
      text += "}"
    }
  }

  private static func append(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
