import ResNet
import Testing

/// Expects `body` to fail with an error of that kind whose message contains all `fragments`.
func expectNetworkError(
  _ kind: ResNetError.Kind, _ fragments: String..., at location: SourceLocation = #_sourceLocation,
  from body: () throws -> Void
) {
  do {
    try body()
    Issue.record("no error was thrown", sourceLocation: location)
  } catch let error as ResNetError {
    #expect(error.kind == kind, "\(error.message)", sourceLocation: location)
    for fragment in fragments {
      #expect(error.message.contains(fragment), sourceLocation: location)
    }
  } catch {
    Issue.record("unexpected error \(error)", sourceLocation: location)
  }
}

extension Graph {
  /// The layer of that name.
  func layer(_ name: String) throws -> Layer {
    try #require(layers.first { $0.name == name }, "no layer \(name)")
  }

  /// The names of the layers that a layer reads.
  func inputs(of name: String) throws -> [String] {
    try layer(name).inputs.map { layers[$0].name }
  }
}

/// A small network to change one thing of.
func smallNetwork(
  name: String = "small", inputChannels: Int = 3, stem: Network.Stem = .cifar, stemWidth: Int = 16,
  stemPool: Network.StemPool = .padded,
  block: Network.Block = .basic,
  stages: [Network.Stage] = [.init(blocks: 1, width: 16, stride: 1)],
  shortcut: Network.Shortcut = .b, bottleneckStride: Network.BottleneckStride = .conv1x1,
  zeroChannels: Network.ZeroChannels = .after, affine: Network.Affine = .batchNorm,
  activation: Network.Activation = .relu, window: Int = 1, hidden: [Int] = [], classes: Int = 10
) -> Network {
  Network(
    name: name, inputChannels: inputChannels, stem: stem, stemWidth: stemWidth, stemPool: stemPool,
    block: block, stages: stages, shortcut: shortcut, bottleneckStride: bottleneckStride,
    zeroChannels: zeroChannels, affine: affine, activation: activation, window: window,
    hidden: hidden, classes: classes)
}
