import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct TrainingEvaluationTests {
  @Test func metricsAreThoseOfTheLogits() throws {
    // More than one batch, and a last one that is not full.
    let (images, labels) = try TrainingSupport.images(count: 300)
    let model = try Model(TrainingSupport.network(), seed: 2)
    try model.setNormalization(
      Normalization(mean: [80, 90, 100], scale: [1 / 50, 1 / 60, 1 / 70]))
    let metrics = try model.evaluate(try TrainingSupport.data(count: 300))
    let outcome = TrainingLossTests.crossEntropy(
      try model.logits(images), labels.map { Int32($0) })
    #expect(metrics.count == 300)
    #expect(abs(metrics.loss - outcome.loss) < 1e-4)
    #expect(abs(metrics.accuracy - Double(outcome.correct) / 300) <= 1.0 / 300)
  }

  @Test func evaluatingChangesNothing() throws {
    let model = try Model(TrainingSupport.network(), seed: 2)
    let before = try TrainingSupport.bits(model)
    let data = try TrainingSupport.data(count: 20)
    let metrics = try model.evaluate(data)
    #expect(try model.evaluate(data) == metrics)
    #expect(try TrainingSupport.bits(model) == before)
  }

  @Test func dataThatDoesNotFitIsRefused() throws {
    let model = try Model(TrainingSupport.network(channels: 1), seed: 2)
    let channels = thrownError { try model.evaluate(try TrainingSupport.data(count: 2)) }
    #expect(channels?.kind == .shapeMismatch)
    #expect(
      channels?.message.contains("evaluation images have 3 channels, tiny takes 1") == true)

    let colour = try Model(TrainingSupport.network(), seed: 2)
    try colour.setNormalization(
      Normalization(
        mean: [Float](repeating: 0, count: 48), meanExtent: Extent(height: 4, width: 4)))
    let extent = thrownError { try colour.evaluate(try TrainingSupport.data(count: 2)) }
    #expect(extent?.kind == .shapeMismatch)
    #expect(extent?.message.contains("8x8") == true && extent?.message.contains("4x4") == true)
  }
}
