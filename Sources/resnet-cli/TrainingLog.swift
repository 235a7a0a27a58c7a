import Glibc
import ResNet

/// A file with a line per epoch: comma-separated values under a line of names, or a JSON object each.
final class TrainingLog {
  private let path: String
  private let isJSON: Bool
  private let file: Int32

  /// Begins the file, of objects if its name ends in .jsonl, with the rows of a training that goes on.
  init(_ path: String, _ history: TrainingHistory, hasValidation: Bool) throws(ResNetError) {
    isJSON = path.hasSuffix(".jsonl")
    self.path = path
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw error() }
    if !isJSON { try add(line: TrainingHistory.header(hasValidation: hasValidation)) }
    for row in history.rows { try add(row) }
  }

  deinit { close(file) }

  func add(_ row: TrainingHistory.Row) throws(ResNetError) {
    guard isJSON else { return try add(line: row.values.joined(separator: ",")) }
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
