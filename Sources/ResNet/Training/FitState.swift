/// Where a training is, after a step or at the end of an epoch: with the model and its momentum, all that
/// ``Trainer/fit(_:validation:options:progress:)`` needs to go on as if it had never stopped.
struct FitState {
  /// What it was begun with.
  var options: FitOptions
  /// Of the dataset.
  let images: Int
  let hasValidation: Bool
  var control: RateControl
  /// Of the epochs that have ended.
  var history: [EpochMetrics] = []
  /// Of the epoch that is under way; nil after the last.
  var tally: EpochTally?

  init(_ options: FitOptions, for data: any TrainingData, hasValidation: Bool) {
    self.options = options
    images = data.count
    self.hasValidation = hasValidation
    control = RateControl(options)
    beginEpoch()
  }

  /// As it was saved, with the epoch under way as it began.
  init(
    _ options: FitOptions, images: Int, hasValidation: Bool, control: RateControl,
    history: [EpochMetrics]
  ) {
    self.options = options
    self.images = images
    self.hasValidation = hasValidation
    self.control = control
    self.history = history
    beginEpoch()
  }

  private var planned: (total: Int, epoch: Int) { options.steps(forImages: images) }

  /// Steps that the training takes in all.
  var total: Int { planned.total }

  /// Steps that it has taken.
  var step: Int {
    tally.map { history.count * planned.epoch + $0.step } ?? planned.total
  }

  /// Begins the epoch after those that have ended, if there is one.
  private mutating func beginEpoch() {
    let (total, epoch) = planned
    let (first, isTooMany) = history.count.multipliedReportingOverflow(by: epoch)
    tally =
      !isTooMany && first < total
      ? EpochTally(
        epoch: history.count + 1, epochs: (total - 1) / epoch + 1,
        steps: min(epoch, total - first)) : nil
  }

  /// Ends the epoch under way; returns what it came to.
  mutating func endEpoch(validation: Metrics?) -> EpochTally? {
    guard var ended = tally else { return nil }
    ended.validation = validation
    if let validation { control.noteEpoch(validationError: 1 - validation.accuracy) }
    history.append(ended.metrics)
    beginEpoch()
    return ended
  }

  /// Takes the options of the call that goes on with it: how long to train and how images are read may be
  /// others than before. Throws `invalidArgument` if something else is, or the dataset.
  mutating func resume(
    with new: FitOptions, for data: any TrainingData, hasValidation: Bool
  ) throws(ResNetError) {
    func require(_ what: String, _ before: String, _ now: String) throws(ResNetError) {
      guard before != now else { return }
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed was begun with \(what) \(before), not \(now); what it "
          + "learns depends on that, so it must be the same")
    }
    try require("training images, in number", "\(images)", "\(data.count)")
    try require(
      "validation data", self.hasValidation ? "given" : "none", hasValidation ? "given" : "none")
    try require("a batch size of", "\(options.batchSize)", "\(new.batchSize)")
    try require("the seed", "\(options.seed)", "\(new.seed)")
    try require("the normalisation", options.normalize.rawValue, new.normalize.rawValue)
    try require(
      "the augmentation", Self.text(options.augmentation), Self.text(new.augmentation))
    try require(
      "milestones", "\(options.schedule.milestones)", "\(new.schedule.milestones)")
    try require("gamma", "\(options.schedule.gamma)", "\(new.schedule.gamma)")
    try require("the warm-up", Self.text(options.warmUp), Self.text(new.warmUp))
    try require("the plateau", Self.text(options.plateau), Self.text(new.plateau))
    // The steps that an epoch was cut short by would be missing.
    let isCut = history.count * planned.epoch > total
    guard !isCut || new.steps(forImages: images).total == total else {
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed has ended, with an epoch that was cut short after \(total) "
          + "steps in all, not \(new.steps(forImages: images).total); it cannot be made longer")
    }
    let taken = step
    guard new.steps(forImages: images).total >= taken else {
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed has taken \(taken) steps, and is to take "
          + "\(new.steps(forImages: images).total) in all")
    }
    let underWay = tally
    options = new
    beginEpoch()
    guard let underWay else { return }
    tally?.restore(
      step: underWay.step, loss: underWay.loss, correct: underWay.correct,
      images: underWay.images, seconds: underWay.seconds, rate: underWay.rate)
  }

  private static func text(_ augmentation: Augmentation?) -> String {
    augmentation.map { "\($0.padding) pixels\($0.mirror ? ", mirrored" : "")" } ?? "the data's own"
  }

  private static func text(_ warmUp: WarmUp?) -> String {
    warmUp.map { "\($0.rate) until \($0.untilError)" } ?? "none"
  }

  private static func text(_ plateau: Plateau?) -> String {
    plateau.map { "\($0.patience) epochs, \($0.threshold)" } ?? "none"
  }
}
