import Testing

@testable import ResNet

/// Every layer's output against the reference.
@Suite struct FeatureTests {
  static let cases =
    [
      InferenceCases.cifar[1], InferenceCases.cifar[4], InferenceCases.cifar[8],
      InferenceCases.imageNet[1], InferenceCases.imageNet[6],
    ] + GradientCases.blocks + GradientCases.vectors + GradientCases.comparators

  @Test("Every layer's output agrees with the reference", arguments: cases)
  func everyLayer(_ test: ReferenceCase) throws {
    let model = try test.model()
    let images = try test.images()
    let run = try ReferenceNetwork(model).run(
      ReferenceNetwork.Maps(images, model.normalization), count: test.count, statistics: .running)
    let extents = try model.graph.extents(input: test.extent)
    for (index, layer) in model.graph.layers.enumerated() {
      let features = try model.features(images, layer: layer.name)
      #expect(features.count == test.count && features.shape.channels == layer.channels)
      let isVector =
        model.graph.areVectors[index] && extents[index] == Extent(height: 1, width: 1)
      #expect(features.shape.extent == (isVector ? nil : extents[index]), "\(layer.name)")
      #expect(features.values.count == run.outputs[index].values.count, "\(layer.name)")
      let error = relativeError(features.values.map(Double.init), run.outputs[index].values)
      #expect(error <= InferenceTests.tolerance, "\(layer.name)")
    }
    let scores = try #require(model.graph.layers.last).name
    #expect(try model.features(images, layer: scores).values == model.logits(images))
  }

  @Test("The name of a stage or block is that of its last layer")
  func groups() throws {
    let graph = try InferenceCases.imageNet[5].model().graph
    for (group, layer) in [
      ("layer3", "layer3.5.relu"), ("layer1.0", "layer1.0.relu"),
      ("layer1.0.downsample", "layer1.0.downsample.1"), ("relu", "relu"),
      ("layer2.1.conv2", "layer2.1.conv2"),
    ] {
      #expect(graph.layers[try graph.layer(named: group)].name == layer)
    }
    for name in ["", "layer", "layer5", "layer1.", "layer3.6", "fc.weight", "Layer1"] {
      let error = thrownError { _ = try graph.layer(named: name) }
      #expect(error?.kind == .notFound, "\(name)")
      #expect(error?.message.contains("\"\(name)\"") == true)
    }
  }

  @Test("Only the layers that lead to a feature must fit the images")
  func shapes() throws {
    let graph = try InferenceCases.imageNet[0].model().graph
    let input = Extent(height: 64, width: 40)
    #expect(
      try graph.featureShape("layer2", input: input)
        == FeatureShape(channels: 24, extent: Extent(height: 8, width: 5)))
    #expect(try graph.featureShape("avgpool", input: input).count == 96)
    let error = thrownError {
      _ = try graph.featureShape("layer1", input: Extent(height: 0, width: 5))
    }
    #expect(error?.kind == .shapeMismatch)
  }

  @Test("Features are the same bits on any number of threads, and between other calls")
  func sameBits() throws {
    defer { try? Engine.setThreads(0) }
    let test = InferenceCases.cifar[1]
    let images = try test.images()
    let layers = ["layer1.0.bn2", "layer2", "conv1", "avgpool"]
    try Engine.setThreads(1)
    let expected = try layers.map { try test.model().features(images, layer: $0).values }
    for threads in [2, 3, 7] {
      try Engine.setThreads(threads)
      let model = try test.model()
      let logits = try model.logits(images)
      for (layer, expected) in zip(layers, expected) {
        #expect(try model.features(images, layer: layer).values == expected, "\(layer)")
      }
      #expect(try model.logits(images) == logits)
    }
  }

  @Test("What is kept for the next call is bounded, whatever was asked for")
  func memory() throws {
    var test = InferenceCases.cifar[0]
    (test.count, test.means) = (1, .none)
    let model = try test.model()
    for side in stride(from: 8, through: 256, by: 8) {
      test.extent = Extent(height: side, width: 256)
      for layer in ["conv1", "layer1.0.bn1", "layer2", "fc"] {
        _ = try model.features(try test.images(), layer: layer)
      }
    }
    // 14 MB of activations of the largest images, scratch of some threads, and the weights as each
    // algorithm reads them.
    #expect(model.inference.bytes < 40 << 20)
    test.extent = Extent(height: 8, width: 8)
    for layer in ["conv1", "layer1", "layer2", "layer3", "fc"] {
      _ = try model.features(try test.images(), layer: layer)
    }
    #expect(model.inference.bytes < 20 << 20, "the memory of large images goes")
  }

  @Test func imagesThatDoNotFitAreRefused() throws {
    let test = InferenceCases.cifar[1]
    let model = try test.model()
    let grey = try Images(
      .float([Float](repeating: 0, count: 64)), count: 1, channels: 1, height: 8, width: 8)
    #expect(
      thrownError { _ = try model.features(grey, layer: "layer1") }?.kind == .shapeMismatch)
    let notFinite = try Images(
      .float([Float](repeating: .nan, count: 192)), count: 1, channels: 3, height: 8, width: 8)
    #expect(
      thrownError { _ = try model.features(notFinite, layer: "conv1") }?.kind == .notFinite)
  }
}
