@testable import ResNet

/// Small networks that together have every operation and variant, with widths that fill part of a
/// block of 16 channels, one block, and several; odd extents; and rows longer than any kernel's
/// tile.
enum GradientCases {
  static let all = basic + bottleneck + imageNet

  static let basic = [
    test(
      "shortcut A, zeros after", .init(stem: 3, stages: [(2, 3, 1), (1, 5, 2), (1, 10, 2)]),
      count: 4, 9, 7),
    test(
      "shortcut A, zeros split",
      .init(channels: 1, stem: 4, stages: [(1, 4, 1), (1, 10, 2), (1, 20, 2)], zeros: .split),
      count: 3, 13, 11, means: .perChannel),
    test(
      "shortcut A, more channels at stride 1, same channels at stride 2",
      .init(channels: 2, stem: 4, stages: [(1, 10, 1), (1, 10, 2)], zeros: .split),
      count: 5, 8, 8, means: .perPixel),
    test(
      "shortcut B", .init(channels: 4, stem: 5, stages: [(1, 10, 1), (2, 20, 2)], shortcut: .b),
      count: 4, 9, 7, .bytes, means: .perChannel),
    test(
      "shortcut B, fewer channels", .init(stem: 20, stages: [(1, 3, 2)], shortcut: .b),
      count: 3, 11, 5),
    test(
      "shortcut C", .init(stem: 5, stages: [(2, 5, 1), (1, 10, 2)], shortcut: .c),
      count: 4, 10, 9, .bytes, means: .perPixel),
    test(
      "plain", .init(stem: 3, stages: [(1, 5, 1), (1, 10, 2)], shortcut: .none),
      count: 5, 9, 7, .bytes),
    test(
      "whole blocks", .init(stem: 16, stages: [(1, 16, 1), (1, 32, 2)]), count: 3, 8, 8),
    test(
      "several blocks, the last in part",
      .init(stem: 33, stages: [(1, 33, 1), (1, 70, 2)], shortcut: .b), count: 3, 5, 6),
    test(
      "long rows", .init(channels: 1, stem: 5, stages: [(1, 5, 1), (1, 20, 2)]),
      count: 2, 4, 67),
    test(
      "large batch", .init(stem: 3, stages: [(1, 3, 1), (1, 5, 2)]), count: 19, 5, 5),
  ]

  static let bottleneck = [
    test(
      "bottleneck, stride on 1x1",
      .init(stem: 5, block: .bottleneck, stages: [(1, 3, 1), (2, 5, 2)], shortcut: .b),
      count: 4, 9, 7),
    test(
      "bottleneck, stride on 3x3",
      .init(
        stem: 5, block: .bottleneck, stages: [(1, 3, 1), (2, 5, 2)], shortcut: .b,
        stride: .conv3x3),
      count: 4, 9, 7),
    test(
      "bottleneck, shortcut A",
      .init(
        channels: 2, stem: 10, block: .bottleneck, stages: [(1, 3, 1), (1, 5, 2)], zeros: .split),
      count: 3, 8, 9, means: .perChannel),
    test(
      "bottleneck, shortcut C, wide",
      .init(
        stem: 16, block: .bottleneck, stages: [(1, 10, 1), (1, 16, 2)], shortcut: .c,
        stride: .conv3x3),
      count: 3, 6, 5),
    test(
      "bottleneck, plain",
      .init(
        channels: 4, stem: 5, block: .bottleneck, stages: [(1, 3, 1), (1, 5, 2)], shortcut: .none),
      count: 4, 8, 7),
  ]

  static let imageNet = [
    test(
      "ImageNet stem, basic",
      .init(kind: .imageNet, stem: 5, stages: [(1, 5, 1), (1, 10, 2)], shortcut: .b),
      count: 3, 33, 35, means: .perChannel),
    test(
      "ImageNet stem, bottleneck",
      .init(
        kind: .imageNet, channels: 1, stem: 10, block: .bottleneck,
        stages: [(1, 3, 1), (1, 5, 2)], shortcut: .b, stride: .conv3x3),
      count: 3, 32, 31, .bytes, means: .perPixel),
    test(
      "ImageNet stem, wide, even extent",
      .init(kind: .imageNet, channels: 4, stem: 20, stages: [(1, 20, 1)], shortcut: .a),
      count: 2, 20, 24),
  ]

  /// The fields that the cases vary, shorter to write than `Network`'s own.
  struct Shape {
    var kind = Network.Stem.cifar
    var channels = 3
    var stem: Int
    var block = Network.Block.basic
    /// Blocks, width, stride.
    var stages: [(Int, Int, Int)]
    var shortcut = Network.Shortcut.a
    var stride = Network.BottleneckStride.conv1x1
    var zeros = Network.ZeroChannels.after
  }

  private static func test(
    _ title: String, _ shape: Shape, count: Int, _ height: Int, _ width: Int,
    _ pixels: ReferenceCase.Pixels = .float, means: ReferenceCase.Means = .none
  ) -> ReferenceCase {
    let stages = shape.stages.map { Network.Stage(blocks: $0.0, width: $0.1, stride: $0.2) }
    let network = Network(
      name: title, inputChannels: shape.channels, stem: shape.kind, stemWidth: shape.stem,
      block: shape.block, stages: stages, shortcut: shape.shortcut,
      bottleneckStride: shape.stride, zeroChannels: shape.zeros, classes: 4)
    return ReferenceCase(
      title: title, network: network, count: count, extent: Extent(height: height, width: width),
      pixels: pixels, means: means, seed: UInt64(height * 100 + width))
  }
}
