import ResNet

// What a file says, as messages show it: a file that need not be trusted may say as much as it likes.

extension String {
  /// On one line and, if it is far longer than names of tensors are, its beginning.
  var shown: String {
    let most = 240
    var end = unicodeScalars.startIndex
    guard unicodeScalars.formIndex(&end, offsetBy: most, limitedBy: unicodeScalars.endIndex),
      end < unicodeScalars.endIndex
    else { return Log.onOneLine(self) }
    return Log.onOneLine(String(unicodeScalars[..<end])) + "..."
  }
}

extension Collection<String> {
  /// The first of a list, and how many more there are.
  func shown() -> String {
    let most = 6
    let first = prefix(most).map(\.shown).joined(separator: ", ")
    return count > most ? first + " and \(count - most) more" : first
  }
}

extension [Int] {
  /// A shape.
  var shown: String { count <= 16 ? "\(self)" : "of \(count) sides" }
}
