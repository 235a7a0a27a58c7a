import CKernels
import Glibc
import Synchronization

/// Runs the tasks of one operation on several threads.
///
/// Each thread owns a contiguous share of the tasks, so that from one operation to the next it
/// meets the memory it touched before, and helps others once its own share is done. Between
/// operations the workers spin for a moment, then sleep; an operation does not wait for one that
/// is still waking up. One caller at a time has the workers; another that comes meanwhile computes
/// alone, with the same result. Workers start on first use, and anew in a forked child.
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

  /// Held while an operation runs, and while workers start or end. Nobody waits for it: the host may hold
  /// a lock that what the operation calls waits for.
  private let region = Lock()
  private let sleepLock: UnsafeMutablePointer<pthread_mutex_t>
  private let wake: UnsafeMutablePointer<pthread_cond_t>
  private let shares: UnsafeMutablePointer<Share>
  private var workers: [pthread_t] = []
  /// How many these are.
  private let workerCount = Atomic<Int>(0)
  /// Counts operations; a worker that sees it change has work.
  private let generation = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  /// Whether workers may join the current operation, and how many did and have not left.
  private let gate = Atomic<Int>(0)
  private static let isOpen = 1 << 32
  private var participants = 0
  private var body: UnsafePointer<Body>?
  private let stopping = Atomic<Bool>(false)
  /// When the system refused a thread, by `changes`; it is asked again once the number is set anew.
  private var refusal: Int?

  private init() {
    sleepLock = .allocate(capacity: 1)
    wake = .allocate(capacity: 1)
    pthread_mutex_init(sleepLock, nil)
    pthread_cond_init(wake, nil)
    shares = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<Share>.stride * Self.maximumThreads, alignment: 64
    ).bindMemory(to: Share.self, capacity: Self.maximumThreads)
    for index in 0..<Self.maximumThreads { (shares + index).initialize(to: Share()) }
  }

  /// Of a pool that has never run.
  deinit {
    pthread_mutex_destroy(sleepLock)
    pthread_cond_destroy(wake)
    sleepLock.deallocate()
    wake.deallocate()
    UnsafeMutableRawPointer(shares).deallocate()
  }

  // MARK: The process's pool

  /// The pool lives as long as the process; a forked child, whose copy has no threads, gets a new
  /// one (the old one is left alone: its locks may be held by threads that do not exist there). Who
  /// hands out work more than once asks anew each time, as a callback in between may have forked.
  package static var shared: ThreadPool {
    let pool = current.load(ordering: .acquiring)
    return Unmanaged<ThreadPool>.fromOpaque(
      UnsafeRawPointer(bitPattern: pool != 0 ? pool : made())!
    ).takeUnretainedValue()
  }

  /// 0 if there is none.
  private static let current = Atomic<UInt>(0)

  /// Makes a pool, unless another thread is faster. Nothing waits here for another thread, as for a
  /// static property's: the child of a fork in that moment would wait for one that it does not have.
  private static func made() -> UInt {
    rk_in_forked_child(RK_CHILD_POOL) { ThreadPool.current.store(0, ordering: .relaxed) }
    let pool = Unmanaged.passRetained(ThreadPool())
    let address = UInt(bitPattern: pool.toOpaque())
    let (isFirst, other) = current.compareExchange(
      expected: 0, desired: address, ordering: .acquiringAndReleasing)
    if isFirst { return address }
    pool.release()
    return other
  }

  // MARK: Threads

  /// Threads that compute, the calling one included; 0 until somebody asks. A forked child has as many.
  private static let threadCount = Atomic<Int>(0)
  /// How often the number was set.
  private static let changes = Atomic<Int>(0)

  /// Threads that compute, the calling one included.
  package static var threads: Int {
    let count = threadCount.load(ordering: .relaxed)
    if count > 0 { return count }
    _ = threadCount.compareExchange(expected: 0, desired: defaultThreads(), ordering: .relaxed)
    return threadCount.load(ordering: .relaxed)
  }

  /// 0 for as many as there is time for.
  static func setThreads(_ count: Int) {
    threadCount.store(
      count > 0 ? count : defaultThreads(), ordering: .sequentiallyConsistent)
    changes.add(1, ordering: .relaxed)
    let pool = shared
    // If there is an operation, its thread ends those who are too many.
    if pool.region.tryLock() { pool.leave() }
  }

  /// How many processors' worth of time this process gets at most, by those that it may run on and by
  /// its control groups.
  package static func availableProcessors() -> Double {
    let cores = Double(rk_available_cores())
    return min(cores, ControlGroups.processors() ?? cores)
  }

  /// The threads that this time is used up by: one and a half processors are 1.3 times as fast with two as
  /// with one, though the two are stopped in every period.
  private static func defaultThreads() -> Int {
    min(max(Int(availableProcessors().rounded(.up)), 1), maximumThreads)
  }

  /// Releases the region, without workers that are too many.
  private func leave() {
    repeat {
      if hasTooMany { stopWorkers() }
      region.unlock()
      // The number may have been set in between.
    } while hasTooMany && region.tryLock()
  }

  private var hasTooMany: Bool {
    workerCount.load(ordering: .sequentiallyConsistent) > max(Self.threads - 1, 0)
  }

  private func stopWorkers() {
    guard !workers.isEmpty else { return }
    stopping.store(true, ordering: .relaxed)
    announce()
    for worker in workers { pthread_join(worker, nil) }
    workers = []
    workerCount.store(0, ordering: .relaxed)
    stopping.store(false, ordering: .relaxed)
  }

  /// Starts the workers that are missing. Where the system gives no more threads, fewer compute.
  private func startWorkers() {
    let (threads, changes) = (Self.threads, Self.changes.load(ordering: .relaxed))
    guard workers.count < threads - 1, refusal != changes else { return }
    let before = workers.count
    while workers.count < threads - 1, refusal != changes {
      let index = workers.count + 1
      let generation = generation.load(ordering: .relaxed)
      if let thread = startThread({ self.work(index: index, generation: generation) }) {
        workers.append(thread)
      } else {
        refusal = changes
        Log.warning {
          "the system gave \(workers.count + 1) of \(threads) threads to compute; so many are used"
        }
      }
    }
    workerCount.store(workers.count, ordering: .sequentiallyConsistent)
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
    guard tasks > 1, limit > 1, Self.threads > 1, region.tryLock() else {
      for task in 0..<max(tasks, 0) { body(task, 0) }
      return
    }
    defer { leave() }
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
    let count = participants
    for step in 0..<count {
      let victim = (part + step) % count
      let end = shares[victim].end
      // Nobody writes to a share that is used up: all threads come by to look, and may keep its cache line.
      while shares[victim].next.load(ordering: .relaxed) < end {
        let task = shares[victim].next.wrappingAdd(1, ordering: .relaxed).oldValue
        if task >= end { break }
        body(task, part)
      }
    }
  }
}
