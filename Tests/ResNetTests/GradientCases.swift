@testable import ResNet

/// Small networks that together have every operation and variant, with widths that fill part of a
/// block of 16 channels, one block, and several; odd extents; and rows longer than any kernel's
/// tile.
enum GradientCases {
  static let all = basic + bottleneck + imageNet + blocks + vectors + comparators

  static let basic = [
    test(
      "shortcut A, zeros after",
      .init(stem: 3, stages: [stage(2, 3, 1), stage(1, 5, 2), stage(1, 10, 2)]),
      count: 4, 9, 7),
    test(
      "shortcut A, zeros split",
      .init(
        channels: 1, stem: 4, stages: [stage(1, 4, 1), stage(1, 10, 2), stage(1, 20, 2)],
        zeros: .split),
      count: 3, 13, 11, means: .perChannel),
    test(
      "shortcut A, more channels at stride 1, same channels at stride 2",
      .init(channels: 2, stem: 4, stages: [stage(1, 10, 1), stage(1, 10, 2)], zeros: .split),
      count: 5, 8, 8, means: .perPixel),
    test(
      "shortcut B",
      .init(channels: 4, stem: 5, stages: [stage(1, 10, 1), stage(2, 20, 2)], shortcut: .b),
      count: 4, 9, 7, .bytes, means: .perChannel),
    test(
      "shortcut B, fewer channels", .init(stem: 20, stages: [stage(1, 3, 2)], shortcut: .b),
      count: 3, 11, 5),
    test(
      "shortcut C", .init(stem: 5, stages: [stage(2, 5, 1), stage(1, 10, 2)], shortcut: .c),
      count: 4, 10, 9, .bytes, means: .perPixel),
    test(
      "plain", .init(stem: 3, stages: [stage(1, 5, 1), stage(1, 10, 2)], shortcut: .none),
      count: 5, 9, 7, .bytes),
    test(
      "whole blocks", .init(stem: 16, stages: [stage(1, 16, 1), stage(1, 32, 2)]), count: 3, 8, 8),
    test(
      "several blocks, the last in part",
      .init(stem: 33, stages: [stage(1, 33, 1), stage(1, 70, 2)], shortcut: .b), count: 3, 5, 6),
    test(
      "long rows", .init(channels: 1, stem: 5, stages: [stage(1, 5, 1), stage(1, 20, 2)]),
      count: 2, 4, 67),
    test(
      "large batch", .init(stem: 3, stages: [stage(1, 3, 1), stage(1, 5, 2)]), count: 19, 5, 5),
  ]

  static let bottleneck = [
    test(
      "bottleneck, stride on 1x1",
      .init(stem: 5, block: .bottleneck, stages: [stage(1, 3, 1), stage(2, 5, 2)], shortcut: .b),
      count: 4, 9, 7),
    test(
      "bottleneck, stride on 3x3",
      .init(
        stem: 5, block: .bottleneck, stages: [stage(1, 3, 1), stage(2, 5, 2)], shortcut: .b,
        stride: .conv3x3),
      count: 4, 9, 7),
    test(
      "bottleneck, shortcut A",
      .init(
        channels: 2, stem: 10, block: .bottleneck, stages: [stage(1, 3, 1), stage(1, 5, 2)],
        zeros: .split),
      count: 3, 8, 9, means: .perChannel),
    test(
      "bottleneck, shortcut C, wide",
      .init(
        stem: 16, block: .bottleneck, stages: [stage(1, 10, 1), stage(1, 16, 2)], shortcut: .c,
        stride: .conv3x3),
      count: 3, 6, 5),
    test(
      "bottleneck, plain",
      .init(
        channels: 4, stem: 5, block: .bottleneck, stages: [stage(1, 3, 1), stage(1, 5, 2)],
        shortcut: .none),
      count: 4, 8, 7),
  ]

  static let imageNet = [
    test(
      "ImageNet stem, basic",
      .init(kind: .imageNet, stem: 5, stages: [stage(1, 5, 1), stage(1, 10, 2)], shortcut: .b),
      count: 3, 33, 35, means: .perChannel),
    test(
      "ImageNet stem, bottleneck",
      .init(
        kind: .imageNet, channels: 1, stem: 10, block: .bottleneck,
        stages: [stage(1, 3, 1), stage(1, 5, 2)], shortcut: .b, stride: .conv3x3),
      count: 3, 32, 31, .bytes, means: .perPixel),
    test(
      "ImageNet stem, wide, even extent",
      .init(kind: .imageNet, channels: 4, stem: 20, stages: [stage(1, 20, 1)], shortcut: .a),
      count: 2, 20, 24),
    test(
      "ImageNet stem, pooling of 15x9 rounded up, whole windows",
      .init(kind: .imageNet, pool: .ceil, stem: 5, stages: [stage(1, 5, 1)], shortcut: .b),
      count: 3, 30, 17, .bytes, means: .perChannel),
    test(
      "ImageNet stem, pooling of 8x14 rounded up, windows cut",
      .init(
        kind: .imageNet, pool: .ceil, stem: 20, block: .bottleneck,
        stages: [stage(1, 5, 1), stage(1, 10, 2)], shortcut: .b),
      count: 2, 15, 28),
  ]

