import Testing

@testable import ResNet

@Suite struct RandomOrderTests {
  @Test(arguments: [0, 1, 2, 3, 1000])
  func orderIsAPermutation(_ count: Int) {
    #expect(shuffledIndices(count: count, seed: 1, epoch: 0).sorted() == Array(0..<count))
  }

  @Test func orderDependsOnSeedAndEpoch() {
    let order = shuffledIndices(count: 100, seed: 1, epoch: 0)
    #expect(order == shuffledIndices(count: 100, seed: 1, epoch: 0))
    #expect(order != shuffledIndices(count: 100, seed: 1, epoch: 1))
    #expect(order != shuffledIndices(count: 100, seed: 2, epoch: 0))
    #expect(order != Array(0..<100))
  }

  @Test func everyPermutationIsEquallyLikely() {
    var counts: [[Int]: Int] = [:]
    for epoch in 0..<24_000 {
      counts[shuffledIndices(count: 4, seed: 9, epoch: epoch), default: 0] += 1
    }
    #expect(counts.count == 24)
    // Each is expected 1000 times; the standard deviation is about 31.
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 160 })
  }
}
