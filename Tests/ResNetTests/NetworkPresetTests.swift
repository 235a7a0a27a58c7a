import ResNet
import Testing

@Suite("Presets are the paper's networks by name")
struct NetworkPresetTests {
  @Test(
    "ImageNet presets have the blocks of Table 1",
    arguments: [
      ("resnet18", .basic, [2, 2, 2, 2]), ("resnet34", .basic, [3, 4, 6, 3]),
      ("resnet50", .bottleneck, [3, 4, 6, 3]), ("resnet101", .bottleneck, [3, 4, 23, 3]),
      ("resnet152", .bottleneck, [3, 8, 36, 3]), ("plain18", .basic, [2, 2, 2, 2]),
      ("plain34", .basic, [3, 4, 6, 3]),
    ] as [(String, Network.Block, [Int])])
  func imageNet(name: String, block: Network.Block, blocks: [Int]) throws {
    let network = try Network.preset(name)
    let expected = Network(
      name: name, inputChannels: 3, stem: .imageNet, stemWidth: 64, block: block,
      stages: zip(blocks, [(64, 1), (128, 2), (256, 2), (512, 2)]).map {
        Network.Stage(blocks: $0, width: $1.0, stride: $1.1)
      },
      shortcut: name.hasPrefix("plain") ? Network.Shortcut.none : .b, classes: 1000)
    #expect(network == expected)
    #expect(network.publishedExtent == Extent(height: 224, width: 224))
  }

  @Test(
    "CIFAR presets have n blocks in each of three stages, for any depth 6n+2",
    arguments: [(8, 1), (14, 2), (20, 3), (32, 5), (44, 7), (56, 9), (110, 18), (1202, 200)])
  func cifar(depth: Int, n: Int) throws {
    for (kind, shortcut) in [("resnet", Network.Shortcut.a), ("plain", .none)] {
      let expected = Network(
        name: "\(kind)\(depth)", inputChannels: 3, stem: .cifar, stemWidth: 16, block: .basic,
        stages: [
          .init(blocks: n, width: 16, stride: 1), .init(blocks: n, width: 32, stride: 2),
          .init(blocks: n, width: 64, stride: 2),
        ],
        shortcut: shortcut, classes: 10)
      #expect(try Network.preset("\(kind)\(depth)") == expected)
      #expect(expected.publishedExtent == Extent(height: 32, width: 32))
    }
  }

  @Test("All published presets exist under their own names")
  func published() throws {
    #expect(Network.publishedPresets.count == 25)
    for name in Network.publishedPresets {
      #expect(try Network.preset(name).name == name)
    }
  }

  @Test(
    "Every depth 6n+2 up to the limit exists, and none between", arguments: ["resnet", "plain"])
  func everyDepth(kind: String) throws {
    for depth in 0...130 {
      let exists = (try? Network.preset("\(kind)\(depth)", family: .cifar)) != nil
      #expect(exists == (depth >= 8 && (depth - 2).isMultiple(of: 6)), "\(kind)\(depth)")
    }
    #expect(try Graph(.preset("\(kind)4094")).weightedLayers == 4094)
    expectNetworkError(.notFound, "\(kind)4100", "8 to 4094", "nearest is \(kind)4094") {
      _ = try Network.preset("\(kind)4100")
    }
  }

  @Test("A name of both families means the ImageNet network", arguments: ["resnet50", "resnet152"])
  func collisions(name: String) throws {
    let imageNet = try Network.preset(name)
    #expect(imageNet.block == .bottleneck)
    #expect(imageNet.name == name)
    #expect(try Network.preset("imagenet-\(name)") == imageNet)
    #expect(try Network.preset(name, family: .imageNet) == imageNet)

    let cifar = try Network.preset("cifar-\(name)")
    #expect(cifar.block == .basic && cifar.stages.count == 3)
    #expect(cifar.name == "cifar-\(name)")
    #expect(try Network.preset(name, family: .cifar) == cifar)
    #expect(try Network.preset("cifar-\(name)", family: .cifar) == cifar)
    // The name in a description leads back to it.
    #expect(try Network.preset(cifar.name) == cifar)
    let depth = Int(name.dropFirst(6))
    #expect(try Graph(cifar).weightedLayers == depth)
    #expect(try Graph(imageNet).weightedLayers == depth)
  }

  @Test("A prefix that tells nothing new is not part of the network's name")
  func redundantPrefix() throws {
    #expect(try Network.preset("cifar-resnet20") == .preset("resnet20"))
    #expect(try Network.preset("imagenet-plain34") == .preset("plain34"))
    #expect(try Network.preset("resnet56", family: .cifar).name == "resnet56")
  }

  @Test("Plain networks of 50 and 152 layers are CIFAR networks", arguments: [50, 152])
  func plainCollisions(depth: Int) throws {
    let network = try Network.preset("plain\(depth)")
    #expect(network.stem == .cifar && network.shortcut == Network.Shortcut.none)
    #expect(network.name == "plain\(depth)")
    #expect(try Graph(network).weightedLayers == depth)
    expectNetworkError(.notFound, "plain\(depth)", "ImageNet family", "plain34") {
      _ = try Network.preset("plain\(depth)", family: .imageNet)
    }
  }

  @Test("A family that contradicts the prefix is an error")
  func contradiction() {
    expectNetworkError(.invalidArgument, "cifar-resnet50", "CIFAR", "ImageNet") {
      _ = try Network.preset("cifar-resnet50", family: .imageNet)
    }
    expectNetworkError(.invalidArgument, "imagenet-resnet50") {
      _ = try Network.preset("imagenet-resnet50", family: .cifar)
    }
  }

