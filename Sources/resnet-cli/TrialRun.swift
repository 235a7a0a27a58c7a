import ArgumentParser
import Glibc
import ResNet
import ResNetData

/// A network trained for an experiment, and the folder where that is recorded: what it was trained with and
/// on (`record.txt`), its epochs (`epochs.csv`), the responses of its layers (`responses.csv`); and, until it
/// is done, its checkpoints. What is recorded is not trained again.
struct TrialRun {
  /// The metadata of a model in which the record is, while it is trained, too.
  private static let metadataName = "resnet.experiment"

  let trial: Trial
  let iterations: Int
  let seed: UInt64
  let folder: String

  init(_ trial: Trial, iterations: Int, seed: UInt64, in runs: String) {
    (self.trial, self.iterations, self.seed) = (trial, iterations, seed)
    folder = "\(runs)/\(trial.name)-\(iterations)-seed\(seed)"
  }

  /// The standard deviation of a layer's output after BN, and the side of the kernel before it.
  typealias Response = (layer: String, kernel: Int, deviation: Double)

  /// What came of it.
  struct Result {
    let trial: Trial
    let folder: String
    let record: Settings
    let history: TrainingHistory
    /// Of the layers with BN, in the order of the network.
    let responses: [Response]

    /// What ended it before its time, if something did.
    var failure: String? { record["failure"] }

    var parameters: Int { record["parameters"].flatMap { Int($0) } ?? 0 }

    /// The last whole epoch's, in percent.
    var trainingError: Double? { history.trainingError.map { 100 * $0 } }
    /// After the last step, in percent.
    var testError: Double? { history.validationErrors.last.map { 100 * $0 } }

    /// The lowest after any epoch, in percent.
    var lowestTestError: Double? { history.validationErrors.min().map { 100 * $0 } }

    /// Spent on training steps.
    var seconds: Double {
      var (seconds, before) = (0.0, 0)
      for row in history.rows {
        seconds += Double(row.iteration - before) * Double(batchSize) / row.imagesPerSecond
        before = row.iteration
      }
      return seconds
    }

    /// The median of the epochs, of which some may have been interrupted.
    var imagesPerSecond: Double {
      let sorted = history.rows.map(\.imagesPerSecond).sorted()
      return sorted.isEmpty ? 0 : (sorted[sorted.count / 2] + sorted[(sorted.count - 1) / 2]) / 2
    }

    private var batchSize: Int { record["batch-size"].flatMap { Int($0) } ?? 0 }

    /// Mean standard deviation of the outputs of the 3x3 layers.
    var meanResponse: Double? {
      let values = shownResponses
      return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// The responses that the paper shows: of 3x3 convolutions.
    var shownResponses: [Double] { responses.filter { $0.kernel == 3 }.map(\.deviation) }
  }

  private var recordPath: String { "\(folder)/record.txt" }
  private var epochsPath: String { "\(folder)/epochs.csv" }
  private var responsesPath: String { "\(folder)/responses.csv" }
  private var checkpointsPath: String { "\(folder)/checkpoints" }

  /// What is recorded, if it was trained on these images, as far as a record says it, and as this process
  /// computes; nil if it is not trained yet, or not to its end.
  func recorded(on training: any TrainingData, test: any TrainingData) throws(ResNetError)
    -> Result?
  {
    guard let result = try recorded() else { return nil }
    var images = Settings()
    describe(training, test: test, in: &images)
    for (name, now, _) in images.entries {
      guard let before = result.record[name], before != now else { continue }
      throw ResNetError(
        .invalidArgument,
        "\(folder) is of a training on other images (\(name) \(before), not \(now)): choose another --out, "
          + "or remove that folder to train anew")
    }
    try requireWinograd(of: result.record, recordPath)
    return result
  }

