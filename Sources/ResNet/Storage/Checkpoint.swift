/// What a checkpoint has beside a model: the group `training`, and in it `velocity` and perhaps `fit`;
/// docs/FORMAT.md describes them.
enum Checkpoint {
  static let velocity = "velocity"
  static let frozen = "frozen"
  static let fit = "fit"
  static let history = "history"

  enum TrainingAttribute {
    static let iterations = "iterations"
    static let sgd = "sgd"
    static let spareBNAndBiases = "spare_bn_and_biases"
    static let frozenLayers = "frozen_layers"
  }

  enum FitAttribute {
    static let images = "images"
    static let appearance = "appearance"
    static let checksum = "checksum"
    static let hasValidation = "has_validation"
    static let validationImages = "validation_images"
    /// Before `appearance` and `checksum`, of the validation images.
    static let validation = "validation_"
    static let changed = "changed"
    static let epochs = "epochs"
    static let iterations = "iterations"
    static let batchSize = "batch_size"
    static let seed = "seed"
    static let normalize = "normalize"
    static let augmentation = "augmentation"
    static let milestones = "milestones"
    static let gamma = "gamma"
    static let warmUp = "warm_up"
    static let scaling = "scaling"
    static let warmUpIsOver = "warm_up_is_over"
    static let recentCorrect = "recent_correct"
    static let plateauPatience = "plateau_patience"
    static let plateauThreshold = "plateau_threshold"
    static let lowestError = "lowest_error"
    static let epochsWithout = "epochs_without"
    static let drops = "drops"
    static let epochsEnded = "epochs_ended"
    static let epochCounts = "epoch_counts"
    static let epochSums = "epoch_sums"
  }

  /// Of the history, for each epoch.
  static let historyColumns = 8
  /// What an attribute has room for.
  static let maximumMilestones = 4096
  /// Bytes.
  static let maximumAppearance = 4096
}

extension Trainer {
  /// Writes a checkpoint: the model, and all that training needs to go on with the same bits as if it had
  /// not been interrupted. It may be called between two trainings, when one was stopped, or from the
  /// progress callback of ``fit(_:validation:options:progress:)``.
  ///
  /// The file is written as a model's is (``Model/save(to:)``), and throws as that does. It is a model
  /// file, too, about twice as large.
  public func save(to path: String) throws(ResNetError) {
    try Log.timed("saved", path) { () throws(ResNetError) in
      // The momentum stays where it is while it is written.
      try withExtendedLifetime(self) { () throws(ResNetError) in
        try ModelFile.save(model, to: path) { root throws(ResNetError) in
          root.add(ModelFile.Root.training, try contents())
        }
      }
    }
  }

  private func contents() throws(ResNetError) -> HDF5Contents {
    typealias Name = Checkpoint.TrainingAttribute
    var group = HDF5Contents()
    group.set(Name.iterations, iterations)
    group.set(
      Name.sgd,
      [Double(options.learningRate), Double(options.momentum), Double(options.weightDecay)])
    group.set(Name.spareBNAndBiases, options.spareBatchNormAndBiases ? 1 : 0)
    group.set(Name.frozenLayers, frozen.count)
    var momenta = HDF5Contents()
    for tensor in model.layout.tensors where tensor.kind.isTrainable {
      let values = UnsafeBufferPointer(start: velocity + tensor.offset, count: tensor.count)
      guard values.allSatisfy(\.isFinite) else {
        throw ResNetError(.notFinite, "the momentum of \(tensor.name) is not finite")
      }
      try momenta.add(tensor.name, values, shape: tensor.shape)
    }
    group.add(Checkpoint.velocity, momenta)
    if !frozen.isEmpty {
      try group.add(Checkpoint.frozen, frozen.sorted().map { model.graph.layers[$0].name })
    }
    if var course {
      course.changed = changeSinceStop
      group.add(Checkpoint.fit, try course.contents())
    }
    return group
  }
}

extension FitData.Look {
  fileprivate func add(to group: inout HDF5Contents, _ prefix: String) throws(ResNetError) {
    typealias Name = Checkpoint.FitAttribute
    if let appearance {
      let bytes = appearance.utf8
      guard (1...Checkpoint.maximumAppearance).contains(bytes.count), !bytes.contains(0) else {
        throw ResNetError(
          .invalidArgument,
          "the dataset describes how its images are seen in \(bytes.count) bytes; a checkpoint holds 1 to "
            + "\(Checkpoint.maximumAppearance), none of them zero")
      }
      group.set(prefix + Name.appearance, appearance)
    }
    if let checksum { group.set(prefix + Name.checksum, checksum) }
  }
}

extension FitState {
  fileprivate func contents() throws(ResNetError) -> HDF5Contents {
    typealias Name = Checkpoint.FitAttribute
    var group = HDF5Contents()
    group.set(Name.images, data.images)
    try data.training.add(to: &group, "")
    try data.validation.add(to: &group, Name.validation)
    group.set(Name.hasValidation, data.hasValidation ? 1 : 0)
    if let count = data.validationImages { group.set(Name.validationImages, count) }
    if let changed { group.set(Name.changed, changed.rawValue) }
    group.set(Name.epochs, options.epochs)
    group.set(Name.iterations, options.iterations ?? 0)
    group.set(Name.batchSize, options.batchSize)
    group.set(Name.seed, Int(bitPattern: UInt(options.seed)))
    group.set(Name.normalize, options.normalize.rawValue)
    if let augmentation = options.augmentation {
      group.set(Name.augmentation, [augmentation.padding, augmentation.mirror ? 1 : 0])
    }
    let milestones = options.schedule.milestones
    guard milestones.count <= Checkpoint.maximumMilestones else {
      throw ResNetError(
        .invalidArgument,
        "the learning rate has \(milestones.count) milestones; a checkpoint holds "
          + "\(Checkpoint.maximumMilestones)")
    }
    if !milestones.isEmpty { group.set(Name.milestones, milestones) }
    group.set(Name.gamma, [Double(options.schedule.gamma)])
    if let warmUp = options.warmUp {
      group.set(Name.warmUp, [Double(warmUp.rate), warmUp.untilError])
      group.set(Name.warmUpIsOver, control.warmUp == nil ? 1 : 0)
      if !control.recent.isEmpty {
        group.set(Name.recentCorrect, control.recent.map(\.correct))
      }
    }
    if let scaling = options.scaling {
      group.set(Name.scaling, [scaling.batchSize, scaling.warmUpSteps])
    }
    if let plateau = options.plateau {
      group.set(Name.plateauPatience, plateau.patience)
      group.set(Name.plateauThreshold, [plateau.threshold])
      group.set(Name.lowestError, [control.lowestError])
      group.set(Name.epochsWithout, control.epochsWithout)
      group.set(Name.drops, control.drops)
    }
    group.set(Name.epochsEnded, history.count)
    if let tally {
      group.set(Name.epochCounts, [tally.step, tally.correct])
      group.set(Name.epochSums, [tally.loss, tally.seconds, Double(tally.rate)])
    }
    if !history.isEmpty {
      let rows = history.flatMap { epoch in
        [
          epoch.loss, epoch.accuracy, Double(epoch.learningRate), epoch.imagesPerSecond,
          epoch.validation?.loss ?? .nan, epoch.validation?.accuracy ?? .nan,
          epoch.validation?.top5Accuracy ?? .nan, Double(epoch.validation?.count ?? 0),
        ]
      }
      try group.add(
        Checkpoint.history, rows, shape: [history.count, Checkpoint.historyColumns])
    }
    return group
  }
}
