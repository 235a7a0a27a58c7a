import ResNet

/// The files that are written about a training while it goes. What they say of another one stays until it begins.
final class TrainingReports {
  /// Which; as ``ReportOptions`` describe them.
  struct Files {
    var log: String?
    var curves: String?
    var tensorboard: String?
  }

  private(set) var history: TrainingHistory
  private let log: TrainingLog?
  private let tensorboard: String?
  private var events: EventFile?
  /// Epochs that the events tell of.
  private var told = 0
  private var hasBegun = false
  private let curves: String?
  private let title: String
  private let validation: String

  /// For a training that has come to `history`. `validation` is what the images are called that are
  /// evaluated after each epoch, nil if none are.
  init(_ files: Files, title: String, history: TrainingHistory, validation: String?)
    throws(ResNetError)
  {
    if let curves = files.curves { try requireWritable(curves, as: "--curves", "curves.svg") }
    self.history = history
    log = try files.log.map { path throws(ResNetError) in
      try TrainingLog(path, hasValidation: validation != nil)
    }
    tensorboard = files.tensorboard
    if let tensorboard {
      try makeFolder(tensorboard)
      // What an older file of the folder says of the epochs before stays.
      told = try EventFile.areMissing(in: tensorboard) ? 0 : history.rows.count
    }
    curves = files.curves
    self.title = title
    self.validation = validation ?? ""
  }

  /// Begins, and writes what the epoch came to that a report of the training ends. What cannot be written is said,
  /// and tried again after the next epoch: the training is worth more.
  func note(_ progress: Progress) {
    if progress.epochEnded { history.add(progress) }
    guard progress.epochEnded || !hasBegun else { return }
    hasBegun = true
    warning(write)
  }

  /// Writes what is not written yet. What cannot be does not keep from the rest.
  func write() throws(ResNetError) {
    var failure: ResNetError?
    for part in [noteEpochs, tell, draw] {
      do throws(ResNetError) { try part() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  private func noteEpochs() throws(ResNetError) { try log?.note(history) }

  private func draw() throws(ResNetError) {
    if let curves, !history.rows.isEmpty { try writeFile(curves, chart.svg()) }
  }

  private func tell() throws(ResNetError) {
    guard let tensorboard else { return }
    if events == nil {
      events = try EventFile(
        in: tensorboard, after: told == 0 ? 0 : history.rows[told - 1].iteration)
    }
    for row in history.rows.dropFirst(told) {
      try events?.add(scalars(of: row), step: row.iteration)
      told += 1
    }
  }

  private func scalars(of row: TrainingHistory.Row) -> [(tag: String, value: Double)] {
    let scalars = [
      ("loss/training", row.loss), ("error/training", 1 - row.accuracy),
      ("learning rate", row.learningRate), ("images per second", row.imagesPerSecond),
    ]
    guard let result = row.validation else { return scalars }
    return scalars + [
      ("loss/\(validation)", result.loss), ("error/\(validation)", 1 - result.accuracy),
      ("top-5 error/\(validation)", 1 - result.top5Accuracy),
    ]
  }

  private var chart: LineChart {
    LineChart(
      title: title, xLabel: "iterations", yLabel: "error (%)",
      lines: history.lines(named: ("training", validation), color: 0))
  }
}
