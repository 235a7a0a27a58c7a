/// How ``Trainer/fit(_:validation:options:progress:)`` goes through a dataset.
public struct FitOptions: Hashable, Sendable {
  /// Where the model's input normalisation comes from.
  public enum Normalize: String, Hashable, Sendable, CaseIterable {
    /// The per-pixel mean of the training images (section 4.2) and the factor that brings pixels
    /// to unit scale, unless the model has a normalisation already.
    case automatic
    /// The mean and standard deviation of each channel over the training images, as in later work,
    /// unless the model has a normalisation already.
    case perChannel
    /// The model's own, as it stands.
    case keep
  }

  /// How often every image is drawn, at least 1.
  public var epochs: Int
  /// Steps to take in all, at least 1, instead of `epochs`: as the paper counts. The last epoch may
  /// end early, and is evaluated and reported like the others. Nil for whole epochs.
  public var iterations: Int?
  /// Images of a step, at least 1 and at most as many as there are.
  public var batchSize: Int
  /// Random variation of the training images, or nil for the dataset's own, if it has one.
  public var augmentation: Augmentation?
  public var normalize: Normalize
  /// The learning rate's course, counted in steps from the start of the call.
  public var schedule: StepSchedule
  /// A lower rate at first, or nil.
  public var warmUp: WarmUp?
  /// A rate that grows with the batch, or nil.
  public var scaling: LinearScaling?
  /// Drops when the validation error has stopped falling, or nil.
  public var plateau: Plateau?
  /// Of the order and the augmentation. Fitting again with the same seed repeats both.
  public var seed: UInt64
  /// Threads that read images ahead of training: 0 to 256, or nil for as many as compute, but none
  /// if one does. What is learned is the same with any number; without any, the calling thread reads.
  public var workers: Int?
  /// Batches that they read ahead, 1 to 64. Each takes the memory of its images as float32.
  public var prefetch: Int

  /// Whether to go on with the training that was stopped in this trainer's last call, or in which its
  /// checkpoint was saved, instead of beginning one. All that its result depends on must be as it was:
  /// only `epochs`, `iterations`, `workers` and `prefetch` may be others. What differs is refused: the
  /// model and the learning rate too, and of the datasets what can be told without reading them
  /// (``TrainingData/checksum(of:)``).
  ///
  /// A training that has ended cannot be resumed. To train more, fit again, for the epochs beyond it:
  /// momentum goes on, and what counts steps, such as milestones, begins anew.
  public var resumes: Bool

  public static let defaultPrefetch = 2

  public init(
    epochs: Int = 1, iterations: Int? = nil, batchSize: Int = 128,
    augmentation: Augmentation? = nil, normalize: Normalize = .automatic,
    schedule: StepSchedule = StepSchedule(),
    warmUp: WarmUp? = nil, scaling: LinearScaling? = nil, plateau: Plateau? = nil, seed: UInt64 = 0,
    workers: Int? = nil,
    prefetch: Int = defaultPrefetch, resumes: Bool = false
  ) {
    self.epochs = epochs
    self.iterations = iterations
    self.batchSize = batchSize
    self.augmentation = augmentation
    self.normalize = normalize
    self.schedule = schedule
    self.warmUp = warmUp
    self.scaling = scaling
    self.plateau = plateau
    self.seed = seed
    self.workers = workers
    self.prefetch = prefetch
    self.resumes = resumes
  }

  /// Steps of the whole training, and of an epoch that is not cut short.
  package func steps(forImages count: Int) -> (total: Int, epoch: Int) {
    let epoch = count / batchSize
    let (product, isTooMany) = epochs.multipliedReportingOverflow(by: epoch)
    // More steps than there are numbers for are never taken.
    return (iterations ?? (isTooMany ? .max : product), epoch)
  }

  /// Throws `invalidArgument` if an option is out of range or does not fit the dataset.
  public func validate(for data: any TrainingData) throws(ResNetError) {
    try validate()
    guard batchSize <= data.count else {
      throw ResNetError(
        .invalidArgument,
        "a batch of \(batchSize) images cannot be drawn from a dataset of \(data.count); every "
          + "batch is full, so choose a batch size of at most \(data.count)")
    }
    try augmentation?.validate(extent: data.extent)
  }

  /// The same without a dataset.
  func validate() throws(ResNetError) {
    guard epochs >= 1 else {
      throw ResNetError(.invalidArgument, "epochs must be at least 1, got \(epochs)")
    }
    if let iterations, iterations < 1 {
      throw ResNetError(.invalidArgument, "iterations must be at least 1, got \(iterations)")
    }
    guard batchSize >= 1 else {
      throw ResNetError(.invalidArgument, "the batch size must be at least 1, got \(batchSize)")
    }
    try schedule.validate()
    try scaling?.validate()
    if let workers, !(0...ThreadPool.maximumThreads).contains(workers) {
      throw ResNetError(
        .invalidArgument,
        "workers must be 0 to \(ThreadPool.maximumThreads), got \(workers)")
    }
    guard (1...BatchLoader.maximumPrefetch).contains(prefetch) else {
      throw ResNetError(
        .invalidArgument,
        "the batches to read ahead must be 1 to \(BatchLoader.maximumPrefetch), got \(prefetch)")
    }
    if let warmUp,
      !(warmUp.rate.isFinite && warmUp.rate >= 0 && warmUp.untilError > 0 && warmUp.untilError <= 1)
    {
      throw ResNetError(
        .invalidArgument,
        "a warm-up takes a finite rate of 0 or more and an error above 0 and at most 1, got "
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
