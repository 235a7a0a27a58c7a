import ResNet

/// Lines of `name = value`, as a configuration and the record of a training have them. What follows a # at a
/// line's beginning, or after a space, is a comment. Values may be in double quotes, in which \" \\ \n and \r
/// are a quote, a backslash, a line's end and a carriage return, which some programs take for one.
struct Settings {
  /// With the number of the line, from 1; 0 for what was set.
  private(set) var entries: [(name: String, value: String, line: Int)] = []

  init() {}

  /// `path` is what the text is called in errors.
  init(_ text: String, path: String) throws(ResNetError) {
    // By scalars: what a value has may be one character with the quote or the line's end beside it.
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (place, line) in lines.enumerated() {
      let line = trimmed(line)
      guard !line.isEmpty, line.first != "#" else { continue }
      guard let equals = line.firstIndex(of: "="), equals > line.startIndex else {
        throw ResNetError(
          .badFormat,
          "\(path):\(place + 1): expected a line such as \"batch-size = 128\", found \"\(String(line))\""
        )
      }
      guard let value = Self.value(in: trimmed(line[line.index(after: equals)...])) else {
        throw ResNetError(
          .badFormat,
          "\(path):\(place + 1): expected a value in quotes, such as \"my images\", and at most a comment "
            + "after it, found \(String(line))")
      }
      let name = String(trimmed(line[..<equals]))
      if let first = entries.first(where: { $0.name == name }) {
        throw ResNetError(
          .badFormat,
          "\(path):\(place + 1): \(name) is set a second time, after line \(first.line): remove one of them"
        )
      }
      entries.append((name, value, place + 1))
    }
  }

  /// What a line has after the equals sign, without a comment. Nil if quotes are not as they should be.
  private static func value(in text: Scalars) -> String? {
    guard text.first == "\"" else {
      let end = text.indices.first { place in
        text[place] == "#"
          && (place == text.startIndex || isSpace(text[text.index(before: place)]))
      }
      return String(trimmed(text[..<(end ?? text.endIndex)]))
    }
    var value = String.UnicodeScalarView()
    var rest = text.dropFirst()
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"":
        let comment = trimmed(rest)
        return comment.isEmpty || rest.first.map(isSpace) == true && comment.first == "#"
          ? String(value) : nil
      case "\\":
        guard let escaped = rest.popFirst(), let meant = escapes[escaped] else { return nil }
        value.append(meant)
      default: value.append(scalar)
      }
    }
    return nil
  }

  /// After a backslash.
  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\"": "\"", "\\": "\\", "n": "\n", "r": "\r",
  ]

  /// As ``value(in:)`` reads it.
  private static func written(_ value: String) -> String {
    let scalars = value.unicodeScalars
    let isPlain =
      self.value(in: scalars[...])?.unicodeScalars.elementsEqual(scalars) == true
      && !scalars.contains("\n") && !scalars.contains("\r")
    if isPlain { return value }
    let escaped = scalars.map { scalar in
      escapes.first { $0.value == scalar }.map { "\\\($0.key)" } ?? String(scalar)
    }
    return "\"\(escaped.joined())\""
  }

  init(contentsOf path: String) throws(ResNetError) { try self.init(readText(path), path: path) }

  mutating func set(_ name: String, _ value: (some CustomStringConvertible)?) {
    if let value { entries.append((name, value.description, 0)) }
  }

  subscript(_ name: String) -> String? { entries.first { $0.name == name }?.value }

  /// The same, with another value of a name that is set.
  func replacing(_ name: String, with change: (String) -> String) -> Settings {
    var settings = self
    for place in entries.indices where entries[place].name == name {
      settings.entries[place].value = change(entries[place].value)
    }
    return settings
  }

  /// What is not as in others, as `shortcut = B instead of A`.
  func differences(from others: Settings) -> [String] {
    let changed = entries.filter { others[$0.name] != $0.value }
      .map { "\($0.name) = \($0.value)" + (others[$0.name].map { " instead of \($0)" } ?? "") }
    return changed
      + others.entries.filter { self[$0.name] == nil }.map { "no \($0.name) = \($0.value)" }
  }

  /// The lines.
  var text: String { entries.map { "\($0.name) = \(Self.written($0.value))\n" }.joined() }
}

private typealias Scalars = Substring.UnicodeScalarView

private func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

private func trimmed(_ text: Scalars) -> Scalars {
  var text = text
  while text.first.map(isSpace) == true { text.removeFirst() }
  while text.last.map(isSpace) == true { text.removeLast() }
  return text
}
