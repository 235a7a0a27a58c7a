import Testing

@testable import ResNet
@testable import ResNetData

// In the suite that is serialized because it changes the process's number of threads.
extension DeterminismTests {
  @Test("Fitting gives the same bits with 1, 2 and 7 threads")
  func fitting() throws {
    defer { try? Engine.setThreads(0) }
    let data = try TrainingSupport.data(count: 50)
    let validation = try TrainingSupport.data(count: 30, seed: 2)
    func fit(threads: Int) throws -> (weights: [UInt32], losses: [Double]) {
      try Engine.setThreads(threads)
      let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
      let history = try trainer.fit(
        data, validation: validation,
        options: FitOptions(
          epochs: 3, batchSize: 16, augmentation: Augmentation(padding: 2, mirror: true), seed: 5))
      return (
        try TrainingSupport.bits(trainer.model),
        history.map(\.loss) + history.compactMap(\.validation?.loss)
      )
    }
    let expected = try fit(threads: 1)
    #expect(expected.losses.count == 6 && expected.losses.allSatisfy { $0.isFinite })
    for threads in [2, 7] {
      let outcome = try fit(threads: threads)
      #expect(outcome.weights == expected.weights, "\(threads) threads")
      #expect(outcome.losses == expected.losses, "\(threads) threads")
    }
  }
}