  /// Residual functions of other lengths and kernels.
  static let blocks = [
    test(
      "one layer, identity and projection",
      .init(
        stem: 5, block: .init([layer(3)]), stages: [stage(2, 5, 1), stage(1, 10, 2)], shortcut: .b),
      count: 4, 9, 7),
    test(
      "one layer of 1x1, shortcut A",
      .init(stem: 16, block: .init([layer(1)]), stages: [stage(2, 16, 1), stage(1, 20, 2)]),
      count: 3, 8, 6),
    test(
      "three layers, stride on the second, kernels of 5, 3 and 7",
      .init(
        stem: 5, block: .init([layer(5), layer(3, 2), layer(7, 3)], strideOn: 1),
        stages: [stage(1, 5, 1), stage(2, 7, 2)], shortcut: .b),
      count: 3, 9, 8, means: .perChannel),
    test(
      "four layers, shortcut C, stride on the last",
      .init(
        stem: 4, block: .init([layer(1), layer(3), layer(3), layer(1, 2)], strideOn: 3),
        stages: [stage(1, 6, 1), stage(1, 8, 2)], shortcut: .c),
      count: 4, 7, 9),
    test(
      "biases in place of BN, projections",
      .init(stem: 5, stages: [stage(2, 5, 1), stage(1, 20, 2)], shortcut: .b, affine: .bias),
      count: 3, 9, 7),
    test(
      "biases, one layer, shortcut A",
      .init(
        stem: 16, block: .init([layer(3)]), stages: [stage(2, 16, 1), stage(1, 20, 2)],
        affine: .bias),
      count: 3, 7, 6),
    test(
      "biases before BN, bottleneck",
      .init(
        stem: 5, block: .bottleneck, stages: [stage(2, 3, 1), stage(1, 5, 2)], shortcut: .b,
        affine: .biasAndBatchNorm),
      count: 4, 8, 7),
    test(
      "blocks on the images, identity first",
      .init(kind: .none, channels: 3, stem: 0, stages: [stage(2, 3, 1), stage(1, 8, 2)]), count: 4,
      7, 8),
    test(
      "blocks on the images, projection first",
      .init(
        kind: .none, channels: 3, stem: 0, stages: [stage(2, 5, 1), stage(1, 8, 2)], shortcut: .b),
      count: 4, 7, 8),
    test(
      "bottlenecks on the images, projections",
      .init(
        kind: .none, channels: 3, stem: 0, block: .bottleneck,
        stages: [stage(1, 3, 1), stage(1, 5, 2)], shortcut: .c),
      count: 4, 7, 8),
    test(
      "a 1x1 layer on the images, projection, bias and BN",
      .init(
        kind: .none, channels: 3, stem: 0, block: .init([layer(1)]), stages: [stage(2, 6, 1)],
        shortcut: .c, affine: .biasAndBatchNorm),
      count: 4, 7, 8),
    test(
      "a bias alone on the images, identity first",
      .init(
        kind: .none, channels: 3, stem: 0, block: .init([layer(3)]), stages: [stage(1, 3, 1)],
        affine: .bias),
      count: 1, 5, 4),
  ]

  /// Fully connected residual networks.
  static let vectors = [
    test(
      "vectors, identity",
      .init(
        kind: .vector, channels: 13, stem: 20, block: .init([layer(1), layer(1)]),
        stages: [stage(3, 20, 1)]),
      count: 23, 1, 1, means: .perChannel),
    test(
      "vectors, projections, three layers",
      .init(
        kind: .vector, channels: 37, stem: 16,
        block: .init([layer(1), layer(1, 2), layer(1)]), stages: [stage(1, 32, 1), stage(2, 7, 1)],
        shortcut: .b),
      count: 17, 1, 1),
    test(
      "vectors at several positions, shortcut C, a hidden layer",
      .init(
        kind: .vector, channels: 5, stem: 6, block: .init([layer(1)]), stages: [stage(2, 9, 1)],
        shortcut: .c, hidden: [11]),
      count: 4, 2, 3),
    test(
      "vectors, biases, zero-padded shortcuts",
      .init(
        kind: .vector, channels: 4, stem: 10, block: .init([layer(1), layer(1)]),
        stages: [stage(1, 10, 1), stage(1, 21, 1)], zeros: .after, affine: .bias),
      count: 1, 1, 1),
    test(
      "vectors, highway layers",
      .init(
        kind: .vector, channels: 9, stem: 18, block: .init([layer(1)]), stages: [stage(3, 18, 1)],
        shortcut: .gate, affine: .bias),
      count: 6, 1, 1),
  ]

