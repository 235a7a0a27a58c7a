extension Trainer {
  /// A trainer as ``save(to:)`` wrote it, with its model. If a training was under way, the next
  /// ``fit(_:validation:options:progress:)`` that resumes goes on with it.
  ///
  /// Throws as ``Model/load(from:)`` does, and `badFormat` for a model file that is no checkpoint.
  public static func load(from path: String) throws(ResNetError) -> Trainer {
    try Log.timed("loaded", path) { () throws(ResNetError) in
      try ModelFile.read(path, as: "load", keepingTensorsInFile: false) {
        root, model throws(ResNetError) in try Checkpoint.read(root, model)
      }
    }
  }

  /// The same from a file whose checksums are not looked at, for fuzzing alone.
  package static func loadUnverified(_ path: String) throws(ResNetError) -> Trainer {
    try ModelFile.readUnverified(path) { root, model throws(ResNetError) in
      try Checkpoint.read(root, model)
    }
  }
}

extension Checkpoint {
  /// The members of a group, some of which may be opened.
  private struct Members {
    let group: HDF5Group
    private let addresses: [String: Int]

    init(_ group: HDF5Group) throws(ResNetError) {
      self.group = group
      addresses = try group.members(limit: ModelFile.maximumOtherMembers)
    }

    func group(_ name: String) throws(ResNetError) -> HDF5Group? {
      guard let address = addresses[name] else { return nil }
      return try HDF5Group(
        HDF5Object(address, in: group.object.file, path: group.path(of: name)))
    }

    func dataset(_ name: String) throws(ResNetError) -> ModelDataset {
      guard let address = addresses[name] else {
        throw ResNetError(.badFormat, "dataset \(group.path(of: name)) is missing")
      }
      return try ModelDataset(name, at: address, in: group)
    }
  }

  fileprivate static func read(_ root: HDF5Group, _ model: Model) throws(ResNetError) -> Trainer {
    typealias Name = TrainingAttribute
    guard let group = try Members(root).group(ModelFile.Root.training) else {
      throw ResNetError(
        .badFormat, "it is a model but no checkpoint: it has no group /\(ModelFile.Root.training)")
    }
    let members = try Members(group)
    let sgd = try group.reals(Name.sgd, count: 3)
    let trainer: Trainer
    do {
      trainer = try Trainer(
        model,
        options: SGDOptions(
          learningRate: Float(sgd[0]), momentum: Float(sgd[1]), weightDecay: Float(sgd[2]),
          spareBatchNormAndBiases: try group.integer(Name.spareBNAndBiases) != 0))
    } catch {
      throw error.kind == .invalidArgument
        ? ResNetError(.badFormat, "\(group.path): \(error.message)") : error
    }
    trainer.iterations = try count(Name.iterations, in: group, 0...Int.max >> 1)
    let frozen = try count(Name.frozenLayers, in: group, 0...model.graph.layers.count)
    if frozen > 0 {
      let names = try members.dataset(Checkpoint.frozen).readStrings(count: frozen, for: "layer")
      do {
        try trainer.freeze(names)
      } catch {
        throw ResNetError(.badFormat, "\(group.path(of: Checkpoint.frozen)): \(error.message)")
      }
    }
    guard let velocity = try members.group(Checkpoint.velocity) else {
      throw ResNetError(.badFormat, "group \(group.path(of: Checkpoint.velocity)) is missing")
    }
    let momenta = try Members(velocity)
    for tensor in model.layout.tensors where tensor.kind.isTrainable {
      let dataset = try momenta.dataset(tensor.name)
      guard dataset.isFloat32, dataset.shape == tensor.shape else {
        throw ResNetError(
          .badFormat,
          "\(dataset.path) has shape \(dataset.shape) or another type, expected float32 of shape "
            + "\(tensor.shape)")
      }
      try dataset.readFloats(
        into: UnsafeMutableBufferPointer(
          start: trainer.velocity + tensor.offset, count: tensor.count))
    }
    if let fit = try members.group(Checkpoint.fit) {
      let course = try readFit(fit)
      guard course.step <= trainer.iterations else {
        throw ResNetError(
          .badFormat,
          "\(fit.path) has taken \(course.step) steps, of \(trainer.iterations) in all by attribute "
            + "\(Name.iterations) of \(group.path)")
      }
      trainer.course = course
      trainer.noteRest()
    }
    return trainer
  }