  /// Throws unless all that is recorded is of the same images, as far as it says it.
  static func requireSameImages(_ results: [Result]) throws(ResNetError) {
    for name in ["training-images", "training-checksum", "test-checksum"] {
      let said = results.compactMap { result in result.record[name].map { ($0, result.folder) } }
      for (value, folder) in said where value != said[0].0 {
        throw ResNetError(
          .invalidArgument,
          "\(folder) and \(said[0].1) are of trainings on different images (\(name) \(value) and \(said[0].0)), "
            + "which do not belong in one report: name some of them by --networks")
      }
    }
  }

  /// What is recorded; nil if it is not trained yet, or not to its end.
  func recorded() throws(ResNetError) -> Result? {
    guard access(recordPath, F_OK) == 0 else { return nil }
    let record = try Settings(contentsOf: recordPath)
    for name in ["parameters", "batch-size", "training-images"] {
      guard let value = record[name].flatMap({ Int($0) }), (1...1_000_000_000).contains(value)
      else {
        throw ResNetError(
          .badFormat,
          "\(recordPath) does not say \(name), a number: remove \(folder) to train anew")
      }
    }
    return Result(
      trial: trial, folder: folder, record: record,
      history: access(epochsPath, F_OK) == 0
        ? try TrainingHistory(csv: readText(epochsPath), path: epochsPath)
        : TrainingHistory(),
      responses: access(responsesPath, F_OK) == 0 ? try readResponses() : [])
  }

  private func takeCheckpoints() throws(ResNetError) -> Checkpoints {
    try Checkpoints(checkpointsPath, every: .time(.seconds(300)), keep: 2, resuming: true)
  }

  /// Removes the checkpoints of one that is recorded, if the process that trained it was killed before it could.
  func removeCheckpoints() {
    guard Directory.isDirectory(checkpointsPath) else { return }
    // Else that process goes on, and does it.
    (try? takeCheckpoints())?.removeAll()
  }

  /// Trains it, from its last checkpoint if it has one, and records what came of it. Throws the exit code
  /// of a signal that stopped it.
  func train(on training: any TrainingData, test: any TrainingData) throws -> Result {
    let network = try trial.network(classes: training.classes)
    let recipe = trial.recipe(network, iterations: iterations, seed: seed)
    var fit = recipe.fit
    let checkpoints = try takeCheckpoints()
    AtomicFile.removeRemains(in: folder)
    // Another process may have trained it meanwhile.
    if let result = try recorded(on: training, test: test) {
      checkpoints.removeAll()
      return result
    }
    let trainer: Trainer
    var begun: Settings?
    if let (saved, path) = try checkpoints.load() {
      guard saved.model.network == network, saved.options == recipe.sgd else {
        throw ResNetError(
          .invalidArgument,
          "\(path) is of another training than \(trial.name)'s: remove \(folder) to train anew")
      }
      begun = try saved.model.metadata[Self.metadataName].map {
        text throws(ResNetError) in try Settings(text, path: path)
      }
      try requireWinograd(of: begun, path)
      trainer = saved
      fit.resumes = true
      checkpoints.resume(trainer)
    } else {
      trainer = try Trainer(try Model(network, seed: seed), options: recipe.sgd)
    }
    var settings = try record(network, recipe)
    describe(training, test: test, in: &settings)
    let computed = begun?["instruction-set"]
    settings.set(
      "instruction-set",
      trainer.iterations < iterations ? try instructionSets(begunWith: computed) : computed)
    try trainer.model.setMetadata(settings.text, for: Self.metadataName)
    var run = TrainingRun(
      trainer: trainer, options: fit, training: training, validation: (test, "test"),
      checkpoints: checkpoints, files: .init(log: epochsPath), title: trial.name)
    var (failure, responses): (String?, [LayerResponse]) = (nil, [])
    do {
      var signal = try run.run()
      if signal == nil, !trainer.model.graph.responseLayers.isEmpty {
        signal = try Interruption.watch { () throws(ResNetError) in
          responses = try trainer.model.responses(test)
        }
      }
      if let signal {
        if trainer.iterations > 0 { _ = try checkpoints.save(trainer) }
        printError(
          "stopped by \(Interruption.cause) after \(counted(trainer.iterations, "step")) of \(trial.name); the "
            + "same command goes on from there")
        throw ExitCode(128 + signal)
      }
    } catch let error as ResNetError {
      guard error.kind == .notFinite else { throw error }
      // Without what to do about it: the rates are the paper's.
      failure = String(error.message.prefix { $0 != ";" })
    }
    if failure == nil {
      if !responses.isEmpty { try write(responses) }
      try trainer.model.save(to: "\(folder)/model.h5")
    }
    // Whole and synced: without checkpoints it could not be made again.
    try writeFile(epochsPath, run.history.csv)
    settings.set("failure", failure)
    try writeFile(recordPath, settings.text)
    if let failure {
      // What was learned before is left.
      let last = checkpoints.newestSound(on: training, fit)
      printError(
        "\(trial.name): \(failure)" + (last.map { "; the last good checkpoint is \($0)" } ?? ""))
    } else {
      checkpoints.removeAll()
    }
    guard let result = try recorded() else {
      throw ResNetError(.inputOutput, "cannot read what was written to \(recordPath)")
    }
    return result
  }

