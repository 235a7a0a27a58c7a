import ResNet
import Testing

@Suite("The networks that the paper compares with")
struct NetworkComparatorTests {
  @Test(
    "Parameters are the published ones",
    arguments: [
      ("vgg16", 138_357_544), ("vgg19", 143_667_240),
      // torchvision's, whose convolutions keep their biases.
      ("vgg16-bn", 138_365_992), ("vgg19-bn", 143_678_248),
    ])
  func parametersOfVGG(name: String, expected: Int) throws {
    #expect(try Graph(.preset(name)).parameterCount == expected)
  }

  @Test("Parameters are the published ones, to the precision published")
  func parametersForCIFAR() throws {
    for (name, millions) in [("highway19", 2.3), ("fitnet19", 2.5)] {
      let count = try Graph(.preset(name)).parameterCount
      #expect((Double(count) / 1e5).rounded() == millions * 10, "\(name): \(count)")
    }
    let count = try Graph(.preset("highway32")).parameterCount
    #expect((Double(count) / 1e4).rounded() == 126, "\(count)")
  }

  @Test("The parameters of the 19-layer highway network are those added up by hand")
  func parametersOfHighway19() throws {
    func conv(_ inputs: Int, _ outputs: Int) -> Int { 9 * inputs * outputs + outputs }
    let layers = 4 * 2 * conv(32, 32) + 5 * 2 * conv(80, 80) + 5 * 2 * conv(128, 128)
    let plain = conv(3, 32) + conv(32, 80) + conv(80, 128)
    let head = (128 * 100 + 100) + (100 * 10 + 10)
    #expect(try Graph(.preset("highway19")).parameterCount == layers + plain + head)
  }

