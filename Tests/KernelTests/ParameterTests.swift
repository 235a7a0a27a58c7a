import CKernels
import Testing

@Suite struct ParameterTests {
  @Test(arguments: InstructionSet.available)
  func sgdMatchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for n in [0, 1, 15, 16, 17, 100] {
      var random = Random(12)
      let (w, g, v) = (random.floats(n), random.floats(n), random.floats(n))
      let (weights, gradients, velocities) = (Buffer(w), Buffer(g), Buffer(v))
      let (rate, momentum, decay): (Float, Float, Float) = (0.1, 0.9, 0.01)
      kernels.sgd(
        weights.pointer, gradients.pointer, velocities.pointer, Int64(n), rate, momentum, decay)
      #expect(weights.isIntact && velocities.isIntact && gradients.values == g)
      for i in 0..<n {
        let velocity =
          Double(momentum) * Double(v[i])
          + Double(rate) * (Double(g[i]) + Double(decay) * Double(w[i]))
        #expect(abs(Double(velocities.pointer[i]) - velocity) <= 2e-7)
        #expect(abs(Double(weights.pointer[i]) - (Double(w[i]) - velocity)) <= 4e-7)
      }
    }
  }

  /// A parameter's update must not depend on where in an array it stands.
  @Test(arguments: InstructionSet.available)
  func sgdGivesTheSameBitsAnywhere(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    var random = Random(13)
    let (w, g, v) = (random.floats(50), random.floats(50), random.floats(50))
    let (weights, velocities) = (Buffer(w), Buffer(v))
    kernels.sgd(weights.pointer, g, velocities.pointer, 50, 0.1, 0.9, 1e-4)
    for i in 0..<50 {
      let (weight, velocity) = (Buffer([w[i]]), Buffer([v[i]]))
      kernels.sgd(weight.pointer, [g[i]], velocity.pointer, 1, 0.1, 0.9, 1e-4)
      #expect(weight.bits == [weights.bits[i]] && velocity.bits == [velocities.bits[i]])
    }
  }

  /// Slots of different sizes merge to the mean and biased variance of all their values, also when
  /// the mean is large beside the deviations.
  @Test func statisticsMerge() {
    var random = Random(14)
    let (slots, padded, channel) = (7, 32, 17)
    let counts: [Int64] = [5, 1, 0, 5, 1, 0, 5]
    var statistics = [Float](repeating: .nan, count: slots * 2 * padded)
    var all: [Double] = []
    for slot in 0..<slots {
      let count = Int(counts[slot])
      guard count > 0 else { continue }
      let values = random.floats(count).map { Double($0) + 1000 }
      // As float32 holds them, since that is what is merged.
      let mean = Float(values.reduce(0, +) / Double(count))
      let deviation = Float(values.reduce(0) { $0 + ($1 - Double(mean)) * ($1 - Double(mean)) })
      statistics[slot * 2 * padded + channel] = mean
      statistics[(slot * 2 + 1) * padded + channel] = deviation
      all += values
    }
    var (mean, variance) = (0.0, 0.0)
    rk_merge_statistics(
      statistics, Int64(slots), counts, Int64(padded), Int64(channel), &mean, &variance)
    let expectedMean = all.reduce(0, +) / Double(all.count)
    let squares = all.reduce(0) { $0 + ($1 - expectedMean) * ($1 - expectedMean) }
    #expect(abs(mean - expectedMean) <= 1e-4)
    #expect(abs(variance - squares / Double(all.count)) <= 1e-4)
  }
}
