import Glibc

/// Improves a model by stochastic gradient descent with momentum (section 3.4): one batch
/// (``step(_:labels:)``) or many epochs (``fit(_:validation:options:progress:)``) at a time.
///
/// BN uses the statistics of the batch in training, and keeps running ones for inference. A
/// trainer may be used from any thread, by one thread at a time, and nobody else may use its model
/// during a call.
public final class Trainer {
  public let model: Model
  /// Steps taken so far.
  public internal(set) var iterations = 0
  /// Of its steps.
  public private(set) var options: SGDOptions
  /// The momentum of every trainable tensor, laid out as `model.layout`; zero at first.
  let velocity: UnsafeMutablePointer<Float>
  /// The training that is under way, or was stopped; nil once it has ended.
  var course: FitState?
  /// The graph's layers whose tensors are left as they are.
  package private(set) var frozen: Set<Int> = []
  /// The ranks of a distributed training, or nil.
  var group: RankGroup?
  /// For the batch size, extent and threads of the last step.
  var engine: TrainingEngine?

  /// A trainer with zero momentum. Throws `invalidArgument` if an option is out of range, or the
  /// model was opened to be run.
  public init(_ model: Model, options: SGDOptions = SGDOptions()) throws(ResNetError) {
    try options.validate()
    _ = try model.parameters
    self.model = model
    self.options = options
    velocity = try allocateFloats(model.layout.trainableFloats)
  }

  deinit { free(velocity) }

  /// What the epochs came to that have ended in the training that is under way, or was stopped.
  /// None once that has ended: `fit` then returned them.
  public var history: [EpochMetrics] { course?.history ?? [] }

  /// The reports that ended these epochs, as `fit` made them.
  public var epochReports: [Progress] { course?.reports(iterations: iterations) ?? [] }

  /// What was changed since the training stopped that could be resumed, if anything was.
  var changeSinceStop: FitState.Part? {
    guard let course, let rest = course.rest else { return nil }
    if let changed = course.changed { return changed }
    if rest.weights != model.weights.version { return .weights }
    if rest.normalization != model.normalization { return .normalization }
    // Labels are matched by name.
    if rest.classNames != model.classNames { return .classNames }
    if rest.frozen != frozen { return .frozenLayers }
    return rest.learningRate == learningRate ? nil : .learningRate
  }

  /// Notes the model and the learning rate as the training leaves them that is under way.
  func noteRest() {
    course?.rest = FitState.Rest(
      weights: model.weights.version, normalization: model.normalization,
      classNames: model.classNames, frozen: frozen, learningRate: learningRate)
  }

  /// Steps of the training that is under way, or was stopped, in all; nil if there is none.
  package var plannedSteps: Int? { course?.total }

  /// Those of them that are not taken yet; nil if there is no training.
  package var stepsLeft: Int? { course.map { $0.total - $0.step } }

  /// Whether its last epoch has ended, too, which is evaluated after the last step.
  package var lastEpochHasEnded: Bool { course.map { $0.tally == nil } ?? true }

  /// The learning rate of ``step(_:labels:)``, and the initial one of a schedule.
  public var learningRate: Float { options.learningRate }

  /// Sets the learning rate, which must be finite and not negative. During
  /// ``fit(_:validation:options:progress:)`` it applies from the next step, and the schedule's
  /// factors with it; so a progress callback can warm a network up (section 4.2, ResNet-110).
  public func setLearningRate(_ rate: Float) throws(ResNetError) {
    var changed = options
    changed.learningRate = rate
    try changed.validate()
    options = changed
  }

  /// Freezes the layers, blocks and stages of those names, as in `["conv1", "bn1", "layer1"]`, and no
  /// others: an empty list trains all again.
  ///
  /// Frozen tensors are left as they are, without decay, and their momentum rests. Frozen BN takes its
  /// running statistics, and keeps them, as PyTorch's does in evaluation mode. What frozen layers alone
  /// come before is not computed backward, so freezing from the input on saves time and memory.
  ///
  /// Throws `notFound` for a name that no layer with parameters has or begins with, and
  /// `invalidArgument` if nothing would be left to train.
  public func freeze(_ names: [String]) throws(ResNetError) {
    let layers = Set(model.layout.tensors.map(\.layer))
    var chosen: Set<Int> = []
    for name in names {
      let named = layers.filter {
        let layer = model.graph.layers[$0].name
        return layer == name || layer.hasPrefix(name + ".")
      }
      guard !named.isEmpty else {
        throw ResNetError(
          .notFound,
          "\(model.network.name) has no layer, block or stage \"\(name)\" to freeze; its first is "
            + "\"\(model.graph.layers[model.layout.tensors[0].layer].name)\"")
      }
      chosen.formUnion(named)
    }
    guard chosen.count < layers.count else {
      throw ResNetError(.invalidArgument, "with all layers frozen there is nothing to train")
    }
    frozen = chosen
    engine = nil
  }

