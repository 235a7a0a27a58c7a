import ResNet
import Testing

@Suite("A network is lowered to the layers of the paper's figures")
struct NetworkLoweringTests {
  @Test("A basic block is 3x3, BN, ReLU, 3x3, BN, addition, ReLU")
  func basicBlock() throws {
    let graph = try Graph(smallNetwork())
    #expect(
      graph.layers.map(\.name) == [
        "input", "conv1", "bn1", "relu", "layer1.0.conv1", "layer1.0.bn1", "layer1.0.relu1",
        "layer1.0.conv2", "layer1.0.bn2", "layer1.0.add", "layer1.0.relu", "avgpool", "fc",
      ])
    let conv = Graph.Operation.convolution(kernel: 3, stride: 1, padding: 1)
    #expect(
      graph.layers.map(\.operation) == [
        .input, conv, .batchNorm, .relu, conv, .batchNorm, .relu, conv, .batchNorm, .add, .relu,
        .globalAveragePool, .linear(),
      ])
    #expect(
      graph.layers.map(\.channels) == [3, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 10])
    // Everything reads its predecessor, but the addition also the block's input.
    for (index, layer) in graph.layers.enumerated().dropFirst() {
      #expect(layer.inputs == (layer.operation == .add ? [index - 1, 3] : [index - 1]))
    }
  }

  @Test(
    "A bottleneck is 1x1, 3x3, 1x1 to four times the width, its stride on the 1x1 or the 3x3",
    arguments: zip(Network.BottleneckStride.allCases, [[2, 1, 1], [1, 2, 1]]))
  func bottleneck(choice: Network.BottleneckStride, strides: [Int]) throws {
    let graph = try Graph(
      smallNetwork(
        block: .bottleneck, stages: [.init(blocks: 2, width: 8, stride: 2)],
        bottleneckStride: choice))
    for (index, (kernel, channels)) in [(1, 8), (3, 8), (1, 32)].enumerated() {
      let first = try graph.layer("layer1.0.conv\(index + 1)")
      #expect(
        first.operation
          == .convolution(kernel: kernel, stride: strides[index], padding: kernel / 2))
      #expect(first.channels == channels)
      let second = try graph.layer("layer1.1.conv\(index + 1)")
      #expect(second.operation == .convolution(kernel: kernel, stride: 1, padding: kernel / 2))
      #expect(second.channels == channels)
    }
    let projection = try graph.layer("layer1.0.downsample.0")
    #expect(projection.operation == .convolution(kernel: 1, stride: 2, padding: 0))
    #expect(projection.channels == 32)
    #expect(try graph.inputs(of: "layer1.0.add") == ["layer1.0.bn3", "layer1.0.downsample.1"])
    #expect(try graph.inputs(of: "layer1.1.add") == ["layer1.1.bn3", "layer1.0.relu"])
    #expect(try graph.inputs(of: "layer1.1.conv2") == ["layer1.1.relu1"])
    #expect(try graph.inputs(of: "layer1.1.conv3") == ["layer1.1.relu2"])
  }

  @Test("The ImageNet stem is a 7x7 convolution at stride 2 and 3x3 max-pooling at stride 2")
  func imageNetStem() throws {
    let graph = try Graph(smallNetwork(stem: .imageNet))
    #expect(
      graph.layers.prefix(5).map(\.operation) == [
        .input, .convolution(kernel: 7, stride: 2, padding: 3), .batchNorm, .relu,
        .maxPool(kernel: 3, stride: 2, padding: 1),
      ])
    #expect(try graph.inputs(of: "layer1.0.conv1") == ["maxpool"])
    let rounded = try Graph(smallNetwork(stem: .imageNet, stemPool: .ceil))
    #expect(
      try rounded.layer("maxpool").operation
        == .maxPool(kernel: 3, stride: 2, padding: 0, ceil: true))
  }

  @Test("Shortcut A is the identity, subsampled and padded with zero channels where those change")
  func shortcutA() throws {
    let graph = try Graph(.preset("resnet20"))
    #expect(try graph.inputs(of: "layer1.0.add") == ["layer1.0.bn2", "relu"])
    #expect(try graph.inputs(of: "layer2.0.add") == ["layer2.0.bn2", "layer2.0.shortcut"])
    #expect(try graph.inputs(of: "layer2.0.shortcut") == ["layer1.2.relu"])
    #expect(
      try graph.layer("layer2.0.shortcut").operation == .padShortcut(stride: 2, zerosBefore: 0))
    #expect(try graph.layer("layer2.0.shortcut").channels == 32)
    #expect(graph.layers.count { $0.name.hasSuffix("shortcut") } == 2)
    #expect(graph.layers.allSatisfy { !$0.name.contains("downsample") })
  }

  @Test("Shortcut A also pads where the extent stays, and subsamples where the channels stay")
  func shortcutAPartly() throws {
    let graph = try Graph(
      smallNetwork(
        stages: [.init(blocks: 1, width: 24, stride: 1), .init(blocks: 1, width: 24, stride: 2)],
        shortcut: .a, zeroChannels: .split))
    #expect(
      try graph.layer("layer1.0.shortcut").operation == .padShortcut(stride: 1, zerosBefore: 4))
    #expect(
      try graph.layer("layer2.0.shortcut").operation == .padShortcut(stride: 2, zerosBefore: 0))
  }

  @Test("Zero channels may be split half before, half after the old ones")
  func splitZeros() throws {
    let graph = try Graph(.preset("resnet20", zeroChannels: .split))
    #expect(
      try graph.layer("layer2.0.shortcut").operation == .padShortcut(stride: 2, zerosBefore: 8))
    #expect(
      try graph.layer("layer3.0.shortcut").operation == .padShortcut(stride: 2, zerosBefore: 16))
  }

  @Test("Shortcut B projects where dimensions change, and C in every block")
  func projections() throws {
    func projections(_ graph: Graph) -> [String] {
      graph.layers.map(\.name).filter { $0.hasSuffix("downsample.0") }
    }
    #expect(
      try projections(Graph(.preset("resnet20", shortcut: .b)))
        == ["layer2.0.downsample.0", "layer3.0.downsample.0"])
    // Channels change in the first stage of bottlenecks, though the extent does not.
    let resnet50 = try Graph(.preset("resnet50"))
    #expect(projections(resnet50) == (1...4).map { "layer\($0).0.downsample.0" })
    #expect(
      try resnet50.layer("layer1.0.downsample.0").operation
        == .convolution(kernel: 1, stride: 1, padding: 0))
    let all = try Graph(.preset("resnet20", shortcut: .c))
    #expect(
      projections(all)
        == (1...3).flatMap { stage in (0..<3).map { "layer\(stage).\($0).downsample.0" } })
    #expect(
      try all.layer("layer1.1.downsample.0").operation
        == .convolution(kernel: 1, stride: 1, padding: 0))
  }

  @Test("A plain network is the same stack without shortcuts")
  func plain() throws {
    let plain = try Graph(.preset("plain20"))
    let residual = try Graph(.preset("resnet20"))
    let shared = residual.layers.filter { layer in
      layer.operation != .add && !layer.name.hasSuffix("shortcut")
    }
    #expect(plain.layers.map(\.name) == shared.map(\.name))
    #expect(plain.layers.map(\.operation) == shared.map(\.operation))
    #expect(plain.layers.map(\.channels) == shared.map(\.channels))
    for index in plain.layers.indices.dropFirst() {
      #expect(plain.layers[index].inputs == [index - 1])
    }
  }

  @Test("Layers come after the layers that they read, and their names are unique")
  func order() throws {
    for name in ["resnet152", "plain34", "resnet1202", "resnet20"] {
      let graph = try Graph(.preset(name))
      for (index, layer) in graph.layers.enumerated() {
        #expect(layer.inputs.allSatisfy { $0 < index })
      }
      #expect(Set(graph.layers.map(\.name)).count == graph.layers.count)
    }
  }
}