  private static func count(
    _ name: String, in group: HDF5Group, _ range: ClosedRange<Int>
  ) throws(ResNetError) -> Int {
    let value = try group.integer(name)
    guard range.contains(value) else {
      throw ResNetError(
        .badFormat,
        "attribute \(name) of \(group.path) is \(value), expected \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return value
  }

  private static func readFit(_ group: HDF5Group) throws(ResNetError) -> FitState {
    typealias Name = FitAttribute
    let options = try readOptions(group)
    let data = try readData(group, options)
    let ended = try count(Name.epochsEnded, in: group, 0...Int(Int32.max))
    var state = FitState(
      options, data, control: try readControl(group, options, epochs: ended),
      history: try readHistory(group, epochs: ended))
    if try group.hasAttribute(Name.changed) {
      state.changed = try ModelFile.choice(Name.changed, in: group)
    }
    guard let fresh = state.tally else {
      // All epochs have ended, and the last one's end was being reported.
      guard state.history.count == (state.total - 1) / (data.images / options.batchSize) + 1 else {
        throw ResNetError(.badFormat, "\(group.path) has more epochs than the training")
      }
      return state
    }
    let counts = try group.integers(Name.epochCounts, limit: 2)
    let sums = try group.reals(Name.epochSums, count: 3)
    guard counts.count == 2, (0...fresh.steps).contains(counts[0]),
      (0...counts[0] * options.batchSize).contains(counts[1]),
      sums.allSatisfy({ $0.isFinite && $0 >= 0 })
    else {
      throw ResNetError(
        .badFormat,
        "the attributes of \(group.path) do not describe an epoch of \(fresh.steps) steps")
    }
    state.tally?.restore(
      step: counts[0], loss: sums[0], correct: counts[1], images: counts[0] * options.batchSize,
      seconds: sums[1], rate: Float(sums[2]))
    return state
  }

  private static func readData(_ group: HDF5Group, _ options: FitOptions) throws(ResNetError)
    -> FitData
  {
    typealias Name = FitAttribute
    var data = FitData(
      images: try count(Name.images, in: group, options.batchSize...Int.max >> 1),
      hasValidation: try group.integer(Name.hasValidation) != 0)
    if try group.hasAttribute(Name.validationImages) {
      data.validationImages = try count(Name.validationImages, in: group, 0...Int.max >> 1)
    }
    data.training = try readLook(group, "")
    data.validation = try readLook(group, Name.validation)
    return data
  }

  private static func readLook(_ group: HDF5Group, _ prefix: String) throws(ResNetError)
    -> FitData.Look
  {
    var look = FitData.Look()
    let appearance = prefix + FitAttribute.appearance
    let checksum = prefix + FitAttribute.checksum
    if try group.hasAttribute(appearance) {
      let text = try group.string(appearance)
      guard (1...maximumAppearance).contains(text.utf8.count) else {
        throw ResNetError(
          .badFormat, "attribute \(appearance) of \(group.path) has \(text.utf8.count) bytes")
      }
      look.appearance = text
    }
    if try group.hasAttribute(checksum) { look.checksum = try group.integer(checksum) }
    return look
  }

  private static func readOptions(_ group: HDF5Group) throws(ResNetError) -> FitOptions {
    typealias Name = FitAttribute
    var options = FitOptions(
      epochs: try group.integer(Name.epochs),
      batchSize: try count(Name.batchSize, in: group, 1...Int(Int32.max)),
      normalize: try ModelFile.choice(Name.normalize, in: group),
      schedule: StepSchedule(gamma: Float(try group.reals(Name.gamma, count: 1)[0])),
      seed: UInt64(UInt(bitPattern: try group.integer(Name.seed))))
    let iterations = try group.integer(Name.iterations)
    if iterations != 0 { options.iterations = iterations }
    if try group.hasAttribute(Name.augmentation) {
      let values = try group.integers(Name.augmentation, limit: 2)
      guard values.count == 2 else {
        throw ResNetError(
          .badFormat, "attribute \(Name.augmentation) of \(group.path) is not two integers")
      }
      options.augmentation = Augmentation(padding: values[0], mirror: values[1] != 0)
    }
    if try group.hasAttribute(Name.milestones) {
      options.schedule.milestones = try group.integers(Name.milestones, limit: maximumMilestones)
    }
    if try group.hasAttribute(Name.scaling) {
      let values = try group.integers(Name.scaling, limit: 2)
      guard values.count == 2 else {
        throw ResNetError(
          .badFormat, "attribute \(Name.scaling) of \(group.path) is not two integers")
      }
      options.scaling = LinearScaling(batchSize: values[0], warmUpSteps: values[1])
    }
    if try group.hasAttribute(Name.warmUp) {
      let values = try group.reals(Name.warmUp, count: 2)
      options.warmUp = WarmUp(rate: Float(values[0]), untilError: values[1])
    }
    if try group.hasAttribute(Name.plateauPatience) {
      options.plateau = Plateau(
        patience: try group.integer(Name.plateauPatience),
        threshold: try group.reals(Name.plateauThreshold, count: 1)[0])
    }
    do {
      try options.validate()
    } catch {
      throw ResNetError(.badFormat, "\(group.path): \(error.message)")
    }
    return options
  }

  private static func readControl(_ group: HDF5Group, _ options: FitOptions, epochs: Int)
    throws(ResNetError) -> RateControl
  {
    typealias Name = FitAttribute
    var control = RateControl(options)
    if options.warmUp != nil {
      if try group.integer(Name.warmUpIsOver) != 0 { control.warmUp = nil }
      if try group.hasAttribute(Name.recentCorrect) {
        let recent = try group.integers(Name.recentCorrect, limit: WarmUp.steps)
        guard recent.allSatisfy({ (0...options.batchSize).contains($0) }) else {
          throw ResNetError(
            .badFormat, "attribute \(Name.recentCorrect) of \(group.path) counts more than a batch")
        }
        control.recent = recent.map { (images: options.batchSize, correct: $0) }
      }
    }
    if options.plateau != nil {
      control.lowestError = try group.reals(Name.lowestError, count: 1)[0]
      control.epochsWithout = try count(Name.epochsWithout, in: group, 0...epochs)
      control.drops = try count(Name.drops, in: group, 0...epochs)
    }
    return control
  }

  private static func readHistory(_ group: HDF5Group, epochs: Int) throws(ResNetError)
    -> [EpochMetrics]
  {
    guard epochs > 0 else { return [] }
    let dataset = try Members(group).dataset(history)
    guard dataset.shape == [epochs, historyColumns] else {
      throw ResNetError(
        .badFormat,
        "\(dataset.path) has shape \(dataset.shape), expected \([epochs, historyColumns])")
    }
    let values = try dataset.readDoubles()
    return (0..<epochs).map { epoch in
      let row = values[epoch * historyColumns..<(epoch + 1) * historyColumns].map(\.self)
      let images = Int(exactly: row[7].rounded()) ?? 0
      return EpochMetrics(
        epoch: epoch + 1, loss: row[0], accuracy: row[1], learningRate: Float(row[2]),
        imagesPerSecond: row[3],
        validation: images > 0
          ? Metrics(loss: row[4], accuracy: row[5], top5Accuracy: row[6], count: images) : nil)
    }
  }
}
