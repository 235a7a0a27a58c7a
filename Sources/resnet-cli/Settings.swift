import ResNet

/// Lines of `name = value`, as a configuration and the record of a training have them. What follows a # at a
/// line's beginning, or after a space, is a comment. Values may be in double quotes, in which \" \\ and \n are
/// a quote, a backslash and a line's end.
struct Settings {
  /// With the number of the line, from 1; 0 for what was set.
  private(set) var entries: [(name: String, value: String, line: Int)] = []

  init() {}

  /// `path` is what the text is called in errors.
  init(_ text: String, path: String) throws(ResNetError) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (place, line) in lines.enumerated() {
      let line = trimmed(line)
      guard !line.isEmpty, line.first != "#" else { continue }
      guard let equals = line.firstIndex(of: "="), equals > line.startIndex else {
        throw ResNetError(
          .badFormat,
          "\(path):\(place + 1): expected a line such as \"batch-size = 128\", found \"\(line)\"")
      }
      guard let value = Self.value(in: trimmed(line[line.index(after: equals)...])) else {
        throw ResNetError(
          .badFormat,
          "\(path):\(place + 1): expected a value in quotes, such as \"my images\", and at most a comment "
            + "after it, found \(line)")
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
  private static func value(in text: Substring) -> String? {
    guard text.first == "\"" else {
      let end = text.indices.first { place in
        text[place] == "#"
          && (place == text.startIndex || text[text.index(before: place)].isWhitespace)
      }
      return String(trimmed(text[..<(end ?? text.endIndex)]))
    }
    var value = ""
    var rest = text.dropFirst()
    while let character = rest.popFirst() {
      switch character {
      case "\"":
        let comment = trimmed(rest)
        return comment.isEmpty || rest.first?.isWhitespace == true && comment.first == "#"
          ? value : nil
      case "\\":
        guard let escaped = rest.popFirst(), let meant = escapes[escaped] else { return nil }
        value.append(meant)
      default: value.append(character)
      }
    }
    return nil
  }

  /// After a backslash.
  private static let escapes: [Character: Character] = ["\"": "\"", "\\": "\\", "n": "\n"]

  /// As ``value(in:)`` reads it.
  private static func written(_ value: String) -> String {
    guard self.value(in: value[...]) != value || value.contains(where: \.isNewline) else {
      return value
    }
    let escaped = value.map { character in
      escapes.first { $0.value == character }.map { "\\\($0.key)" } ?? String(character)
    }
    return "\"\(escaped.joined())\""
  }

  init(contentsOf path: String) throws(ResNetError) { try self.init(readText(path), path: path) }

  mutating func set(_ name: String, _ value: (some CustomStringConvertible)?) {
    if let value { entries.append((name, value.description, 0)) }
  }

  subscript(_ name: String) -> String? { entries.first { $0.name == name }?.value }

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

private func trimmed(_ text: Substring) -> Substring {
  var text = text
  while text.first?.isWhitespace == true { text.removeFirst() }
  while text.last?.isWhitespace == true { text.removeLast() }
  return text
}
