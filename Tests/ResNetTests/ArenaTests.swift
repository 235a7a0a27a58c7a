import Testing

@testable import ResNet

@Suite("Arena: buffers needed at the same time never overlap")
struct ArenaTests {
  /// Buffers of pseudo-random sizes and lifetimes.
  private func example(_ count: Int, seed: UInt64) -> (
    planner: ArenaPlanner, buffers: [(buffer: Buffer, floats: Int, times: ClosedRange<Int>)]
  ) {
    var random = Philox(seed: seed, stream: .order)
    var planner = ArenaPlanner()
    var buffers: [(buffer: Buffer, floats: Int, times: ClosedRange<Int>)] = []
    for _ in 0..<count {
      let floats = 1 + random.integer(below: 1000)
      let first = random.integer(below: 40)
      let last = first + random.integer(below: 10)
      let buffer = planner.buffer(floats: floats, at: first)
      planner.use(buffer, at: last)
      buffers.append((buffer, floats, first...last))
    }
    return (planner, buffers)
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func overlappingLifetimesGetDisjointAlignedMemory(seed: UInt64) throws {
    let (planner, buffers) = example(120, seed: seed)
    let arena = try Arena(ArenaLayout(planner, scratchFloats: 10, workers: 3))
    for (index, one) in buffers.enumerated() {
      #expect(UInt(bitPattern: arena[one.buffer]) % 64 == 0)
      for other in buffers[(index + 1)...] where one.times.overlaps(other.times) {
        let apart =
          arena[one.buffer] + one.floats <= arena[other.buffer]
          || arena[other.buffer] + other.floats <= arena[one.buffer]
        #expect(apart)
      }
    }
  }

  @Test func buffersOfDisjointLifetimesShareMemory() {
    var planner = ArenaPlanner()
    for time in 0..<10 { _ = planner.buffer(floats: 1000, at: time) }
    #expect(planner.solve().floats == 1008)
  }

  @Test func memoryIsCloseToTheMostThatIsNeededAtOnce() {
    let (planner, buffers) = example(300, seed: 9)
    let needed =
      (0..<50).map { time in
        buffers.filter { $0.times.contains(time) }.reduce(0) { $0 + $1.floats }
      }.max() ?? 0
    #expect(planner.solve().floats < needed * 5 / 4 + 16 * buffers.count)
  }

  @Test func everyThreadHasScratchOfItsOwn() throws {
    let arena = try Arena(ArenaLayout(ArenaPlanner(), scratchFloats: 5000, workers: 4))
    for worker in 1..<4 {
      #expect(arena.scratch(worker) - arena.scratch(worker - 1) >= 5000 + 16)
    }
  }
}