  /// One step on a batch, which the model's normalisation is applied to.
  ///
  /// - Parameters:
  ///   - images: At least one image of the network's input channels. Their count and size must
  ///     leave BN two values or more per channel at every layer.
  ///   - labels: One class per image, in `0..<classes`.
  /// - Returns: The mean cross-entropy of the batch before the step, in nats.
  /// - Throws: `shapeMismatch` or `invalidArgument` for images or labels that do not fit;
  ///   `notFinite` for pixels or a loss that are not finite. The model is then as before.
  @discardableResult
  public func step(_ images: Images, labels: [Int]) throws(ResNetError) -> Double {
    try together { () throws(ResNetError) in
      try model.network.validate(labels: labels, of: images.count)
      let narrow = labels.map { Int32(truncatingIfNeeded: $0) }
      return try images.withView { view throws(ResNetError) in
        let outcome = narrow.withUnsafeBufferPointer { labels in
          Result { () throws(ResNetError) in try takeStep(view, labels) }
        }
        return try outcome.get()
      }
    }
  }

  /// The same on borrowed memory.
  package func step(_ images: ImagesView, labels: UnsafeBufferPointer<Int32>)
    throws(ResNetError) -> Double
  {
    try together { () throws(ResNetError) in try takeStep(images, labels) }
  }

  private func takeStep(_ images: ImagesView, _ labels: UnsafeBufferPointer<Int32>)
    throws(ResNetError) -> Double
  {
    let loss = try train(
      images, normalization: model.normalization, labels: labels, rate: learningRate
    ).loss
    course = nil
    try compareRanksIfDue()
    return loss
  }

  /// Forward, backward and update; all steps come through here.
  func train(
    _ images: ImagesView, normalization: Normalization, labels: UnsafeBufferPointer<Int32>,
    rate: Float
  ) throws(ResNetError) -> (loss: Double, correct: Int) {
    try model.network.validate(labels: labels, of: images.count)
    guard let labels = labels.baseAddress, images.pixels != nil else {
      throw ResNetError(.invalidArgument, "a step needs images and labels, got none")
    }
    guard images.channels == model.network.inputChannels else {
      throw ResNetError(
        .shapeMismatch,
        "the images have \(images.channels) channels, \(model.network.name) takes "
          + "\(model.network.inputChannels)")
    }
    guard rate.isFinite else {
      throw ResNetError(
        .invalidArgument, "the schedule raises the learning rate to \(rate); lower gamma")
    }
    let engine = try engine(batch: images.count, extent: images.extent)
    let outcome = try engine.forwardBackward(
      images, normalization: normalization, labels: labels, tag: Int(rate.bitPattern))
    guard outcome.loss.isFinite else {
      throw ResNetError(
        .notFinite,
        "the loss is \(outcome.loss.isNaN ? "not a number" : "infinite") at iteration \(iterations) with learning rate \(rate); the "
          + "weights stay as they were before this step; try a lower learning rate")
    }
    engine.update(
      velocity: velocity, rate: rate, momentum: options.momentum, decay: options.weightDecay,
      spareBNAndBiases: options.spareBatchNormAndBiases)
    iterations += 1
    return outcome
  }

  private func engine(batch: Int, extent: Extent) throws(ResNetError) -> TrainingEngine {
    if let engine, engine.batch == batch, engine.extent == extent,
      engine.target == (try PlanTarget.current())
    {
      return engine
    }
    // The old one's memory goes first.
    engine = nil
    let new = try TrainingEngine(
      model, batch: batch, extent: extent, frozen: frozen, group: group)
    engine = new
    return new
  }
}

extension Network {
  /// Throws unless there is one label per image and each is a class.
  func validate<Labels: Collection>(labels: Labels, of count: Int) throws(ResNetError)
  where Labels.Element: BinaryInteger {
    guard labels.count == count else {
      throw ResNetError(.shapeMismatch, "got \(labels.count) labels for \(count) images")
    }
    for (index, label) in labels.enumerated() where label < 0 || label >= classes {
      throw ResNetError(
        .invalidArgument,
        "label \(index) is \(label); \(name) has \(classes) classes, so labels are 0 to "
          + "\(classes - 1)")
    }
  }
}

extension Graph {
  /// Throws if the images are too small for the network, or so few and small that a BN layer
  /// would see one value per channel, whose variance is zero. Frozen BN takes its running statistics.
  func validateTraining(batch: Int, extent: Extent, frozen: Set<Int>) throws(ResNetError) {
    let extents = try extents(input: extent)
    for (index, (layer, output)) in zip(layers, extents).enumerated()
    where layer.operation == .batchNorm && !frozen.contains(index) {
      guard batch >= 1, batch > 1 || output.height > 1 || output.width > 1 else {
        throw ResNetError(
          .invalidArgument,
          "a batch of \(batch) at \(extent.height)x\(extent.width) leaves \(layer.name) one value "
            + "per channel, and batch normalisation needs at least 2; use a larger batch")
      }
    }
  }
}