  /// Throws unless what was begun, as the file at `path` has it, computed as this process does, if it says so:
  /// other algorithms round otherwise.
  private func requireWinograd(of begun: Settings?, _ path: String) throws(ResNetError) {
    guard let begun else { return }
    let isWithout = begun["no-winograd"] == "true"
    guard isWithout == Engine.winograd else { return }
    throw ResNetError(
      .invalidArgument,
      "\(path) is of a training \(isWithout ? "with" : "without") --no-winograd: "
        + "\(isWithout ? "give it" : "leave it out"), or choose another --out")
  }

  /// What a training is recorded with, and its model keeps.
  private func record(_ network: Network, _ recipe: Recipe) throws(ResNetError) -> Settings {
    var record = Settings()
    record.set("network", trial.preset)
    record.set("shortcut", network.shortcut.rawValue)
    record.set("parameters", try Graph(network).parameterCount)
    record.set("recipe", recipe.name)
    record.set("iterations", iterations)
    record.set("batch-size", recipe.fit.batchSize)
    record.set("lr", recipe.sgd.learningRate)
    record.set(
      "milestones", recipe.fit.schedule.milestones.map(String.init).joined(separator: ","))
    record.set("seed", seed)
    record.set("version", libraryVersion)
    record.set("processor", processorName())
    record.set("threads", Engine.threads)
    if !Engine.winograd { record.set("no-winograd", true) }
    return record
  }

  /// What is recorded of the images.
  private func describe(
    _ training: any TrainingData, test: any TrainingData, in record: inout Settings
  ) {
    record.set("training-images", training.count)
    for (role, data) in [("training", training), ("test", test)] {
      record.set("\(role)-checksum", data.checksum(of: Array(0..<data.count)).map { "\($0)" })
    }
  }

  private func write(_ responses: [LayerResponse]) throws(ResNetError) {
    let rows = responses.map { "\($0.name),\($0.kernel),\($0.standardDeviation)\n" }
    try writeFile(responsesPath, "layer,kernel,standard_deviation\n" + rows.joined())
  }

  private func readResponses() throws(ResNetError) -> [Response] {
    var responses: [Response] = []
    for line in try readText(responsesPath).split(whereSeparator: \.isNewline).dropFirst() {
      let fields = line.split(separator: ",")
      guard fields.count == 3, let kernel = Int(fields[1]), let deviation = Double(fields[2]) else {
        throw ResNetError(
          .badFormat,
          "\(responsesPath): expected a layer, its kernel and a number, found \"\(line)\"")
      }
      responses.append((String(fields[0]), kernel, deviation))
    }
    return responses
  }
}

/// What the processor calls itself.
private func processorName() -> String {
  let text = (try? readText("/proc/cpuinfo")) ?? ""
  let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("model name") }
  return line?.split(separator: ":").last.map { String($0.drop(while: \.isWhitespace)) }
    ?? "unknown"
}
