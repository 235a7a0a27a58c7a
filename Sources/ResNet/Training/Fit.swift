extension Trainer {
  /// Trains for `options.epochs` epochs, each a new random order of `data` in full batches, or for
  /// `options.iterations` steps; images that fill no batch wait for another epoch's order.
  ///
  /// The same model, data, options and trainer state give the same weights, bit for bit, whatever
  /// the number of threads. A training that was stopped goes on, with the same bits as if it had not
  /// been, if the next call resumes it (``FitOptions/resumes``); ``save(to:)`` keeps it for another
  /// process.
  ///
  /// - Parameters:
  ///   - data: The training images. If the model has no class names, it takes those of the data,
  ///     if there is one per class. If it has, the data's labels are matched with them by name.
  ///   - validation: Evaluated after each epoch, in inference mode. Its labels are matched by name, too.
  ///   - options: How long to train, in what steps and at what rates. Of a distributed training
  ///     (``distribute(over:options:)``) the batch size is that of all ranks together, which share it evenly.
  ///   - progress: Called on this thread after every step and at the end of every epoch, while the
  ///     model is not in use; data may be, by threads that read ahead. Returning false stops the
  ///     training.
  /// - Returns: One entry per epoch.
  /// - Throws: `invalidArgument` or `shapeMismatch`, before anything has changed, if the options,
  ///   the data and the network do not fit together; `notFinite` if the loss of a step, or of the validation data,
  ///   is not finite; `cancelled` if `progress` returned false or a step watcher stopped it; and what the data's own
  ///   reading throws. In the last three cases the model is as the last complete step left it.
  @discardableResult
  public func fit(
    _ data: any TrainingData, validation: (any TrainingData)? = nil,
    options: FitOptions = FitOptions(), progress: ((Progress) -> Bool)? = nil
  ) throws(ResNetError) -> [EpochMetrics] {
    try together { () throws(ResNetError) in
      try run(data, validation: validation, options: options, progress: progress)
    }
  }

  private func run(
    _ data: any TrainingData, validation: (any TrainingData)?, options: FitOptions,
    progress: ((Progress) -> Bool)?
  ) throws(ResNetError) -> [EpochMetrics] {
    try options.validate(for: data)
    let share = try Share(of: options.batchSize, group)
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
      batch: share.count * (group?.ranksOfBatchNorm ?? 1), extent: data.extent, frozen: frozen)
    let normalization = try normalization(for: data, options: options)
    if let validation {
      try model.validate(validation, normalization: normalization, role: "validation")
    }
    var fitData = FitData(
      images: data.count, hasValidation: validation != nil, validationImages: validation?.count,
      training: try FitData.Look(data, labels))
    if let validation { fitData.validation = try FitData.Look(validation, validationLabels) }
    var state: FitState
    if options.resumes {
      state = try stoppedTraining()
      try state.resume(with: options, fitData)
    } else {
      state = FitState(options, fitData)
    }
    try group?.requireSame(
      state.checksum(normalization), "what is to be trained on, or how,", .fit)
    let loader = try BatchLoader(
      .init(
        data: data, labels: labels, normalization: normalization,
        augmentation: options.augmentation ?? data.augmentation,
        seed: options.seed),
      batchSize: share.count,
      requests: ShuffledBatches(
        count: data.count, batchSize: options.batchSize, steps: state.step..<state.total,
        seed: options.seed, share: share.range),
      workers: options.workers, prefetch: options.prefetch)
    try model.setNormalization(normalization)
    if model.classNames.isEmpty, data.classNames.count == model.network.classes {
      try model.setClassNames(data.classNames)
    }

    course = state
    defer { noteRest() }
    var lastRate: Float?
    var taken = Steps(.training, of: state.total, done: state.step)
    while let tally = course?.tally {
      for _ in tally.step..<tally.steps {
        let start = monotonicSeconds()
        guard let batch = try loader.next(), let course else {
          throw ResNetError(
            .invalidArgument, "the progress callback trained with the trainer that it reports on")
        }
        let rate = course.control.rate(base: learningRate, after: course.step)
        if rate != lastRate { Log.info { "learning rate \(rate) from iteration \(iterations) on" } }
        lastRate = rate
        let outcome = try train(
          batch.view, normalization: .identity, labels: batch.labels, rate: rate)
        noteStep(
          outcome, images: options.batchSize, rate: rate, seconds: monotonicSeconds() - start)
        try compareRanksIfDue()
        try report(self.course?.tally?.progress(iteration: iterations), to: progress)
        try taken.advance(by: 1)
      }
      let result = try validation.map { data throws(ResNetError) in
        try model.evaluate(
          data, labels: validationLabels, workers: options.workers, group: group
        ) { _, _ in }
      }
      if let result, !result.loss.isFinite {
        throw ResNetError(
          .notFinite,
          "the loss of the validation images is \(result.loss.isNaN ? "not a number" : "infinite") after "
            + "iteration \(iterations); try a lower learning rate")
      }
      let ended = course?.endEpoch(validation: result)
      Log.info { ended?.line ?? "" }
      try report(ended?.progress(iteration: iterations, epochEnded: true), to: progress)
    }
    try group?.meet(.end)
    defer { course = nil }
    return course?.history ?? []
  }

  /// What a rank takes of every batch.
  private struct Share {
    /// Of the batch's images.
    let range: Range<Int>

    var count: Int { range.count }

    /// Throws `invalidArgument` unless all ranks have as many.
    init(of batchSize: Int, _ group: RankGroup?) throws(ResNetError) {
      let (rank, ranks) = (group?.rank ?? 0, group?.ranks ?? 1)
      guard batchSize.isMultiple(of: ranks) else {
        throw ResNetError(
          .invalidArgument,
          "a batch of \(batchSize) images cannot be shared evenly by \(ranks) ranks; choose a multiple of "
            + "\(ranks)")
      }
      let count = batchSize / ranks
      range = rank * count..<(rank + 1) * count
    }
  }

  /// The training that can be gone on with. Throws `invalidArgument` if there is none.
  private func stoppedTraining() throws(ResNetError) -> FitState {
    guard let course else {
      throw ResNetError(
        .invalidArgument,
        "there is no training to resume: this trainer's last one has ended, or another step was taken "
          + "since; to train more, begin another one of the length that is wanted")
    }
    if let part = changeSinceStop {
      throw ResNetError(
        .invalidArgument,
        "the training cannot be resumed as if it had not stopped, as the \(part.text) changed "
          + "since then; begin another one")
    }
    return course
  }

  private func noteStep(
    _ outcome: (loss: Double, correct: Int), images: Int, rate: Float, seconds: Double
  ) {
    course?.control.noteStep(images: images, correct: outcome.correct)
    course?.tally?.add(outcome, images: images, rate: rate, seconds: seconds)
  }

  private func normalization(for data: any TrainingData, options: FitOptions)
    throws(ResNetError) -> Normalization
  {
    guard !options.resumes, options.normalize != .keep, model.normalization == .identity else {
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

  private func report(_ state: Progress?, to progress: ((Progress) -> Bool)?) throws(ResNetError) {
    guard let state, let progress, !progress(state) else { return }
    throw ResNetError(
      .cancelled,
      "training was stopped by its progress callback in epoch \(state.epoch), after step "
        + "\(state.step) of \(state.steps)")
  }
}
