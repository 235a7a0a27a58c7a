import Testing

@testable import ResNet
@testable import ResNetData

/// Layer responses against the reference's outputs.
@Suite struct ResponseTests {
  /// As the evaluation reads them: what is left of several batches is one of its own.
  private static func data(_ test: ReferenceCase) throws -> ImageDataset {
    try ImageDataset(
      try test.images(), labels: [Int](repeating: 0, count: test.count),
      classes: test.network.classes)
  }

  @Test(
    "The standard deviation of every BN's output agrees with the reference",
    arguments: [
      InferenceCases.cifar[1], InferenceCases.cifar[4], InferenceCases.cifar[5],
      InferenceCases.imageNet[1], InferenceCases.imageNet[6], GradientCases.blocks[6],
      GradientCases.vectors[0], GradientCases.comparators[1], GradientCases.comparators[7],
    ])
  func everyLayer(_ test: ReferenceCase) throws {
    let model = try test.model()
    let run = try ReferenceNetwork(model).run(
      ReferenceNetwork.Maps(try test.images(), model.normalization), count: test.count,
      statistics: .running)
    let responses = try model.responses(try Self.data(test))
    #expect(
      responses.map(\.name)
        == model.graph.layers.filter { $0.operation == .batchNorm }.map(\.name))
    for response in responses {
      let values = run.outputs[try model.graph.layer(named: response.name)].values
      let mean = values.reduce(0, +) / Double(values.count)
      let variance =
        values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      #expect(
        abs(response.standardDeviation / variance.squareRoot() - 1) < 1e-5, "\(response.name)")
    }
    let kernel =
      switch test.network.stem {
      case .imageNet: 7
      case .cifar, .none: 3
      case .vector: 1
      }
    #expect(responses.first?.kernel == kernel)
  }

  @Test("Responses over several batches are those of all images, on any number of threads")
  func batches() throws {
    defer { try? Engine.setThreads(0) }
    let data = try TrainingSupport.data(count: 300)
    let model = try Model(TrainingSupport.network(), seed: 2)
    try model.setNormalization(Normalization(mean: [80, 90, 100], scale: [0.02, 0.02, 0.02]))
    let (images, _) = try TrainingSupport.images(count: 300)
    let scores = try model.logits(images)
    try Engine.setThreads(1)
    let responses = try model.responses(data)
    for response in responses {
      let values = try model.features(images, layer: response.name).values.map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      let variance =
        values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      #expect(abs(response.standardDeviation / variance.squareRoot() - 1) < 1e-5)
    }
    for threads in [2, 3, 7] {
      try Engine.setThreads(threads)
      #expect(try model.responses(data) == responses)
    }
    #expect(try model.logits(images) == scores, "nothing has changed")
  }

  @Test func dataThatDoNotFitAreRefused() throws {
    let model = try Model(TrainingSupport.network(channels: 1), seed: 2)
    let data = try TrainingSupport.data(count: 2)
    let refusal = thrownError { try model.responses(data) }
    #expect(refusal?.kind == .shapeMismatch)
  }
}