  @Test(
    "Multiply-adds at 224x224 are the published ones",
    arguments: [("vgg16", 15.3e9, 15_346_630_656), ("vgg19", 19.6e9, 19_508_428_800)])
  func multiplyAdds(name: String, published: Double, convolutions: Int) throws {
    let network = try Network.preset(name)
    let count = try Graph(network).multiplyAdds(input: network.publishedExtent)
    let connected = 25_088 * 4096 + 4096 * 4096 + 4096 * 1000
    #expect(count == convolutions + connected)
    // The paper's figure for VGG-16 is that of the convolutions alone, for VGG-19 that of all.
    #expect(
      abs(Double(count) - published) < 0.1e9 || abs(Double(convolutions) - published) < 0.1e9)
  }

  @Test(
    "The number in a name is the number of weighted layers",
    arguments: [
      "vgg16", "vgg19", "vgg16-bn", "vgg19-bn", "highway19", "highway32", "fitnet19",
    ])
  func weightedLayers(name: String) throws {
    let network = try Network.preset(name)
    #expect(try Graph(network).weightedLayers == Int(name.filter(\.isNumber)))
    #expect(network.name == name)
    let isVGG = name.hasPrefix("vgg")
    let side = isVGG ? 224 : 32
    #expect(network.publishedExtent == Extent(height: side, width: side))
    #expect(network.classes == (isVGG ? 1000 : 10))
    let family = isVGG ? Network.Family.imageNet : .cifar
    #expect(try Network.preset("\(family.rawValue)-\(name)") == network)
    #expect(try Network.preset(name, family: family) == network)
    expectNetworkError(.notFound, name) {
      _ = try Network.preset(name, family: isVGG ? .cifar : .imageNet)
    }
  }

  @Test("Only the numbers of classes and input channels can be changed")
  func options() throws {
    var expected = try Network.preset("vgg16")
    (expected.classes, expected.inputChannels) = (7, 1)
    #expect(try Network.preset("vgg16", classes: 7, inputChannels: 1) == expected)
    let changes: [() throws -> Network] = [
      { try .preset("vgg16", baseWidth: 8) }, { try .preset("fitnet19", stem: .cifar) },
      { try .preset("highway19", shortcut: .a) }, { try .preset("vgg16", stemPool: .ceil) },
      { try .preset("vgg16", bottleneckStride: .conv3x3) },
      { try .preset("vgg16", zeroChannels: .split) },
    ]
    for change in changes {
      expectNetworkError(.invalidArgument, "only the numbers of classes") { _ = try change() }
    }
    expectNetworkError(.invalidArgument, "0 classes") {
      _ = try Network.preset("vgg16", classes: 0)
    }
  }

  /// Names of a network's tensors with their shapes.
  private func tensors(_ network: Network) throws -> [String] {
    ParameterLayout(try Graph(network)).tensors.map { tensor in
      "\(tensor.name) \(tensor.shape.map(String.init).joined(separator: "x"))"
    }
  }

  @Test("VGG's tensors have torchvision's names")
  func namesOfVGG() throws {
    let names = try tensors(.preset("vgg16"))
    let convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    #expect(
      names.map { $0.prefix { $0 != " " } }
        == (convolutions.map { "features.\($0)" } + [0, 3, 6].map { "classifier.\($0)" })
        .flatMap { ["\($0).weight", "\($0).bias"] })
    #expect(names.contains("features.28.weight 512x512x3x3"))
    #expect(names.suffix(6).contains("classifier.0.weight 4096x25088"))
    #expect(names.suffix(1) == ["classifier.6.bias 1000"])

    let normalized = try tensors(.preset("vgg16-bn"))
    #expect(
      normalized.prefix(7) == [
        "features.0.weight 64x3x3x3", "features.0.bias 64", "features.1.weight 64",
        "features.1.bias 64", "features.1.running_mean 64", "features.1.running_var 64",
        "features.3.weight 64x64x3x3",
      ])
    #expect(normalized.contains("features.40.weight 512x512x3x3"))
  }

  @Test("Tensors of perceptrons and highway layers")
  func namesOfOthers() throws {
    let perceptron = Network(
      inputChannels: 5, stem: .vector, stemWidth: 8, block: .init([.init(kernel: 1)]),
      stages: [.init(blocks: 1, width: 9, stride: 1)], shortcut: .b, classes: 2)
    func normalized(_ name: String, _ channels: Int) -> [String] {
      ["weight", "bias", "running_mean", "running_var"].map { "\(name).\($0) \(channels)" }
    }
    #expect(
      try tensors(perceptron) == ["fc1.weight 8x5"] + normalized("bn1", 8)
        + ["layer1.0.fc1.weight 9x8"] + normalized("layer1.0.bn1", 9)
        + ["layer1.0.downsample.0.weight 9x8"] + normalized("layer1.0.downsample.1", 9)
        + ["fc.weight 2x9", "fc.bias 2"])
    #expect(perceptron.publishedExtent == Extent(height: 1, width: 1))
    #expect(try Graph(perceptron).weightedLayers == 3)

    let highway = try tensors(.preset("highway19"))
    #expect(
      highway.prefix(6) == [
        "conv1.weight 32x3x3x3", "conv1.bias 32", "layer1.0.conv1.weight 32x32x3x3",
        "layer1.0.conv1.bias 32", "layer1.0.gate.weight 32x32x3x3", "layer1.0.gate.bias 32",
      ])
    // The first layer of a stage changes dimensions.
    #expect(!highway.contains { $0.hasPrefix("layer2.0.gate") })
    #expect(highway.contains("hidden1.weight 100x128"))
  }

  @Test("Images of any size from 32 on, and the positions of VGG's head on them")
  func extents() throws {
    let network = try Network.preset("vgg16")
    let graph = try Graph(network)
    for (side, positions) in [(32, 1), (100, 1), (224, 1), (255, 1), (256, 2), (640, 14)] {
      let extents = try graph.extents(input: Extent(height: side, width: side))
      let index = try #require(graph.layers.firstIndex { $0.name == "classifier.0" })
      #expect(extents[index] == Extent(height: positions, width: positions), "\(side)")
      #expect(extents.last == Extent(height: 1, width: 1))
    }
    for name in ["resnet18", "resnet50", "plain34", "vgg19-bn"] {
      _ = try Graph(.preset(name)).extents(input: Extent(height: 32, width: 32))
    }
    expectNetworkError(.shapeMismatch, "layer5.maxpool", "2x2") {
      var named = network
      named.shortcut = .a
      named.stages[0].width = 3
      named.inputChannels = 3
      _ = try Graph(named).extents(input: Extent(height: 31, width: 31))
    }
  }

  @Test("A summary tells of poolings, patches, gates and maxout units")
  func summary() throws {
    let vgg = try Network.preset("vgg16").summary()
    for text in ["7x7 patches as vectors", "25088x1x1", "138,357,544", "features.4", "16 weighted"]
    {
      #expect(vgg.contains(text), "\(text)")
    }
    #expect(try Network.preset("highway19").summary().contains("highway gate"))
    #expect(try Network.preset("fitnet19").summary().contains("3x3 conv, maxout of 2"))
  }

  @Test("Gates start nearly closed, other biases at 0")
  func initialBiases() throws {
    let network = Network(
      stem: .cifar, stemWidth: 4, block: .init([.init(kernel: 3)]),
      stages: [.init(blocks: 1, width: 4, stride: 1)], shortcut: .gate, affine: .bias, hidden: [3],
      classes: 2)
    let model = try Model(network, seed: 1)
    for tensor in model.layout.tensors where tensor.kind == .bias {
      let expected: Float = tensor.name == "layer1.0.gate.bias" ? -2 : 0
      #expect(try model.tensor(named: tensor.name).allSatisfy { $0 == expected }, "\(tensor.name)")
    }
  }
}