  @Test("A depth that no family has is answered with the nearest ones")
  func nearest() {
    expectNetworkError(.notFound, "resnet21", "6n+2", "resnet20 and resnet26", "resnet152") {
      _ = try Network.preset("resnet21")
    }
    expectNetworkError(.notFound, "plain2\"", "nearest is plain8") {
      _ = try Network.preset("plain2")
    }
    expectNetworkError(.notFound, "nearest is resnet4094") {
      _ = try Network.preset("resnet99999999999999999999999")
    }
    expectNetworkError(.notFound, "CIFAR family", "resnet32 and resnet38") {
      _ = try Network.preset("resnet34", family: .cifar)
    }
    expectNetworkError(.notFound, "ImageNet family", "resnet18, resnet34") {
      _ = try Network.preset("resnet20", family: .imageNet)
    }
    expectNetworkError(.notFound, "ImageNet family") {
      _ = try Network.preset("imagenet-resnet20")
    }
  }

  @Test(
    "A name of another form is answered with what there is",
    arguments: [
      "", "resnet", "plain", "ResNet20", "resnet-20", "resnet20 ", " resnet20", "resnet+20",
      "resnet020", "resnet-8", "resnet2٠", "vgg17", "cifar-", "cifar-cifar-resnet20", "20",
      "resnet20\0", "cifar100-resnet20",
    ])
  func unknown(name: String) {
    expectNetworkError(.notFound, "\"\(name)\"", "resnet18", "plain34", "resnetN and plainN") {
      _ = try Network.preset(name)
    }
  }

  @Test("A name of any length is answered briefly")
  func longName() {
    #expect {
      _ = try Network.preset(String(repeating: "x", count: 1_000_000))
    } throws: { error in
      (error as? ResNetError).map { $0.kind == .notFound && $0.message.count < 500 } ?? false
    }
  }

  @Test("Every part of a preset can be changed")
  func options() throws {
    let network = try Network.preset(
      "resnet20", classes: 7, inputChannels: 1, baseWidth: 24, stem: .imageNet, stemPool: .ceil,
      shortcut: .c, bottleneckStride: .conv3x3, zeroChannels: .split)
    var expected = try Network.preset("resnet20")
    expected.classes = 7
    expected.inputChannels = 1
    expected.stem = .imageNet
    expected.stemPool = .ceil
    expected.stemWidth = 24
    for (index, width) in [24, 48, 96].enumerated() { expected.stages[index].width = width }
    expected.shortcut = .c
    expected.bottleneckStride = .conv3x3
    expected.zeroChannels = .split
    #expect(network == expected)
    #expect(network.publishedExtent == Extent(height: 224, width: 224))
    let narrow = try Network.preset("resnet18", baseWidth: 8)
    #expect(narrow.stages.map(\.width) == [8, 16, 32, 64])
    #expect(narrow.stemWidth == 8)
  }

  @Test("A plain preset takes no shortcut but none")
  func plainShortcut() throws {
    for shortcut in [Network.Shortcut.a, .b, .c] {
      expectNetworkError(.invalidArgument, "plain20", shortcut.rawValue, "resnet20") {
        _ = try Network.preset("plain20", shortcut: shortcut)
      }
    }
    #expect(
      try Network.preset("plain20", shortcut: Network.Shortcut.none) == .preset("plain20"))
  }

  @Test("A residual preset without shortcuts is the plain network of its depth, but in name")
  func withoutShortcut() throws {
    var network = try Network.preset("resnet34", shortcut: Network.Shortcut.none)
    network.name = "plain34"
    #expect(try network == .preset("plain34"))
  }

  @Test("Options out of range are errors, however far")
  func optionsOutOfRange() {
    for value in [0, -1, Int.min, Int.max] {
      expectNetworkError(.invalidArgument, "\(value) classes") {
        _ = try Network.preset("resnet20", classes: value)
      }
      expectNetworkError(.invalidArgument, "\(value) input channels", "1 to 1024") {
        _ = try Network.preset("resnet20", inputChannels: value)
      }
      expectNetworkError(.invalidArgument, "base width is \(value)") {
        _ = try Network.preset("resnet20", baseWidth: value)
      }
    }
    expectNetworkError(.invalidArgument, "stage 2", "1 to 8192") {
      _ = try Network.preset("resnet20", baseWidth: 8192)
    }
  }

  @Test(arguments: [
    ("ResNet50", "resnet50"), ("vgg-16", "vgg16"), ("VGG16_BN", "vgg16-bn"),
    ("resnet-110", "resnet110"),
    ("resnt50", "resnet50"), ("fitnet", "fitnet19"), ("plain-20", "plain20"),
    ("PLAIN18", "plain18"),
  ])
  func namesThatWereMeantAreSuggested(_ given: String, _ meant: String) {
    let error = thrownError { try Network.preset(given) }
    #expect(error?.kind == .notFound)
    #expect(
      error?.message.contains("(did you mean \"\(meant)\"?)") == true, "\(error?.message ?? "")")
  }

  @Test func nothingIsSuggestedThatIsNotNear() {
    for name in ["alexnet", "", "resnet51", String(repeating: "resnet50", count: 99)] {
      let error = thrownError { try Network.preset(name) }
      #expect(error?.message.contains("did you mean") == false, "\(name)")
    }
    let other = thrownError { try Network.preset("VGG16", family: .cifar) }
    #expect(other?.message.contains("did you mean") == false)
    let same = thrownError { try Network.preset("Resnet20", family: .cifar) }
    #expect(same?.message.contains("\"resnet20\"?") == true)
  }
}
