import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct TrainingExactStatisticsTests {
  private static func model() throws -> Model {
    let model = try Model(TrainingSupport.network(), seed: 2)
    try model.setNormalization(Normalization(mean: [90, 90, 90], scale: [0.02, 0.02, 0.02]))
    return model
  }

  private static func statistics(_ model: Model) throws -> [String: [Float]] {
    try model.layout.tensors.filter { !$0.kind.isTrainable }
      .reduce(into: [:]) { $0[$1.name] = try model.tensor(named: $1.name) }
  }

  /// A step at rate 0 leaves 0.9 old + 0.1 batch behind.
  @Test func ofOneBatchTheyAreThatBatchs() throws {
    let (images, labels) = try TrainingSupport.images(count: 24)
    let twin = try Self.model()
    let old = try Self.statistics(twin)
    var options = SGDOptions()
    options.learningRate = 0
    try Trainer(twin, options: options).step(images, labels: labels)
    let stepped = try Self.statistics(twin)

    let model = try Self.model()
    try model.recomputeStatistics(on: TrainingSupport.data(count: 24), batchSize: 24)
    for (name, values) in try Self.statistics(model) {
      let before = try #require(old[name])
      let after = try #require(stepped[name])
      for index in values.indices {
        let batch = (after[index] - 0.9 * before[index]) / 0.1
        #expect(abs(values[index] - batch) <= 2e-5 * max(1, abs(batch)), "\(name)[\(index)]")
      }
    }
  }

  /// What the first layer sees does not depend on batches; sums of its outputs over all images are
  /// its statistics, however they are cut.
  @Test(arguments: [2, 3, 8, 24])
  func theFirstLayersArePooledOverAllBatches(_ size: Int) throws {
    let data = try TrainingSupport.data(count: 48)
    let (whole, cut) = (try Self.model(), try Self.model())
    try whole.recomputeStatistics(on: data, batchSize: 48)
    try cut.recomputeStatistics(on: data, batchSize: size, seed: 7)
    for name in ["bn1.running_mean", "bn1.running_var"] {
      for (a, b) in zip(try whole.tensor(named: name), try cut.tensor(named: name)) {
        #expect(abs(a - b) <= 1e-5 * max(1, abs(a)), "\(name): \(a), \(b)")
      }
    }
  }

  @Test(arguments: [(48, 48), (150, 75), (131, 65)])
  func theBatchesLeaveTheFewestImagesOut(_ count: Int, _ size: Int) throws {
    let data = try TrainingSupport.data(count: count)
    let (chosen, given) = (try Self.model(), try Self.model())
    let used = try chosen.recomputeStatistics(on: data)
    #expect(used == count / size * size)
    #expect(try given.recomputeStatistics(on: data, batchSize: size) == used)
    #expect(try TrainingSupport.bits(chosen) == TrainingSupport.bits(given))
  }

  @Test func onlyStatisticsChangeAndRunningSeesThem() throws {
    let data = try TrainingSupport.data(count: 32)
    let (images, _) = try TrainingSupport.images(count: 4)
    let (model, again) = (try Self.model(), try Self.model())
    let scores = try model.logits(images)
    try model.recomputeStatistics(on: data, batchSize: 8, images: 20, seed: 3)
    try again.recomputeStatistics(on: data, batchSize: 8, images: 16, seed: 3)
    // Of 20 images two batches are full.
    #expect(try TrainingSupport.bits(model) == TrainingSupport.bits(again))
    let fresh = try Self.model()
    for tensor in model.layout.tensors where tensor.kind.isTrainable {
      #expect(try model.tensor(named: tensor.name) == fresh.tensor(named: tensor.name))
    }
    #expect(try model.logits(images) != scores)
  }

  @Test func whatDoesNotFitChangesNothing() throws {
    let model = try Self.model()
    let before = try TrainingSupport.bits(model)
    let data = try TrainingSupport.data(count: 8)
    for (size, images) in [(9, nil), (0, nil), (-1, nil), (4, 3), (4, 0)] as [(Int, Int?)] {
      let error = thrownError {
        try model.recomputeStatistics(on: data, batchSize: size, images: images)
      }
      #expect(error?.kind == .invalidArgument)
    }
    let grey = try Model(TrainingSupport.network(channels: 1), seed: 1)
    #expect(
      thrownError { try grey.recomputeStatistics(on: data, batchSize: 4) }?.kind == .shapeMismatch)
    #expect(try TrainingSupport.bits(model) == before)

    let weights = try model.tensor(named: "layer2.0.conv1.weight")
    try model.setTensor(
      named: "layer2.0.conv1.weight", to: weights.map { _ in .greatestFiniteMagnitude })
    let huge = try TrainingSupport.bits(model)
    let error = thrownError { try model.recomputeStatistics(on: data, batchSize: 4) }
    #expect(error?.kind == .notFinite)
    #expect(try TrainingSupport.bits(model) == huge)
  }
}
