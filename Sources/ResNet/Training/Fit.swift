extension Trainer {
  /// Trains for `options.epochs` epochs, each a new random order of `data` in full batches, or for
  /// `options.iterations` steps; images that fill no batch wait for another epoch's order.
  ///
  /// The same model, data, options and trainer state give the same weights, bit for bit, whatever
  /// the number of threads.
  ///
  /// - Parameters:
  ///   - data: The training images. If the model has no class names, it takes those of the data,
  ///     if there is one per class. If it has, the data's labels are matched with them by name.
  ///   - validation: Evaluated after each epoch, in inference mode. Its labels are matched by name, too.
  ///   - options: How long to train, in what steps and at what rates.
  ///   - progress: Called on this thread after every step and at the end of every epoch, while the
  ///     model is not in use; data may be, by threads that read ahead. Returning false stops the
  ///     training.
  /// - Returns: One entry per epoch.
  /// - Throws: `invalidArgument` or `shapeMismatch`, before anything has changed, if the options,
  ///   the data and the network do not fit together; `notFinite` if the loss diverges; `cancelled`
  ///   if `progress` returned false or a step watcher stopped it; and what the data's own reading throws. In the last three
  ///   cases the model is as the last complete step left it.
  @discardableResult
  public func fit(
    _ data: any TrainingData, validation: (any TrainingData)? = nil,
    options: FitOptions = FitOptions(), progress: ((Progress) -> Bool)? = nil
  ) throws(ResNetError) -> [EpochMetrics] {
    try options.validate(for: data)
    guard options.plateau == nil || validation != nil else {
      throw ResNetError(
        .invalidArgument,
        "the learning rate is to drop when the validation error has stopped falling, but there is "
          + "no validation data")
    }
    let labels = try model.labels(of: data.classNames, role: "training")
    let validationLabels = try LabelMap(
      validation?.classNames ?? [],
      to: model.classNames.isEmpty ? data.classNames : model.classNames, role: "validation",
      of: model.classNames.isEmpty ? "the training data" : model.network.name)
    try model.validate(data, normalization: model.normalization, role: "training")
    try model.graph.validateTraining(
      batch: options.batchSize, extent: data.extent, frozen: frozen)
    let normalization = try normalization(for: data, options: options)
    if let validation {
      try model.validate(validation, normalization: normalization, role: "validation")
    }
    try expectMemory(
      data.count, of: 2 * MemoryLayout<Int>.stride, for: "the order of \(data.count) images")
    let size = options.batchSize
    let planned = options.steps(for: data)
    let loader = try BatchLoader(
      .init(
        data: data, labels: labels, normalization: normalization,
        augmentation: options.augmentation ?? data.augmentation,
        seed: options.seed),
      batchSize: size,
      requests: ShuffledBatches(
        count: data.count, batchSize: size, steps: planned.total, seed: options.seed),
      workers: options.workers, prefetch: options.prefetch)
    try model.setNormalization(normalization)
    if model.classNames.isEmpty, data.classNames.count == model.network.classes {
      try model.setClassNames(data.classNames)
    }

    var history: [EpochMetrics] = []
    var control = RateControl(options)
    var lastRate: Float?
    var taken = Steps(.training, of: planned.total)
    for first in stride(from: 0, to: planned.total, by: planned.epoch) {
      var tally = EpochTally(
        epoch: history.count + 1, epochs: (planned.total - 1) / planned.epoch + 1,
        steps: min(planned.epoch, planned.total - first))
      for step in first..<first + tally.steps {
        let start = monotonicSeconds()
        guard let batch = try loader.next() else { break }
        let rate = control.rate(base: learningRate, after: step)
        if rate != lastRate { Log.info { "learning rate \(rate) from iteration \(iterations) on" } }
        lastRate = rate
        let outcome = try train(
          batch.view, normalization: .identity, labels: batch.labels, rate: rate)
        control.noteStep(images: size, correct: outcome.correct)
        tally.add(outcome, images: size, rate: rate, seconds: monotonicSeconds() - start)
        try report(tally.progress(iteration: iterations), to: progress)
        try taken.advance(by: 1)
      }
      tally.validation = try validation.map { data throws(ResNetError) in
        try model.evaluate(data, labels: validationLabels, workers: options.workers) { _, _ in }
      }
      if let result = tally.validation { control.noteEpoch(validationError: 1 - result.accuracy) }
      history.append(tally.metrics)
      Log.info { tally.line }
      try report(tally.progress(iteration: iterations, epochEnded: true), to: progress)
    }
    return history
  }

  private func normalization(for data: any TrainingData, options: FitOptions)
    throws(ResNetError) -> Normalization
  {
    guard options.normalize != .keep, model.normalization == .identity else {
      return model.normalization
    }
    let normalization =
      if options.normalize == .perChannel { try data.perChannelNormalization() } else {
        Normalization(
          mean: try data.perPixelMean(), meanExtent: data.extent,
          scale: Array(repeating: data.unitScale, count: data.channels))
      }
    try normalization.validate(channels: data.channels)
    return normalization
  }

  private func report(_ state: Progress, to progress: ((Progress) -> Bool)?) throws(ResNetError) {
    guard let progress, !progress(state) else { return }
    throw ResNetError(
      .cancelled,
      "training was stopped by its progress callback in epoch \(state.epoch), after step "
        + "\(state.step) of \(state.steps)")
  }
}

/// Sums over the steps of an epoch.
private struct EpochTally {
  let epoch: Int
  let epochs: Int
  let steps: Int
  var validation: Metrics?
  private var step = 0
  private var loss = 0.0
  private var correct = 0
  private var images = 0
  private var seconds = 0.0
  private var rate: Float = 0

  init(epoch: Int, epochs: Int, steps: Int) {
    self.epoch = epoch
    self.epochs = epochs
    self.steps = steps
  }

  mutating func add(
    _ outcome: (loss: Double, correct: Int), images: Int, rate: Float, seconds: Double
  ) {
    step += 1
    loss += outcome.loss
    correct += outcome.correct
    self.images += images
    self.rate = rate
    self.seconds += seconds
  }

  var metrics: EpochMetrics {
    EpochMetrics(
      epoch: epoch, loss: loss / Double(step), accuracy: Double(correct) / Double(images),
      learningRate: rate, imagesPerSecond: Double(images) / max(seconds, 1e-9),
      validation: validation)
  }

  /// For the log.
  var line: String {
    func result(_ loss: Double, _ accuracy: Double) -> String {
      "loss \(Log.decimals(loss, 4)), accuracy \(Log.decimals(100 * accuracy, 2))%"
    }
    let metrics = metrics
    let held = validation.map { "; validation " + result($0.loss, $0.accuracy) } ?? ""
    return "epoch \(epoch) of \(epochs): \(result(metrics.loss, metrics.accuracy))\(held); "
      + "\(Log.decimals(metrics.imagesPerSecond, 1)) images/s"
  }

  func progress(iteration: Int, epochEnded: Bool = false) -> Progress {
    let metrics = metrics
    return Progress(
      epoch: epoch, epochs: epochs, step: step, steps: steps, iteration: iteration,
      loss: metrics.loss, accuracy: metrics.accuracy, imagesPerSecond: metrics.imagesPerSecond,
      learningRate: rate, epochEnded: epochEnded, validation: validation)
  }
}
