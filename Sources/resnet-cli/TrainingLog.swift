import ResNet

/// A file with a line per epoch: comma-separated values under a line of names, or a JSON object each.
final class TrainingLog {
  private let file: AppendedFile
  private let isJSON: Bool
  private let hasValidation: Bool
  private var hasBegun = false
  /// Epochs that the file has.
  private var rows = 0

  /// Opens the file, of objects if its name ends in .jsonl. What is in it stays until there is something to note.
  init(_ path: String, hasValidation: Bool) throws(ResNetError) {
    isJSON = path.hasSuffix(".jsonl")
    self.hasValidation = hasValidation
    file = try AppendedFile(path)
  }

  /// Writes the epochs that are not in the file yet.
  func note(_ history: TrainingHistory) throws(ResNetError) {
    if !hasBegun {
      file.empty()
      if !isJSON { try add(TrainingHistory.header(hasValidation: hasValidation)) }
      hasBegun = true
    }
    for row in history.rows.dropFirst(rows) {
      try add(isJSON ? row.json.description : row.line)
      rows += 1
    }
  }

  private func add(_ line: String) throws(ResNetError) { try file.add(Array("\(line)\n".utf8)) }
}
