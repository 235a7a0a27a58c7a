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
  /// Epochs that had ended before, and those that the events tell of.
  private let before: Int
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
    before = history.rows.count
    log = try files.log.map { path throws(ResNetError) in
      try TrainingLog(path, hasValidation: validation != nil)
    }
    if let folder = files.tensorboard { try makeFolder(folder) }
    tensorboard = files.tensorboard
    curves = files.curves
    self.title = title
    self.validation = validation ?? ""
  }

  /// Writes what the training has come to, unless that is done.
  func begin() {
    guard !hasBegun else { return }
    hasBegun = true
    write()
  }

  /// Begins, and writes what the epoch came to that a report of the training ends.
  func note(_ progress: Progress) {
    begin()
    guard progress.epochEnded else { return }
    history.add(progress)
    write()
  }

  /// Writes what is not written yet. What cannot be is said, and tried again after the next epoch: the training
  /// is worth more.
  private func write() {
    warning { () throws(ResNetError) in try log?.note(history) }
    warning { () throws(ResNetError) in try tell() }
    warning { () throws(ResNetError) in
      if let curves, !history.rows.isEmpty { try writeFile(curves, chart.svg()) }
    }
  }

  private func tell() throws(ResNetError) {
    guard let tensorboard else { return }
    if events == nil {
      // What an older file of the folder says of the epochs before stays.
      let isNew = try EventFile.areMissing(in: tensorboard)
      told = isNew ? 0 : before
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
