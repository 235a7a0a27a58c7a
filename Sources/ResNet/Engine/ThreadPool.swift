import CKernels
import Glibc
import Synchronization

/// Runs the tasks of one operation on several threads.
///
/// Each thread owns a contiguous share of the tasks, so that from one operation to the next it
/// meets the memory it touched before, and helps others once its own share is done. Between
/// operations the workers spin for a moment, then sleep; an operation does not wait for one that
/// is still waking up. One caller at a time has the
/// workers; another that comes meanwhile computes alone, with the same result. Workers start on
/// first use, and anew in a forked child.
package final class ThreadPool: @unchecked Sendable {
  static let maximumThreads = 256

  /// Polls of the generation before a worker sleeps: some 200 microseconds, which outlasts the
  /// serial moments between the operations of a plan, and between two calls of a program that
  /// classifies image after image.
  private static let spins = 16000

  /// One share of the tasks. A cache line of its own, as all threads write to it.
  private struct Share: ~Copyable {
    let next = Atomic<Int>(0)
    var end = 0
    var padding: (Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0)
  }

  private typealias Body = (_ task: Int, _ worker: Int) -> Void

  private var requested: Int
  /// Held while an operation runs or the number of threads changes.
  private let region: UnsafeMutablePointer<pthread_mutex_t>
  private let sleepLock: UnsafeMutablePointer<pthread_mutex_t>
  private let wake: UnsafeMutablePointer<pthread_cond_t>
  private let shares: UnsafeMutablePointer<Share>
  private var workers: [pthread_t] = []
  /// Counts operations; a worker that sees it change has work.
  private let generation = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  /// Whether workers may join the current operation, and how many did and have not left.
  private let gate = Atomic<Int>(0)
  private static let isOpen = 1 << 32
  private let threadCount: Atomic<Int>
  private var participants = 0
  private var body: UnsafePointer<Body>?
  private let stopping = Atomic<Bool>(false)
  /// Whether the system refused a thread; it is asked again once the number is set anew.
  private var refused = false

  private init(requested: Int) {
    self.requested = requested
    threadCount = Atomic(requested > 0 ? requested : Self.availableCores())
    region = .allocate(capacity: 1)
    sleepLock = .allocate(capacity: 1)
    wake = .allocate(capacity: 1)
    pthread_mutex_init(region, nil)
    pthread_mutex_init(sleepLock, nil)
    pthread_cond_init(wake, nil)
    shares = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<Share>.stride * Self.maximumThreads, alignment: 64
    ).bindMemory(to: Share.self, capacity: Self.maximumThreads)
    for index in 0..<Self.maximumThreads { (shares + index).initialize(to: Share()) }
  }

  // MARK: The process's pool

  /// The pool lives as long as the process; a forked child, whose copy has no threads, gets a new
  /// one (the old one is left alone: its locks may be held by threads that do not exist there).
  package static var shared: ThreadPool {
    Unmanaged<ThreadPool>.fromOpaque(
      UnsafeRawPointer(bitPattern: current.load(ordering: .acquiring))!
    ).takeUnretainedValue()
  }

  private static let current: Atomic<UInt> = {
    pthread_atfork(nil, nil, { ThreadPool.replaceAfterFork() })
    return Atomic(retained(ThreadPool(requested: 0)))
  }()

  private static func replaceAfterFork() {
    let old = shared
    current.store(retained(ThreadPool(requested: old.requested)), ordering: .releasing)
  }

  private static func retained(_ pool: ThreadPool) -> UInt {
    UInt(bitPattern: Unmanaged.passRetained(pool).toOpaque())
  }

  /// How many processors' worth of time this process gets at most, by those that it may run on and by
  /// its control groups.
  package static func availableProcessors() -> Double {
    let cores = Double(rk_available_cores())
    return min(cores, ControlGroups.processors() ?? cores)
  }

  /// The threads that this time is used up by: one and a half processors are 1.3 times as fast with two as
  /// with one, though the two are stopped in every period.
  private static func availableCores() -> Int {
    min(max(Int(availableProcessors().rounded(.up)), 1), maximumThreads)
  }

  // MARK: Threads

  /// Threads that compute, the calling one included.
  package var threads: Int { threadCount.load(ordering: .relaxed) }

  func setThreads(_ count: Int) {
    pthread_mutex_lock(region)
    defer { pthread_mutex_unlock(region) }
    requested = count
    refused = false
    let wanted = count > 0 ? count : Self.availableCores()
    guard wanted != threads else { return }
    stopWorkers()
    threadCount.store(wanted, ordering: .relaxed)
  }

  private func stopWorkers() {
    guard !workers.isEmpty else { return }
    stopping.store(true, ordering: .relaxed)
    announce()
    for worker in workers { pthread_join(worker, nil) }
    workers = []
    stopping.store(false, ordering: .relaxed)
  }

  /// Starts the workers that are missing. Where the system gives no more threads, fewer compute.
  private func startWorkers() {
    guard workers.count < threads - 1, !refused else { return }
    let before = workers.count
    while workers.count < threads - 1, !refused {
      let index = workers.count + 1
      let generation = generation.load(ordering: .relaxed)
      if let thread = startThread({ self.work(index: index, generation: generation) }) {
        workers.append(thread)
      } else {
        refused = true
        Log.warning {
          "the system gave \(workers.count + 1) of \(threads) threads to compute; so many are used"
        }
      }
    }
    Log.debug { "threads started to compute: \(workers.count - before)" }
  }

  private func work(index: Int, generation initial: Int) {
    _ = rk_float_mode_enter()
    var seen = initial
    while true {
      var spin = 0
      while generation.load(ordering: .acquiring) == seen && spin < Self.spins {
        rk_pause()
        spin += 1
      }
      if generation.load(ordering: .acquiring) == seen {
        pthread_mutex_lock(sleepLock)
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen {
          pthread_cond_wait(wake, sleepLock)
        }
        sleepers.subtract(1, ordering: .relaxed)
        pthread_mutex_unlock(sleepLock)
      }
      seen = generation.load(ordering: .acquiring)
      if stopping.load(ordering: .relaxed) { return }
      if join() {
        if index < participants, let body { take(part: index, body.pointee) }
        gate.subtract(1, ordering: .releasing)
      }
    }
  }

  /// Joins the current operation, unless it is over: it does not wait for a worker that was asleep
  /// when it began, and may have been done without it.
  private func join() -> Bool {
    var seen = gate.load(ordering: .relaxed)
    while seen >= Self.isOpen {
      let (joined, current) = gate.weakCompareExchange(
        expected: seen, desired: seen + 1, successOrdering: .acquiring, failureOrdering: .relaxed)
      if joined { return true }
      seen = current
    }
    return false
  }

  /// Tells the workers that there is something new. The fence order (generation, then sleepers;
  /// in the worker sleepers, then generation) makes sure that none sleeps through it.
  private func announce() {
    generation.add(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(sleepLock)
      pthread_cond_broadcast(wake)
      pthread_mutex_unlock(sleepLock)
    }
  }

  // MARK: Running

  /// Calls `body(task, worker)` for every task in 0..<tasks, on at most `workers` threads at a
  /// time, and returns when all are done. `worker` is below `workers` and differs between calls
  /// that run at the same time, so it can choose scratch memory.
  package func run(_ tasks: Int, workers limit: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    // The mode of floating-point arithmetic is the host's, each thread may have another, and which
    // thread takes a task is left to chance: all compute in the same mode.
    let mode = rk_float_mode_enter()
    defer { rk_float_mode_leave(mode) }
    guard tasks > 1, limit > 1, threads > 1, pthread_mutex_trylock(region) == 0 else {
      for task in 0..<max(tasks, 0) { body(task, 0) }
      return
    }
    defer { pthread_mutex_unlock(region) }
    startWorkers()
    participants = min(limit, workers.count + 1, tasks)
    for part in 0..<participants {
      shares[part].next.store(part * tasks / participants, ordering: .relaxed)
      shares[part].end = (part + 1) * tasks / participants
    }
    withoutActuallyEscaping(body) { escapable in
      var job: Body = escapable
      withUnsafePointer(to: &job) { pointer in
        self.body = pointer
        gate.store(Self.isOpen, ordering: .releasing)
        announce()
        take(part: 0, pointer.pointee)
        // All tasks are taken; those who took some are waited for.
        gate.subtract(Self.isOpen, ordering: .relaxed)
        var spin = 0
        while gate.load(ordering: .acquiring) > 0 {
          spin += 1
          if spin < Self.spins { rk_pause() } else { sched_yield() }
        }
        self.body = nil
      }
    }
  }

  private func take(part: Int, _ body: Body) {
    for step in 0..<participants {
      let victim = (part + step) % participants
      let end = shares[victim].end
      while true {
        let task = shares[victim].next.wrappingAdd(1, ordering: .relaxed).oldValue
        if task >= end { break }
        body(task, part)
      }
    }
  }
}
