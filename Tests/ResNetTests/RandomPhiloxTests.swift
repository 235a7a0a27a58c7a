import Testing

@testable import ResNet

@Suite struct RandomPhiloxTests {
  /// The known answers that Random123 publishes for philox4x32 with 10 rounds.
  @Test(arguments: [
    (
      counter: SIMD4<UInt32>(0, 0, 0, 0), key: SIMD2<UInt32>(0, 0),
      answer: SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
    ),
    (
      counter: SIMD4<UInt32>(repeating: .max), key: SIMD2<UInt32>(repeating: .max),
      answer: SIMD4<UInt32>(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
    ),
    (
      counter: SIMD4<UInt32>(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
      key: SIMD2<UInt32>(0xa409_3822, 0x299f_31d0),
      answer: SIMD4<UInt32>(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
    ),
  ])
  func knownAnswers(
    _ vector: (counter: SIMD4<UInt32>, key: SIMD2<UInt32>, answer: SIMD4<UInt32>)
  ) {
    #expect(Philox.block(counter: vector.counter, key: vector.key) == vector.answer)
  }

  /// Saved runs can only be repeated as long as this stays.
  @Test func sequenceIsTheBlocksOfItsCounters() {
    let seed: UInt64 = 0x0123_4567_89ab_cdef
    var random = Philox(seed: seed, stream: .augmentation, epoch: 7, index: 5 << 32 | 9)
    for block in 0..<3 {
      let expected = Philox.block(
        counter: SIMD4(UInt32(block), 9, 7, 5 << 8 | 2),
        key: SIMD2(0x89ab_cdef, 0x0123_4567))
      for word in 0..<4 { #expect(random.next() == expected[word]) }
    }
  }

  @Test func sequencesDifferByEveryPartOfTheirKey() {
    func start(
      _ seed: UInt64, _ stream: RandomStream, _ epoch: Int, _ index: Int
    ) -> [UInt32] {
      var random = Philox(seed: seed, stream: stream, epoch: epoch, index: index)
      return (0..<4).map { _ in random.next() }
    }
    let sequences = [
      start(1, .weights, 0, 0), start(2, .weights, 0, 0), start(1 << 32, .weights, 0, 0),
      start(1, .order, 0, 0), start(1, .augmentation, 0, 0), start(1, .weights, 1, 0),
      start(1, .weights, 0, 1), start(1, .weights, 0, 1 << 32),
    ]
    #expect(Set(sequences).count == sequences.count)
    #expect(start(1, .order, 3, 4) == start(1, .order, 3, 4))
  }

  @Test(arguments: [1, 2, 3, 9, 1000])
  func integersAreUniformBelowTheirBound(_ bound: Int) {
    var random = Philox(seed: 3, stream: .order, index: bound)
    let draws = 100 * max(bound, 100)
    var counts = [Int](repeating: 0, count: bound)
    for _ in 0..<draws { counts[random.integer(below: bound)] += 1 }
    // Chi-squared: its mean is bound - 1 and its deviation sqrt(2 (bound - 1)); 5 of these are
    // far outside chance.
    let expected = Double(draws) / Double(bound)
    let chiSquared = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) }
    let freedom = Double(bound - 1)
    #expect(chiSquared / expected <= freedom + 5 * (2 * freedom).squareRoot())
  }

  @Test func integersReachAcrossLargeBounds() {
    var random = Philox(seed: 3, stream: .order)
    let values = (0..<1000).map { _ in random.integer(below: 1 << 60) }
    #expect(values.allSatisfy { (0..<1 << 60).contains($0) })
    #expect(values.contains { $0 > 1 << 59 } && values.contains { $0 < 1 << 59 })
  }

  @Test func normalNumbersHaveTheMomentsOfTheNormalDistribution() {
    var random = Philox(seed: 5, stream: .weights)
    let count = 200_000
    var values: [Double] = []
    var products = 0.0
    for _ in 0..<count / 2 {
      let (first, second) = random.normals()
      values += [first, second]
      products += first * second
    }
    func moment(_ power: Int) -> Double {
      values.reduce(0) { sum, value in
        sum + (0..<power).reduce(1) { product, _ in product * value }
      } / Double(count)
    }
    // Five standard errors each: the variances of the sample moments are 1, 2, 15 and 96 over n.
    let n = Double(count)
    #expect(abs(moment(1)) < 5 * (1 / n).squareRoot())
    #expect(abs(moment(2) - 1) < 5 * (2 / n).squareRoot())
    #expect(abs(moment(3)) < 5 * (15 / n).squareRoot())
    #expect(abs(moment(4) - 3) < 5 * (96 / n).squareRoot())
    #expect(abs(products / (n / 2)) < 5 * (2 / n).squareRoot())
  }
}
