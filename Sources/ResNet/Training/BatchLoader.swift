import Glibc

/// Prepares the next batch while the engine computes on the current one.
final class BatchLoader {
  private let data: any TrainingData
  private let normalization: Normalization
  private let options: FitOptions
  private(set) var current: Batch
  private var next: Batch

  init(_ data: any TrainingData, normalization: Normalization, options: FitOptions)
    throws(ResNetError)
  {
    self.data = data
    self.normalization = normalization
    self.options = options
    current = try Batch(
      capacity: options.batchSize, channels: data.channels, extent: data.extent)
    next = try Batch(capacity: options.batchSize, channels: data.channels, extent: data.extent)
  }

  /// Reads the current batch, here and now.
  func read(_ indices: ArraySlice<Int>, epoch: Int) throws(ResNetError) {
    try Reading(loader: self, indices: indices, epoch: epoch, batch: current).read()
  }

  /// Runs `body` on the current batch while another thread reads the next one, which is current
  /// when this returns. Both are over by then, whether they succeed or not, so nobody else sees
  /// the data in use.
  func whileReading<Result>(
    _ indices: ArraySlice<Int>, epoch: Int, _ body: (Batch) throws(ResNetError) -> Result
  ) throws(ResNetError) -> Result {
    let reading = Reading(loader: self, indices: indices, epoch: epoch, batch: next)
    let thread = Engine.threads > 1 ? reading.start() : nil
    let outcome = Swift.Result { () throws(ResNetError) in try body(current) }
    if let thread {
      pthread_join(thread, nil)
    } else if case .success = outcome {
      // A caller that wants one thread gets one, and a system that is short of threads gets by.
      reading.run()
    }
    let result = try outcome.get()
    try reading.outcome.get()
    swap(&current, &next)
    return result
  }

  /// One batch to be read. Used by one thread at a time: the one that makes it touches it again
  /// only after joining the one that it starts.
  private final class Reading {
    private let loader: BatchLoader
    private let indices: ArraySlice<Int>
    private let epoch: Int
    private let batch: Batch
    private(set) var outcome = Result<Void, ResNetError>.success(())

    init(loader: BatchLoader, indices: ArraySlice<Int>, epoch: Int, batch: Batch) {
      self.loader = loader
      self.indices = indices
      self.epoch = epoch
      self.batch = batch
    }

    func read() throws(ResNetError) {
      try batch.read(
        indices, of: loader.data, normalization: loader.normalization,
        augmentation: loader.options.augmentation, seed: loader.options.seed, epoch: epoch)
    }

    func run() {
      outcome = Result { () throws(ResNetError) in try read() }
    }

    /// Starts a thread that runs this; nil if there is none to be had. The caller must join it
    /// and keep this object until then.
    func start() -> pthread_t? {
      // The host's signal handlers must not run on a thread that it does not know.
      var all = sigset_t()
      var previous = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_SETMASK, &all, &previous)
      defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { pointer in
          if let pointer {
            Unmanaged<Reading>.fromOpaque(pointer).takeUnretainedValue().run()
          }
          return nil
        }, Unmanaged.passUnretained(self).toOpaque())
      return status == 0 ? thread : nil
    }
  }
}
