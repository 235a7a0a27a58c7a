import ResNet

/// The files that are written about a training while it goes.
final class TrainingReports {
  /// Which; as ``ReportOptions`` describe them.
  struct Files {
    var log: String?
    var curves: String?
    var tensorboard: String?
  }

  private(set) var history: TrainingHistory
  private let log: TrainingLog?
  private let events: EventFile?
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
      try TrainingLog(path, history, hasValidation: validation != nil)
    }
    // What an older file of the folder says of these epochs stays.
    let isNew = try files.tensorboard.map(EventFile.areMissing(in:)) ?? false
    events = try files.tensorboard.map { folder throws(ResNetError) in
      try EventFile(in: folder, after: isNew ? 0 : history.rows.last?.iteration ?? 0)
    }
    curves = files.curves
    self.title = title
    self.validation = validation ?? ""
    if isNew {
      for row in history.rows { try events?.add(scalars(of: row), step: row.iteration) }
    }
    if let curves, !history.rows.isEmpty { try writeFile(curves, chart.svg()) }
  }

  /// Writes what the epoch came to that a report of the training ends. What cannot be written is said: the
  /// training is worth more.
  func note(_ progress: Progress) {
    guard progress.epochEnded else { return }
    let row = history.add(progress)
    do throws(ResNetError) {
      try log?.note(history)
      try events?.add(scalars(of: row), step: row.iteration)
      if let curves { try writeFile(curves, chart.svg()) }
    } catch {
      warn("\(error.message)")
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
