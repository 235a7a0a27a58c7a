import ResNet

/// The epochs of a training that have ended, as its logs, curves and reports have them.
struct TrainingHistory {
  /// An epoch, by the names that its figures have in a history of the Python package.
  struct Row {
    var epoch: Int
    /// Steps from the training's first to the epoch's last.
    var iteration: Int
    var loss: Double
    var accuracy: Double
    var learningRate: Double
    var imagesPerSecond: Double
    var validation: (loss: Double, accuracy: Double, top5Accuracy: Double)?

    static let names = ["epoch", "iteration", "loss", "accuracy", "lr", "images_per_second"]
    static let validationNames = ["val_loss", "val_accuracy", "val_top5_accuracy"]

    init(_ report: Progress) {
      (epoch, iteration) = (report.epoch, report.iteration)
      (loss, accuracy) = (report.loss, report.accuracy)
      learningRate = rounded(report.learningRate)
      imagesPerSecond = report.imagesPerSecond
      validation = report.validation.map { ($0.loss, $0.accuracy, $0.top5Accuracy) }
    }

    /// In the order of the names; nil if that are too few or too many, or not what such figures may be. Losses
    /// may be infinite or no numbers, as those of a training that diverges are.
    init?(_ values: [Double], hasValidation: Bool) {
      let count = Self.names.count + (hasValidation ? Self.validationNames.count : 0)
      guard values.count == count, let epoch = Int(exactly: values[0]),
        let iteration = Int(exactly: values[1]), (1...1_000_000_000).contains(iteration),
        values[4].isFinite, values[5].isFinite, values[5] > 0,
        ([3] + (hasValidation ? [7, 8] : [])).allSatisfy({ (0...1).contains(values[$0]) })
      else { return nil }
      (self.epoch, self.iteration) = (epoch, iteration)
      (loss, accuracy) = (values[2], values[3])
      (learningRate, imagesPerSecond) = (values[4], values[5])
      validation = hasValidation ? (values[6], values[7], values[8]) : nil
    }

    /// In the order of the names.
    var values: [String] {
      ["\(epoch)", "\(iteration)"]
        + ([loss, accuracy, learningRate, imagesPerSecond]
        + (validation.map { [$0.loss, $0.accuracy, $0.top5Accuracy] } ?? [])).map { "\($0)" }
    }

    var line: String { values.joined(separator: ",") }

    var json: JSON {
      let figures = zip(Self.names + Self.validationNames, values).map { name, value in
        (name, Double(value)?.isFinite == true ? JSON.number(value) : .null)
      }
      return JSON.object(figures)
    }

    /// Of the images that are evaluated after each epoch or, if none are, in training: a share.
    var error: Double { 1 - (validation?.accuracy ?? accuracy) }
  }

  private(set) var rows: [Row]

  /// Of the last whole epoch, a share: the steps of one that was cut short may be too few to tell.
  var trainingError: Double? {
    let lengths = zip(rows, [0] + rows.map(\.iteration)).map { $0.iteration - $1 }
    let last = lengths.suffix(2)
    let isCutShort = last.count == 2 && last[last.endIndex - 1] < last[last.startIndex]
    return rows.dropLast(isCutShort ? 1 : 0).last.map { 1 - $0.accuracy }
  }

  /// Of the images that are evaluated, after each epoch: shares.
  var validationErrors: [Double] {
    rows.compactMap { row in row.validation.map { 1 - $0.accuracy } }
  }

  /// The epochs that these reports end.
  init(_ reports: [Progress] = []) { rows = reports.map(Row.init) }

  /// Notes the epoch that a report ends.
  mutating func add(_ report: Progress) { rows.append(Row(report)) }

  /// The names and rows as comma-separated values.
  static func header(hasValidation: Bool) -> String {
    (Row.names + (hasValidation ? Row.validationNames : [])).joined(separator: ",")
  }

  /// What a log of comma-separated values has of it.
  var csv: String {
    let hasValidation = rows.contains { $0.validation != nil }
    return ([Self.header(hasValidation: hasValidation)] + rows.map(\.line)).map { "\($0)\n" }
      .joined()
  }

  /// Reads what a log of comma-separated values has. `path` is what it is called in errors.
  init(csv text: String, path: String) throws(ResNetError) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
    let hasValidation = lines.first == Self.header(hasValidation: true)
    guard hasValidation || lines.first == Self.header(hasValidation: false) else {
      throw ResNetError(
        .badFormat,
        "\(path):1: found \"\(lines.first ?? "")\", expected the names of a training's log, "
          + "\"\(Self.header(hasValidation: true))\"")
    }
    rows = []
    for (place, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      let values = fields.compactMap { Double($0) }
      guard values.count == fields.count, let row = Row(values, hasValidation: hasValidation),
        row.iteration > rows.last?.iteration ?? 0
      else {
        throw ResNetError(
          .badFormat,
          "\(path):\(place + 1): expected the figures of an epoch, accuracies as shares of 1, found \"\(line)\""
        )
      }
      rows.append(row)
    }
  }

  /// Training error dashed and that of the images that are evaluated bold, by iteration, as the paper's
  /// figures have them; in percent.
  func lines(named names: (training: String, validation: String), color: Int) -> [LineChart.Line] {
    let trained = LineChart.Line(
      name: names.training, points: rows.map { (Double($0.iteration), 100 * (1 - $0.accuracy)) },
      color: color, isDashed: true)
    let evaluated = LineChart.Line(
      name: names.validation,
      points: rows.compactMap { row in
        row.validation.map { (Double(row.iteration), 100 * (1 - $0.accuracy)) }
      }, color: color)
    return evaluated.points.isEmpty ? [trained] : [trained, evaluated]
  }
}
