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

  @Test func confusionAndTopFiveAreThoseOfTheLogits() throws {
    let classes = 9
    let (images, labels) = try TrainingSupport.images(count: 300)
    let model = try Model(TrainingSupport.network(classes: classes), seed: 2)
    let (metrics, confusion) = try model.evaluateByClass(try TrainingSupport.data(count: 300))
    let scores = try model.logits(images)
    var counts = [Int](repeating: 0, count: classes * classes)
    var amongFive = 0
    for (image, label) in labels.enumerated() {
      let row = scores[image * classes..<(image + 1) * classes].enumerated()
        .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.map(\.offset)
      counts[label * classes + row[0]] += 1
      if row.prefix(5).contains(label) { amongFive += 1 }
    }
    #expect(confusion.counts == counts)
    #expect(metrics.top5Accuracy == Double(amongFive) / 300)
    #expect(metrics.accuracy == Double((0..<classes).reduce(0) { $0 + confusion[$1, $1] }) / 300)
    let seen = labels.filter { $0 == labels[0] }.count
    let right = confusion[labels[0], labels[0]]
    #expect(confusion.recall(of: labels[0]) == Double(right) / Double(seen))
    #expect(confusion.recall(of: classes - 1).isNaN, "the data has no image of the last class")
  }

  @Test(arguments: [
    ([3, 1, 2] as [Float], [0, 2, 1]), ([1, 1, 1], [0, 1, 2]),
    ([Float.nan, 5, -Float.infinity], [2, 0, 1]),
  ])
  func ranks(_ scores: [Float], _ expected: [Int]) {
    let ranks = scores.indices.map { Softmax.rank(of: $0, scores, classes: scores.count) }
    #expect(ranks == expected)
  }

  @Test func aMatrixOfTooManyClassesIsRefused() throws {
    let model = try Model(
      TrainingSupport.network(classes: ConfusionMatrix.maximumClasses + 1), seed: 2)
    let data = try TrainingSupport.data(count: 2)
    let error = thrownError { _ = try model.evaluateByClass(data) }
    #expect(error?.kind == .invalidArgument && error?.message.contains("16385 classes") == true)
    #expect(try model.evaluate(data).count == 2)
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