  /// Small networks of the kinds that the paper compares with.
  static let comparators = [
    test(
      "VGG", vgg(.bias), count: 3, 12, 12),
    test(
      "VGG with BN, many positions", vgg(.biasAndBatchNorm), count: 3, 17, 14, means: .perPixel),
    test(
      "VGG, smaller than its window", vgg(.bias), count: 3, 9, 5, .bytes),
    test(
      "highway",
      .init(
        stem: 5, block: .init([layer(3)]),
        stages: [stage(3, 5, 1, 2), stage(2, 8, 1, 2), stage(2, 16, 1)],
        shortcut: .gate, affine: .bias, hidden: [10]),
      count: 3, 12, 9),
    test(
      "highway with BN, strides, two layers and gates of 5x5",
      .init(
        stem: 16, block: .init([layer(5), layer(3)]), stages: [stage(2, 16, 1), stage(2, 20, 2)],
        shortcut: .gate),
      count: 4, 8, 7),
    test(
      "highway on the images",
      .init(
        kind: .none, channels: 3, stem: 0, block: .init([layer(3)]),
        stages: [stage(2, 3, 1), stage(2, 4, 2)],
        shortcut: .gate, affine: .bias),
      count: 2, 6, 7),
    test(
      "maxout",
      .init(
        kind: .none, stem: 0, block: .init([layer(3)]),
        stages: [stage(2, 5, 1), stage(1, 16, 1, 2), stage(1, 32, 1, 3)],
        shortcut: .none, affine: .bias, activation: .maxout(pieces: 2), hidden: [21]),
      count: 3, 12, 13),
    test(
      "maxout of 3 with BN and gates",
      .init(
        stem: 7, block: .init([layer(3)]), stages: [stage(2, 7, 1), stage(2, 16, 2)],
        shortcut: .gate,
        activation: .maxout(pieces: 3)),
      count: 4, 7, 8),
  ]

  private static func vgg(_ affine: Network.Affine) -> Shape {
    .init(
      kind: .none, stem: 0, block: .init([layer(3)]),
      stages: [stage(1, 5, 1, 2), stage(2, 18, 1, 2)],
      shortcut: .none, affine: affine, window: 3, hidden: [20, 11])
  }

  private static func stage(_ blocks: Int, _ width: Int, _ stride: Int, _ maxPool: Int = 0)
    -> Network.Stage
  {
    .init(blocks: blocks, width: width, stride: stride, maxPool: maxPool)
  }

  private static func layer(_ kernel: Int, _ multiple: Int = 1) -> Network.Block.Layer {
    .init(kernel: kernel, widthMultiple: multiple)
  }

  /// The fields that the cases vary, shorter to write than `Network`'s own.
  struct Shape {
    var kind = Network.Stem.cifar
    var pool = Network.StemPool.padded
    var channels = 3
    var stem: Int
    var block = Network.Block.basic
    var stages: [Network.Stage]
    var shortcut = Network.Shortcut.a
    var stride = Network.BottleneckStride.conv1x1
    var zeros = Network.ZeroChannels.after
    var affine = Network.Affine.batchNorm
    var activation = Network.Activation.relu
    var window = 1
    var hidden: [Int] = []
  }

  private static func test(
    _ title: String, _ shape: Shape, count: Int, _ height: Int, _ width: Int,
    _ pixels: ReferenceCase.Pixels = .float, means: ReferenceCase.Means = .none
  ) -> ReferenceCase {
    let network = Network(
      name: title, inputChannels: shape.channels, stem: shape.kind, stemWidth: shape.stem,
      stemPool: shape.pool, block: shape.block, stages: shape.stages, shortcut: shape.shortcut,
      bottleneckStride: shape.stride, zeroChannels: shape.zeros, affine: shape.affine,
      activation: shape.activation, window: shape.window, hidden: shape.hidden, classes: 4)
    return ReferenceCase(
      title: title, network: network, count: count, extent: Extent(height: height, width: width),
      pixels: pixels, means: means, seed: UInt64(height * 100 + width))
  }
}
