/// Where a training is, after a step or at the end of an epoch: with the model and its momentum, all that
/// ``Trainer/fit(_:validation:options:progress:)`` needs to go on as if it had never stopped.
struct FitState {
  /// What must be as it was when the training stopped.
  enum Part: String, CaseIterable {
    case weights, normalization, classNames, frozenLayers, learningRate

    var text: String {
      switch self {
      case .weights: "model's weights"
      case .normalization: "model's normalisation"
      case .classNames: "model's class names"
      case .frozenLayers: "model's frozen layers"
      case .learningRate: "learning rate"
      }
    }
  }

  /// The model and its trainer as the training left them.
  struct Rest {
    let weights: UInt64
    let normalization: Normalization
    let classNames: [String]
    let frozen: Set<Int>
    let learningRate: Float
  }

  /// What it was begun with.
  var options: FitOptions
  private(set) var data: FitData
  var control: RateControl
  /// Of the epochs that have ended.
  private(set) var history: [EpochMetrics]
  /// Of the epoch that is under way; nil after the last.
  var tally: EpochTally?
  /// Nil while it goes on.
  var rest: Rest?
  /// What was changed after it had stopped and before its checkpoint was saved.
  var changed: Part?

  /// As it begins, or as it was saved, with the epoch under way as that began.
  init(
    _ options: FitOptions, _ data: FitData, control: RateControl? = nil,
    history: [EpochMetrics] = []
  ) {
    self.options = options
    self.data = data
    self.control = control ?? RateControl(options)
    self.history = history
    beginEpoch()
  }

  private var planned: (total: Int, epoch: Int) { options.steps(forImages: data.images) }

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

  /// The reports that ended the epochs so far, of a trainer that has taken `iterations` steps in all.
  func reports(iterations: Int) -> [Progress] {
    let (total, epoch) = planned
    let before = iterations - step
    return history.enumerated().map { index, metrics in
      let first = index * epoch
      let steps = min(epoch, total - first)
      return Progress(
        epoch: metrics.epoch, epochs: (total - 1) / epoch + 1, step: steps, steps: steps,
        iteration: before + first + steps, loss: metrics.loss, accuracy: metrics.accuracy,
        imagesPerSecond: metrics.imagesPerSecond, learningRate: metrics.learningRate,
        epochEnded: true, validation: metrics.validation)
    }
  }

  /// Takes the options and the data of the call that goes on with it: how long to train and how images are
  /// read may be others than before. Throws `invalidArgument` if something else is.
  mutating func resume(with new: FitOptions, _ data: FitData) throws(ResNetError) {
    try Self.require("a batch size of", options.batchSize.description, new.batchSize.description)
    try Self.require("the seed", options.seed.description, new.seed.description)
    try Self.require("the normalisation", Self.text(options.normalize), Self.text(new.normalize))
    try Self.require(
      "the augmentation", Self.text(options.augmentation), Self.text(new.augmentation))
    // Their number makes the steps.
    try self.data.validate(resumedWith: data)
    try requireMilestones(of: new, data)
    try Self.require(
      "gamma", options.schedule.gamma.description, new.schedule.gamma.description)
    try Self.require("the warm-up", Self.text(options.warmUp), Self.text(new.warmUp))
    try Self.require("the scaling", Self.text(options.scaling), Self.text(new.scaling))
    try Self.require("the plateau", Self.text(options.plateau), Self.text(new.plateau))
    // The steps that an epoch was cut short by would be missing.
    let isCut = history.count * planned.epoch > total
    guard !isCut || new.steps(forImages: data.images).total == total else {
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed has ended, with an epoch that was cut short after \(total) "
          + "steps in all, not \(new.steps(forImages: data.images).total); it cannot be made longer"
      )
    }
    let taken = step
    guard new.steps(forImages: data.images).total >= taken else {
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed has taken \(taken) steps, and is to take "
          + "\(new.steps(forImages: data.images).total) in all")
    }
    let underWay = tally
    options = new
    self.data = data
    rest = nil
    beginEpoch()
    guard let underWay else { return }
    tally?.restore(
      step: underWay.step, loss: underWay.loss, correct: underWay.correct,
      images: underWay.images, seconds: underWay.seconds, rate: underWay.rate)
  }

  /// Of another length milestones are often others, too: then it is named, as what was changed.
  private func requireMilestones(of new: FitOptions, _ data: FitData) throws(ResNetError) {
    let (before, now) = (options.schedule.milestones, new.schedule.milestones)
    let steps = new.steps(forImages: data.images).total
    guard before != now, steps != total else {
      return try Self.require("milestones", before.description, now.description)
    }
    throw ResNetError(
      .invalidArgument,
      "the training that is to be resumed was begun with \(total) steps in all and milestones \(before), not "
        + "\(steps) and \(now); what it learns depends on the milestones, so they must be the same, "
        + "however many steps there are")
  }

  static func require(_ what: String, _ before: String, _ now: String) throws(ResNetError) {
    guard before != now else { return }
    throw ResNetError(
      .invalidArgument,
      "the training that is to be resumed was begun with \(what) \(before), not \(now); what it "
        + "learns depends on that, so it must be the same")
  }

  private static func text(_ augmentation: Augmentation?) -> String {
    augmentation.map { "\($0.padding) pixels\($0.mirror ? ", mirrored" : "")" }
      ?? "none but the data's own"
  }

  private static func text(_ normalize: FitOptions.Normalize) -> String {
    switch normalize {
    case .automatic: "by pixels"
    case .perChannel: "by channels"
    case .keep: "of the model as it is"
    }
  }

  private static func text(_ warmUp: WarmUp?) -> String {
    warmUp.map { "\($0.rate) until \($0.untilError)" } ?? "none"
  }

  private static func text(_ scaling: LinearScaling?) -> String {
    scaling.map { "from \($0.batchSize) images in \($0.warmUpSteps) steps" } ?? "none"
  }

  private static func text(_ plateau: Plateau?) -> String {
    plateau.map { "\($0.patience) epochs, \($0.threshold)" } ?? "none"
  }
}
