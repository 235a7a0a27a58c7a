import Testing

@testable import ResNet
@testable import ResNetExchange

/// The names that PyTorch's programs give to tensors, and what networks they stand for.
@Suite struct ExchangeTorchNamesTests {
  /// The network of tensors of those names and shapes, and what was found to be wrong with it.
  private static func network(
    _ tensors: [(name: String, shape: [Int])], _ options: ImportOptions = ImportOptions()
  ) throws -> Network {
    var weights = ImportedWeights(.torch)
    weights.wrapper = TorchNames.wrapper(of: tensors.map(\.name))
    for tensor in tensors { TorchNames.add(tensor.name, tensor.shape, to: &weights) { [] } }
    let network = try NetworkInference.network(of: weights, options)
    var report = ImportReport()
    _ = try weights.fit(
      ParameterLayout(try Graph(network)), of: network, partial: false, &report)
    return network
  }

  private static func tensors(_ network: Network) throws -> [(name: String, shape: [Int])] {
    ParameterLayout(try Graph(network)).tensors.map { ($0.name, $0.shape) }
  }

  private static func cifar(
    _ blocks: Int, _ shortcut: Network.Shortcut, zeros: Network.ZeroChannels = .after,
    block: Network.Block = .basic
  ) -> Network {
    Network(
      name: "resnet\(3 * blocks * block.layers.count + 2)", stem: .cifar, stemWidth: 16,
      block: block,
      stages: (0..<3).map { .init(blocks: blocks, width: 16 << $0, stride: $0 == 0 ? 1 : 2) },
      shortcut: shortcut, bottleneckStride: block == .bottleneck ? .conv3x3 : .conv1x1,
      zeroChannels: zeros, classes: 10)
  }

  /// What a port calls parts of names, by what this library does.
  private struct Port: Sendable {
    let name: String
    let network: Network
    var renamed: [(String, String)] = []
  }

  private static let ports: [Port] = [
    Port(name: "torchvision", network: cifar(3, .b)),
    Port(
      name: "akamaster", network: cifar(3, .a, zeros: .split),
      renamed: [("fc.", "linear."), ("", "module.")]),
    Port(
      name: "kuangliu", network: cifar(2, .b),
      renamed: [("downsample.", "shortcut."), ("fc.", "linear."), ("", "module.")]),
    Port(name: "bearpaw", network: cifar(6, .b, block: .bottleneck), renamed: [("", "module.")]),
    Port(
      name: "Cadene",
      network: {
        var network = cifar(2, .b)
        network.stem = .imageNet
        network.affine = .biasAndBatchNorm
        return network
      }(), renamed: [("fc.", "last_linear.")]),
    Port(name: "compiled", network: cifar(1, .c), renamed: [("", "_orig_mod.module.")]),
    Port(name: "a part of another", network: cifar(2, .b), renamed: [("", "module.encoder.net.")]),
    Port(name: "a wrapped part", network: cifar(1, .a), renamed: [("", "net.module.")]),
  ]

  @Test(arguments: ports.indices)
  func namesOfPorts(_ index: Int) throws {
    let port = Self.ports[index]
    var tensors = try Self.tensors(port.network)
    tensors.append(("layer1.0.bn1.num_batches_tracked", []))
    for (old, new) in port.renamed {
      for index in tensors.indices {
        tensors[index].name =
          old.isEmpty
          ? new + tensors[index].name
          : tensors[index].name.replacing(old, with: new)
      }
    }
    #expect(try Self.network(tensors) == port.network, "\(port.name)")
  }

  /// Wide residual networks (Zagoruyko and Komodakis, 2016) have bottlenecks of twice the width.
  @Test func wideBottlenecks() throws {
    var wide = Self.cifar(2, .b)
    wide.name = "resnet20"
    wide.block = Network.Block(
      [.init(kernel: 1), .init(kernel: 3), .init(kernel: 1, widthMultiple: 2)], strideOn: 1)
    #expect(try Self.network(Self.tensors(wide)) == wide)
    var options = ImportOptions()
    options.bottleneckStride = .conv1x1
    wide.block.strideOn = 0
    #expect(try Self.network(Self.tensors(wide), options) == wide)
  }

