import Glibc

/// Reads batches of a dataset ahead of whoever computes on them.
///
/// Workers, threads of its own, fill up to `prefetch` batches beyond the one in use. A batch is cut
/// into pieces that several workers read at once, and what is not ready when it is wanted is read by
/// the thread that wants it, too: without workers, and where the system has no threads to give, that
/// one reads all. What a batch holds depends on none of this.
///
/// Workers have a low priority. They so take what time the engine leaves them, which goes on computing
/// until it has no batch; then it waits, and they have the processor. It is not the lowest: beside
/// another program that never rests they still have a tenth of its time.
///
/// Used by one thread at a time.
final class BatchLoader {
  /// One batch: which images, and the epoch that their random variation belongs to.
  struct Request {
    let indices: ArraySlice<Int>
    let epoch: Int
  }

  /// How a dataset is read.
  struct Source {
    let data: any TrainingData
    var labels = LabelMap.identity
    let normalization: Normalization
    var augmentation: Augmentation?
    var seed: UInt64 = 0
  }

  /// Above that, memory is spent and nothing gained.
  static let maximumPrefetch = 64

  private let source: Source
  private let pieceSize: Int
  private var requests: any IteratorProtocol<Request>
  /// Batches that nobody waits for.
  private var free: [Job]
  private var inUse: Job?
  private var queue = Queue()
  private var workers: [pthread_t] = []
  /// The process that the workers are in.
  private var process = getpid()

  /// - Parameters:
  ///   - requests: The batches in the order in which they are wanted, each of 1 to `batchSize`
  ///     images. They are asked for on the thread that calls ``next()``.
  ///   - workers: Nil for as many as there are threads that compute, or none if one computes.
  init(
    _ source: Source, batchSize: Int, requests: any IteratorProtocol<Request>, workers: Int? = nil,
    prefetch: Int = FitOptions.defaultPrefetch
  ) throws(ResNetError) {
    let wanted = workers ?? (Engine.threads > 1 ? Engine.threads : 0)
    self.source = source
    self.requests = requests
    // Some pieces for each, so that all are done at about the same time.
    pieceSize = wanted == 0 ? batchSize : max(1, batchSize / (4 * (wanted + 1)))
    free = []
    for _ in 0...(wanted == 0 ? 0 : prefetch) {
      free.append(
        Job(
          try Batch(
            capacity: batchSize, channels: source.data.channels, extent: source.data.extent)))
    }
    for _ in 0..<wanted {
      let queue = queue
      guard
        let thread = startThread({
          setpriority(CInt(PRIO_PROCESS.rawValue), 0, BatchLoader.niceness)
          queue.work(source)
        })
      else { break }
      self.workers.append(thread)
    }
    if self.workers.count < wanted {
      Log.warning { "the system gave \(self.workers.count) of \(wanted) threads to read images" }
    } else if wanted > 0 {
      Log.debug { "threads started to read images: \(wanted)" }
    }
  }

  deinit {
    guard process == getpid() else { return }
    queue.stop()
    for worker in workers { pthread_join(worker, nil) }
  }

  private static let niceness: CInt = 10

  /// The next batch, which is valid until the next call; nil after the last. Throws what reading it
  /// threw; of several errors, that of the first image.
  func next() throws(ResNetError) -> Batch? {
    if process != getpid() { goOnAfterFork() }
    if let inUse { free.append(inUse) }
    inUse = nil
    while let job = free.last, let request = requests.next() {
      free.removeLast()
      job.prepare(request, pieceSize: pieceSize)
      queue.add(job)
    }
    guard let job = queue.finishFirst(source) else { return nil }
    inUse = job
    if let failure = job.failure { throw failure.error }
    return job.batch
  }

  /// In a forked child there are no workers, and one that was there may have held the lock: what was
  /// asked for is asked for anew.
  private func goOnAfterFork() {
    process = getpid()
    workers = []
    let jobs = queue.jobs
    queue = Queue()
    for job in jobs {
      job.restart()
      queue.add(job)
    }
  }
}

