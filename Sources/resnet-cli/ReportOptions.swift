import ArgumentParser
import ResNet

/// What is written about a training while it goes, beside what is shown.
struct ReportOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A file that gets a line for each epoch: comma-separated values in *.csv, JSON objects in *.jsonl, \
      under the names that a history has in Python, and val_top5_accuracy. It takes the place of one that is there.
      """, valueName: "file"),
    completion: .file(extensions: ["csv", "jsonl"]))
  var log: String?

  @Option(
    help: ArgumentHelp(
      "An SVG image (*.svg) of the errors by iteration, drawn anew after each epoch.",
      valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var curves: String?

  @Option(
    help: ArgumentHelp(
      "A folder for TensorBoard: loss, errors, learning rate and images/s after each epoch, by iteration.",
      valueName: "folder"),
    completion: .directory)
  var tensorboard: String?

  func validate() throws {
    if let log { try requireExtension(log, of: [".csv", ".jsonl"], as: "--log") }
    if let curves { try requireExtension(curves, of: [".svg"], as: "--curves") }
  }

  var areWanted: Bool { log != nil || curves != nil || tensorboard != nil }

  var files: TrainingReports.Files {
    TrainingReports.Files(log: log, curves: curves, tensorboard: tensorboard)
  }
}
