/// A residual or plain network, described in the terms of "Deep Residual Learning for Image
/// Recognition" (He et al., 2015): a stem, stages of blocks, global average pooling and a fully
/// connected layer.
///
/// A network is a value without weights: it can be compared, copied, edited and checked. Presets
/// (`Network.preset`) are values like any other.
public struct Network: Hashable, Sendable {
  /// The layers before the first stage.
  public enum Stem: String, Hashable, Sendable, CaseIterable {
    /// One 3x3 convolution at stride 1 (section 4.2).
    case cifar
    /// A 7x7 convolution at stride 2, then 3x3 max-pooling at stride 2 (Table 1).
    case imageNet = "imagenet"
  }

  /// What the shortcut does where dimensions change, and elsewhere (section 3.3, options A to C).
  public enum Shortcut: String, Hashable, Sendable, CaseIterable {
    /// Identity everywhere; new channels are zero, spatial stride by subsampling. No parameters.
    case a = "A"
    /// A 1x1 convolution with BN where dimensions change, identity elsewhere.
    case b = "B"
    /// A 1x1 convolution with BN on every block.
    case c = "C"
    /// No shortcut: a plain network.
    case none = "none"
  }

  /// Which convolution of a bottleneck block carries the stage's stride.
  public enum BottleneckStride: String, Hashable, Sendable, CaseIterable {
    /// The first 1x1, as published.
    case conv1x1 = "1x1"
    /// The 3x3, as in the later "v1.5" (torchvision).
    case conv3x3 = "3x3"
  }

  /// Where shortcut A puts its zero channels.
  public enum ZeroChannels: String, Hashable, Sendable, CaseIterable {
    /// All after the old channels.
    case after
    /// Half before and half after the old channels.
    case split
  }

  /// The residual function F of a block.
  public enum Block: String, Hashable, Sendable, CaseIterable {
    /// 3x3, 3x3.
    case basic
    /// 1x1 (reduce), 3x3, 1x1 (restore to 4 times the width).
    case bottleneck

    /// Output channels of the block, as a multiple of its stage's width.
    public var expansion: Int { self == .basic ? 1 : 4 }
  }

  /// A run of blocks on one feature-map size.
  public struct Stage: Hashable, Sendable {
    /// How many blocks.
    public var blocks: Int
    /// Channels of the block's 3x3 convolutions.
    public var width: Int
    /// Spatial stride of the first block: 1 or 2.
    public var stride: Int

    public init(blocks: Int, width: Int, stride: Int) {
      self.blocks = blocks
      self.width = width
      self.stride = stride
    }
  }

  /// How it is called in summaries and files, e.g. `resnet20`.
  public var name: String
  public var inputChannels: Int
  public var stem: Stem
  /// Channels of the stem's convolution.
  public var stemWidth: Int
  public var block: Block
  public var stages: [Stage]
  public var shortcut: Shortcut
  public var bottleneckStride: BottleneckStride
  public var zeroChannels: ZeroChannels
  public var classes: Int

  public init(
    name: String = "custom", inputChannels: Int = 3, stem: Stem, stemWidth: Int, block: Block,
    stages: [Stage], shortcut: Shortcut, bottleneckStride: BottleneckStride = .conv1x1,
    zeroChannels: ZeroChannels = .after, classes: Int
  ) {
    self.name = name
    self.inputChannels = inputChannels
    self.stem = stem
    self.stemWidth = stemWidth
    self.block = block
    self.stages = stages
    self.shortcut = shortcut
    self.bottleneckStride = bottleneckStride
    self.zeroChannels = zeroChannels
    self.classes = classes
  }
}
