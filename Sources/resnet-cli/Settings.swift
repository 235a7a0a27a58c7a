import ResNet

/// Lines of `name = value`, as a configuration and the record of a training have them. Values may be in
/// double quotes; what follows a # at a line's beginning is a comment.
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
      var value = trimmed(line[line.index(after: equals)...])
      if value.count > 1, value.first == "\"", value.last == "\"" {
        value = value.dropFirst().dropLast()
      }
      entries.append((String(trimmed(line[..<equals])), String(value), place + 1))
    }
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
  var text: String { entries.map { "\($0.name) = \($0.value)\n" }.joined() }
}

private func trimmed(_ text: Substring) -> Substring {
  var text = text
  while text.first?.isWhitespace == true { text.removeFirst() }
  while text.last?.isWhitespace == true { text.removeLast() }
  return text
}
