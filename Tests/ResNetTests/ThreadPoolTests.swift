import Glibc
import Synchronization
import Testing

@testable import ResNet

@Suite("Thread pool")
struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 100, 1001])
  func everyTaskRunsOnce(tasks: Int) {
    let counts = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: tasks)
    for task in 0..<tasks { (counts + task).initialize(to: Atomic(0)) }
    defer { counts.deallocate() }
    for _ in 0..<50 {
      ThreadPool.shared.run(tasks, workers: 8) { task, _ in
        counts[task].add(1, ordering: .relaxed)
      }
    }
    for task in 0..<tasks { #expect(counts[task].load(ordering: .relaxed) == 50) }
  }

  @Test func noTasksIsNoWork() {
    ThreadPool.shared.run(0, workers: 8) { _, _ in Issue.record("there is no task") }
    ThreadPool.shared.run(-1, workers: 8) { _, _ in Issue.record("there is no task") }
  }

  @Test func twoTasksAtATimeHaveDifferentWorkers() {
    let busy = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 4)
    for worker in 0..<4 { (busy + worker).initialize(to: Atomic(0)) }
    defer { busy.deallocate() }
    let clashes = Atomic<Int>(0)
    ThreadPool.shared.run(2000, workers: 4) { _, worker in
      if busy[worker].add(1, ordering: .relaxed).newValue != 1 {
        clashes.add(1, ordering: .relaxed)
      }
      busy[worker].subtract(1, ordering: .relaxed)
    }
    #expect(clashes.load(ordering: .relaxed) == 0)
  }

  @Test func aTaskMayRunTasksItself() {
    let total = Atomic<Int>(0)
    ThreadPool.shared.run(10, workers: 4) { _, _ in
      ThreadPool.shared.run(10, workers: 4) { _, _ in total.add(1, ordering: .relaxed) }
    }
    #expect(total.load(ordering: .relaxed) == 100)
  }

  @Test func severalCallersAtOnceAllFinish() async {
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let total = Atomic<Int>(0)
          for _ in 0..<200 {
            ThreadPool.shared.run(16, workers: 4) { _, _ in total.add(1, ordering: .relaxed) }
          }
          return total.load(ordering: .relaxed)
        }
      }
      for await total in group { #expect(total == 3200) }
    }
  }

  @Test func sleepingWorkersWakeUp() {
    let total = Atomic<Int>(0)
    for _ in 0..<5 {
      usleep(20_000)
      ThreadPool.shared.run(64, workers: 4) { _, _ in total.add(1, ordering: .relaxed) }
    }
    #expect(total.load(ordering: .relaxed) == 320)
  }

  /// Workers fall asleep after some 200 microseconds: here they are about to, or are waking up.
  @Test func noTaskRunsOnceAnOperationIsOver() {
    let total = Atomic<Int>(0)
    let late = Atomic<Int>(0)
    let isOver = Atomic<Bool>(true)
    for round in 0..<2000 {
      usleep(UInt32(round % 40 * 10))
      isOver.store(false, ordering: .relaxed)
      ThreadPool.shared.run(3, workers: 4) { _, _ in
        if isOver.load(ordering: .relaxed) { late.add(1, ordering: .relaxed) }
        total.add(1, ordering: .relaxed)
      }
      isOver.store(true, ordering: .relaxed)
    }
    #expect(total.load(ordering: .relaxed) == 6000)
    #expect(late.load(ordering: .relaxed) == 0)
  }

  @Test func anImpossibleThreadCountIsRefused() {
    #expect(throws: ResNetError.self) { try Engine.setThreads(-1) }
    #expect(throws: ResNetError.self) { try Engine.setThreads(ThreadPool.maximumThreads + 1) }
  }
}
