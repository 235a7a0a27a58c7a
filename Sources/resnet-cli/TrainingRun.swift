import ResNet
import ResNetData

/// A training as the command does it: shown while it goes, with its checkpoints and reports, until it ends
/// or a signal comes.
struct TrainingRun {
  let trainer: Trainer
  let options: FitOptions
  let training: any TrainingData
  /// Evaluated after each epoch; and what these images are called.
  let validation: (data: any TrainingData, name: String)?
  let checkpoints: Checkpoints?
  let files: TrainingReports.Files
  let title: String
  /// The processes that train together, or nil. The first of them shows, reports and saves.
  var ranks: Ranks?
  /// The epochs that have ended, of the first of the processes.
  private(set) var history = TrainingHistory()
  /// Why the reports of a training that has ended could not all be written.
  private(set) var unwritten: ResNetError?

  /// Trains. Returns the signal that stopped it, if one did.
  mutating func run() throws -> CInt? {
    if let ranks, !ranks.isFirst {
      return try Interruption.watch { () throws(ResNetError) in
        try trainer.fit(training, validation: validation?.data, options: options)
      }
    }
    let before = TrainingHistory(trainer.epochReports)
    let flop = try trainer.model.graph.trainingOperations(
      input: training.extent, frozen: trainer.frozen)
    let total = options.steps(forImages: training.count).total
    let display = ProgressDisplay(
      total: total, history: before,
      peak: Double(ranks?.count ?? 1) * Peak.undisturbedRate(try Engine.instructionSet()) / flop,
      validation: validation?.name ?? "")
    let reports = try TrainingReports(
      files, title: title, history: before, validation: validation?.name)
    defer { history = reports.history }
    let signal = try Interruption.watch(display.note) { () throws(ResNetError) in
      defer { display.end() }
      try trainer.fit(training, validation: validation?.data, options: options) {
        [checkpoints, trainer] progress in
        display.show(progress)
        reports.note(progress)
        checkpoints?.note(progress, of: trainer)
        display.goOn()
        return true
      }
      // Those that were evaluated had finite scores.
      if validation == nil { try Soundness.require(of: trainer.model, on: training) }
    }
    // Those of a training that had ended before, and what could not be written yet. Its model comes first, which is
    // not saved yet.
    if signal == nil {
      do throws(ResNetError) { try reports.write() } catch { unwritten = error }
    }
    return signal
  }
}
