import Glibc
import ResNet

/// A file with a line per epoch: comma-separated values under a line of names, or a JSON object each.
final class TrainingLog {
  private let path: String
  private let isJSON: Bool
  private let file: Int32
  private let hasValidation: Bool
  private var hasBegun = false
  /// Epochs and bytes, of whole lines, that the file has.
  private var (rows, length) = (0, 0)
  /// Whether what follows them is a part of a line.
  private var isBroken = false

  /// Opens the file, of objects if its name ends in .jsonl. What is in it stays until there is something to note.
  init(_ path: String, hasValidation: Bool) throws(ResNetError) {
    isJSON = path.hasSuffix(".jsonl")
    self.path = path
    self.hasValidation = hasValidation
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw error() }
  }

  deinit { close(file) }

  /// Writes the epochs that are not in the file yet.
  func note(_ history: TrainingHistory) throws(ResNetError) {
    if !hasBegun {
      ftruncate(file, 0)
      if !isJSON { try add(line: TrainingHistory.header(hasValidation: hasValidation)) }
      hasBegun = true
    }
    for row in history.rows.dropFirst(rows) {
      try add(row)
      rows += 1
    }
  }

  private func add(_ row: TrainingHistory.Row) throws(ResNetError) {
    try add(line: isJSON ? row.json.description : row.line)
  }

  private func add(line: String) throws(ResNetError) {
    // Of what is no file, such as a pipe, nothing can be taken back.
    if isBroken, ftruncate(file, length) == 0 { lseek(file, length, SEEK_SET) }
    isBroken = !write(line + "\n", to: file)
    if isBroken { throw error() }
    length += line.utf8.count + 1
  }

  private func error() -> ResNetError {
    ResNetError(.inputOutput, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
