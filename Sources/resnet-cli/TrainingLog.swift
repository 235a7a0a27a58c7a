import Glibc
import ResNet

/// A file with a line per epoch: comma-separated values under a line of names, or a JSON object each.
final class TrainingLog {
  private let path: String
  private let isJSON: Bool
  private let file: Int32
  /// The epochs that the file has; nil if it may have parts of lines.
  private var written: Int?
  private let hasValidation: Bool

  /// Begins the file, of objects if its name ends in .jsonl, with the rows of a training that goes on.
  init(_ path: String, _ history: TrainingHistory, hasValidation: Bool) throws(ResNetError) {
    isJSON = path.hasSuffix(".jsonl")
    self.path = path
    self.hasValidation = hasValidation
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw error() }
    try note(history)
  }

  deinit { close(file) }

  /// Writes the epochs that are not in the file yet, or anew all of them, if some could not be written.
  func note(_ history: TrainingHistory) throws(ResNetError) {
    let begin = written
    written = nil
    if begin == nil {
      // What is no file, such as a pipe, keeps what it has got.
      ftruncate(file, 0)
      lseek(file, 0, SEEK_SET)
      if !isJSON { try add(line: TrainingHistory.header(hasValidation: hasValidation)) }
    }
    for row in history.rows.dropFirst(begin ?? 0) { try add(row) }
    written = history.rows.count
  }

  private func add(_ row: TrainingHistory.Row) throws(ResNetError) {
    guard isJSON else { return try add(line: row.line) }
    let names = TrainingHistory.Row.names + TrainingHistory.Row.validationNames
    let figures = zip(names, row.values).map { name, value in
      (name, Double(value)?.isFinite == true ? JSON.number(value) : .null)
    }
    try add(line: JSON.object(figures).description)
  }

  private func add(line: String) throws(ResNetError) {
    guard write(line + "\n", to: file) else { throw error() }
  }

  private func error() -> ResNetError {
    ResNetError(.inputOutput, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