  /// A network that is a part of another has to be taken out by who knows what the rest is.
  @Test func oneOfSeveralPartsIsRefusedByItsPrefix() throws {
    let tensors = try Self.tensors(Self.cifar(1, .b)).map {
      (name: "net." + $0.name, shape: $0.shape)
    }
    let error = thrownError { try Self.network(tensors + [("head.weight", [3])]) }
    let message = error?.message ?? ""
    #expect(
      message.contains("conv1.weight is missing") && message.contains("begin with net.:"),
      "\(message)")
  }

  /// One that is whole but for its classifier is no part of another.
  @Test func anEncoderIsToBeImportedPartially() throws {
    let tensors = try Self.tensors(Self.cifar(1, .b)).filter { !$0.name.hasPrefix("fc.") }.map {
      (name: "backbone." + $0.name, shape: $0.shape)
    }
    let message = thrownError { try Self.network(tensors) }?.message ?? ""
    #expect(
      message.contains("fc.weight is missing")
        && message.contains("import it partially for a new classifier"),
      "\(message)")
  }

  /// A file that lacks any tensor is of no other network, such as a shallower one.
  @Test(arguments: [
    cifar(2, .a), cifar(2, .b), cifar(2, .c), cifar(1, .b, block: .bottleneck),
    cifar(2, .c, block: .bottleneck),
    Network(
      name: "resnet10", stem: .imageNet, stemWidth: 8, block: .basic,
      stages: (0..<2).map { .init(blocks: 2, width: 8 << $0, stride: $0 == 0 ? 1 : 2) },
      shortcut: .b, affine: .biasAndBatchNorm, classes: 4),
    Network(
      name: "resnet10", stem: .imageNet, stemWidth: 8, block: .basic,
      stages: (0..<2).map { .init(blocks: 2, width: 8 << $0, stride: $0 == 0 ? 1 : 2) },
      shortcut: .b, affine: .bias, classes: 4),
  ])
  func aNetworkThatLacksATensorIsNoOther(_ network: Network) throws {
    let tensors = try Self.tensors(network)
    for (index, tensor) in tensors.enumerated() {
      var others = tensors
      others.remove(at: index)
      let message = thrownError { try Self.network(others) }?.message ?? ""
      #expect(message.contains(tensor.name) && message.contains("missing"), "\(message)")
      #expect(!message.contains("unexpected"), "\(message)")
    }
  }

  /// Nor is one that lacks a block or a stage.
  @Test(arguments: ["layer1.0.", "layer1.1.", "layer1.", "layer2.0.", "layer2.1.", "layer2."])
  func aGapIsAnError(_ prefix: String) throws {
    let tensors = try Self.tensors(Self.cifar(3, .b)).filter { !$0.name.hasPrefix(prefix) }
    let message = thrownError { try Self.network(tensors) }?.message ?? ""
    #expect(
      message.contains("\(prefix)") && message.contains("conv1.weight is missing"), "\(message)")
  }

  @Test(arguments: [
    ("conv1.0.weight", [32, 3, 3, 3], "a stem of several convolutions"),
    ("layer2.0.downsample.2.weight", [32], "average pooling before a projection"),
    ("layer1.0.se.fc1.weight", [8, 16, 1, 1], "squeeze-and-excitation"),
    ("layer1.0.se_module.fc1.weight", [8, 16, 1, 1], "squeeze-and-excitation"),
    ("layer1.0.attn.conv.weight", [1, 1, 3], "attention"),
    ("layer1.0.conv2.weight", [16, 4, 3, 3], "groups"),
    ("layer1.0.conv1.weight", [16, 16, 3, 1], "a kernel of 3x1"),
    ("conv1.weight", [16, 3, 5, 5], "a stem with a kernel of 5x5"),
    ("layer3.0.conv1.weight", [64, 32, 1, 1], "other layers than those of layer1"),
    ("fc.weight", [10], "expected 2 dimensions"),
  ])
  func networksOfOtherKindsAreRefusedByTheTensor(
    _ name: String, _ shape: [Int], _ reason: String
  ) throws {
    var tensors = try Self.tensors(Self.cifar(1, .b))
    tensors.removeAll { $0.name == name || name == "conv1.0.weight" && $0.name == "conv1.weight" }
    tensors.append((name, shape))
    let error = thrownError { try Self.network(tensors) }
    let message = error?.message ?? ""
    #expect(message.contains(name) && message.contains(reason), "\(message)")
  }
}