/// A batch being read.
private final class Job {
  let batch: Batch
  private(set) var failure: (image: Int, error: ResNetError)?
  private var request = BatchLoader.Request(indices: [], epoch: 0)
  private var pieceSize = 0
  /// Images that somebody reads or has read, and those that are there.
  private var taken = 0
  private var finished = 0

  init(_ batch: Batch) { self.batch = batch }

  func prepare(_ request: BatchLoader.Request, pieceSize: Int) {
    self.request = request
    self.pieceSize = pieceSize
    batch.prepare(count: request.indices.count)
    restart()
  }

  func restart() {
    failure = nil
    taken = 0
    finished = 0
  }

  var isComplete: Bool { finished == request.indices.count }

  /// The next piece that nobody reads yet.
  func takePiece() -> Range<Int>? {
    guard taken < request.indices.count else { return nil }
    let piece = taken..<min(taken + pieceSize, request.indices.count)
    taken = piece.upperBound
    return piece
  }

  func read(_ piece: Range<Int>, of source: BatchLoader.Source) -> Result<Void, ResNetError> {
    let start = request.indices.startIndex
    return Result { () throws(ResNetError) in
      try batch.read(
        request.indices[start + piece.lowerBound..<start + piece.upperBound],
        at: piece.lowerBound, of: source.data, labels: source.labels,
        normalization: source.normalization, augmentation: source.augmentation, seed: source.seed,
        epoch: request.epoch)
    }
  }

  func finish(_ piece: Range<Int>, _ outcome: Result<Void, ResNetError>) {
    finished += piece.count
    if case .failure(let error) = outcome, piece.lowerBound < failure?.image ?? .max {
      failure = (piece.lowerBound, error)
    }
  }
}

/// The batches that are being read, in order. Its lock guards it and the state of its jobs; a piece
/// of a job's memory belongs to the thread that took it until it is finished.
private final class Queue: @unchecked Sendable {
  private(set) var jobs: [Job] = []
  private var isStopping = false
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let workToDo: UnsafeMutablePointer<pthread_cond_t>
  private let jobComplete: UnsafeMutablePointer<pthread_cond_t>

  init() {
    lock = .allocate(capacity: 1)
    workToDo = .allocate(capacity: 1)
    jobComplete = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(workToDo, nil)
    pthread_cond_init(jobComplete, nil)
  }

  deinit {
    lock.deallocate()
    workToDo.deallocate()
    jobComplete.deallocate()
  }

  func add(_ job: Job) {
    pthread_mutex_lock(lock)
    jobs.append(job)
    pthread_cond_broadcast(workToDo)
    pthread_mutex_unlock(lock)
  }

  /// Takes the first job out when it is complete, and helps to complete it.
  func finishFirst(_ source: BatchLoader.Source) -> Job? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard let job = jobs.first else { return nil }
    while !job.isComplete {
      if let piece = job.takePiece() {
        read(piece, of: job, source)
      } else {
        pthread_cond_wait(jobComplete, lock)
      }
    }
    jobs.removeFirst()
    return job
  }

  /// What a worker does until it is told to stop.
  func work(_ source: BatchLoader.Source) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while !isStopping {
      if let (job, piece) = nextPiece() {
        read(piece, of: job, source)
      } else {
        pthread_cond_wait(workToDo, lock)
      }
    }
  }

  private func nextPiece() -> (Job, Range<Int>)? {
    for job in jobs {
      if let piece = job.takePiece() { return (job, piece) }
    }
    return nil
  }

  /// Called with the lock, which it gives up while it reads.
  private func read(_ piece: Range<Int>, of job: Job, _ source: BatchLoader.Source) {
    pthread_mutex_unlock(lock)
    let outcome = job.read(piece, of: source)
    pthread_mutex_lock(lock)
    job.finish(piece, outcome)
    if job.isComplete { pthread_cond_signal(jobComplete) }
  }

  func stop() {
    pthread_mutex_lock(lock)
    isStopping = true
    pthread_cond_broadcast(workToDo)
    pthread_mutex_unlock(lock)
  }
}
