/// How ``Trainer/fit(_:validation:options:progress:)`` goes through a dataset.
public struct FitOptions: Hashable, Sendable {
  /// Where the model's input normalisation comes from.
  public enum Normalize: Hashable, Sendable {
    /// The per-pixel mean of the training images (section 4.2) and the factor that brings pixels
    /// to unit scale, unless the model has a normalisation already.
    case automatic
    /// The model's own, as it stands.
    case keep
  }

  /// How often every image is drawn, at least 1.
  public var epochs: Int
  /// Images of a step, at least 1 and at most as many as there are.
  public var batchSize: Int
  /// Random variation of the training images, or nil for none.
  public var augmentation: Augmentation?
  public var normalize: Normalize
  /// The learning rate's course, counted in steps from the start of the call.
  public var schedule: StepSchedule
  /// A lower rate at first, or nil.
  public var warmUp: WarmUp?
  /// Drops when the validation error has stopped falling, or nil.
  public var plateau: Plateau?
  /// Of the order and the augmentation. Fitting again with the same seed repeats both.
  public var seed: UInt64

  public init(
    epochs: Int = 1, batchSize: Int = 128, augmentation: Augmentation? = nil,
    normalize: Normalize = .automatic, schedule: StepSchedule = StepSchedule(),
    warmUp: WarmUp? = nil, plateau: Plateau? = nil, seed: UInt64 = 0
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.augmentation = augmentation
    self.normalize = normalize
    self.schedule = schedule
    self.warmUp = warmUp
    self.plateau = plateau
    self.seed = seed
  }

  /// Throws `invalidArgument` if an option is out of range or does not fit the dataset.
  public func validate(for data: any TrainingData) throws(ResNetError) {
    guard epochs >= 1 else {
      throw ResNetError(.invalidArgument, "epochs must be at least 1, got \(epochs)")
    }
    guard batchSize >= 1 else {
      throw ResNetError(.invalidArgument, "the batch size must be at least 1, got \(batchSize)")
    }
    guard batchSize <= data.count else {
      throw ResNetError(
        .invalidArgument,
        "a batch of \(batchSize) images cannot be drawn from a dataset of \(data.count); every "
          + "batch is full, so choose a batch size of at most \(data.count)")
    }
    try augmentation?.validate(extent: data.extent)
    try schedule.validate()
    if let warmUp,
      !(warmUp.rate.isFinite && warmUp.rate >= 0 && (0...1).contains(warmUp.untilError))
    {
      throw ResNetError(
        .invalidArgument,
        "a warm-up takes a finite rate of 0 or more and an error between 0 and 1, got "
          + "\(warmUp.rate) and \(warmUp.untilError)")
    }
    if let plateau, !(plateau.patience >= 1 && (0...1).contains(plateau.threshold)) {
      throw ResNetError(
        .invalidArgument,
        "a plateau takes a patience of 1 epoch or more and a threshold between 0 and 1, got "
          + "\(plateau.patience) and \(plateau.threshold)")
    }
  }
}
