@testable import ResNet

/// The presets' shapes, at sizes that the reference can compute in a moment.
enum InferenceCases {
  static let all =
    cifar + imageNet + roundedUp + GradientCases.blocks + GradientCases.vectors
    + GradientCases.comparators

  static let cifar = [
    test("resnet20", cifar(3, .a), count: 3, 32, 32, .bytes, .perPixel),
    test("resnet20, odd extent", cifar(3, .a), count: 17, 9, 13, .float, .perChannel),
    test("resnet20, zeros split", cifar(3, .a, zeros: .split), count: 1, 16, 20),
    test("resnet20, shortcut B", cifar(3, .b), count: 3, 12, 12, .bytes),
    test("resnet20, shortcut C", cifar(3, .c), count: 3, 12, 8, .float, .perPixel),
    test("plain20", cifar(3, .none), count: 1, 32, 32, .bytes, .perChannel),
    test("resnet56", cifar(9, .a), count: 1, 8, 8, .bytes),
    test("resnet20, one pixel", cifar(3, .a), count: 3, 1, 1),
    test(
      "bottleneck on the CIFAR stem, 1 channel",
      .init(
        inputChannels: 1, stem: .cifar, stemWidth: 12, block: .bottleneck,
        stages: stages([2, 2], width: 5), shortcut: .a, zeroChannels: .split, classes: 7),
      count: 17, 7, 10),
  ]

  static let imageNet = [
    test("resnet18", imageNet([2, 2, 2, 2], .basic, .b), count: 3, 64, 64, .bytes, .perChannel),
    test("resnet18, odd extent", imageNet([2, 2, 2, 2], .basic, .b), count: 1, 53, 75),
    test("resnet18, shortcut A", imageNet([2, 2, 2, 2], .basic, .a), count: 1, 48, 33, .bytes),
    test("plain18", imageNet([2, 2, 2, 2], .basic, .none), count: 3, 40, 40, .float, .perPixel),
    test("resnet34", imageNet([3, 4, 6, 3], .basic, .b), count: 1, 32, 64, .bytes),
    test(
      "resnet50", imageNet([3, 4, 6, 3], .bottleneck, .b), count: 3, 64, 64, .float, .perChannel),
    test(
      "resnet50, stride on 3x3", imageNet([3, 4, 6, 3], .bottleneck, .b, stride: .conv3x3),
      count: 1, 47, 65, .bytes, .perPixel),
    test(
      "resnet50, shortcut C", imageNet([3, 4, 6, 3], .bottleneck, .c), count: 1, 33, 32, .bytes),
    test(
      "resnet50, shortcut A, zeros split",
      imageNet([3, 4, 6, 3], .bottleneck, .a, zeros: .split), count: 17, 20, 24),
    test(
      "full-width blocks", imageNet([1, 1], .basic, .b, width: 64), count: 2, 64, 64),
    test(
      "full-width bottlenecks", imageNet([1, 1], .bottleneck, .b, width: 64, stride: .conv3x3),
      count: 2, 61, 64, .bytes, .perChannel),
  ]

  /// The stem's pooling without padding, over maps of 2x3 to 5x4 pixels, and of Caffe's ResNet-50.
  static let roundedUp =
    [(3, 5), (4, 6), (6, 3), (7, 9), (9, 7), (10, 8)].map { height, width in
      test(
        "resnet18, pooling rounded up, \(height)x\(width)",
        imageNet([1, 1], .basic, .b, pool: .ceil), count: 3, height, width, .float, .perChannel)
    } + [
      test(
        "resnet50, pooling rounded up", imageNet([3, 4, 6, 3], .bottleneck, .b, pool: .ceil),
        count: 2, 66, 61, .bytes, .perChannel)
    ]

  private static func cifar(
    _ n: Int, _ shortcut: Network.Shortcut, zeros: Network.ZeroChannels = .after
  ) -> Network {
    Network(
      stem: .cifar, stemWidth: 16, block: .basic, stages: stages([n, n, n], width: 16),
      shortcut: shortcut, zeroChannels: zeros, classes: 10)
  }

  private static func imageNet(
    _ blocks: [Int], _ block: Network.Block, _ shortcut: Network.Shortcut, width: Int = 12,
    stride: Network.BottleneckStride = .conv1x1, zeros: Network.ZeroChannels = .after,
    pool: Network.StemPool = .padded
  ) -> Network {
    Network(
      stem: .imageNet, stemWidth: width, stemPool: pool, block: block,
      stages: stages(blocks, width: width),
      shortcut: shortcut, bottleneckStride: stride, zeroChannels: zeros, classes: 37)
  }

  /// Widths double and maps shrink from the second stage on.
  private static func stages(_ blocks: [Int], width: Int) -> [Network.Stage] {
    blocks.enumerated().map { index, blocks in
      Network.Stage(blocks: blocks, width: width << index, stride: index == 0 ? 1 : 2)
    }
  }

  private static func test(
    _ title: String, _ network: Network, count: Int, _ height: Int, _ width: Int,
    _ pixels: ReferenceCase.Pixels = .float, _ means: ReferenceCase.Means = .none
  ) -> ReferenceCase {
    ReferenceCase(
      title: title, network: network, count: count, extent: Extent(height: height, width: width),
      pixels: pixels, means: means, seed: UInt64(height * 100 + width))
  }
}
