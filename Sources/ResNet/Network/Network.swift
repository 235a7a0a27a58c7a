/// A residual or plain network, described in the terms of "Deep Residual Learning for Image
/// Recognition" (He et al., 2015): a stem, stages of blocks, global average pooling and a fully
/// connected layer. The networks that the paper compares with are described in the same terms.
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
    /// The pixels of an image are vectors of its channels, and every layer is fully connected: a
    /// multilayer perceptron. Its inputs are images of 1x1 pixels (of more, each is a vector, and
    /// their scores are averaged).
    case vector
    /// None: the first block reads the images.
    case none
  }

  /// Where the 3x3 windows of the ImageNet stem's max-pooling lie, which the paper does not say. Of
  /// 112x112 pixels both make 56x56.
  public enum StemPool: String, Hashable, Sendable, CaseIterable {
    /// One pixel of padding on each side: windows begin at pixels -1, 1, 3, ... (torchvision, Keras).
    case padded
    /// No padding, and the size rounded up: windows begin at pixels 0, 2, 4, ..., and the last may be
    /// cut at the edge (Caffe, and with it the weights that the paper's authors published).
    case ceil
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
    /// A gate in place of the addition ("Highway Networks", Srivastava, Greff and Schmidhuber,
    /// 2015): y = H(x) T(x) + x (1 - T(x)), where H is the residual function with its last
    /// activation and T the sigmoid of a convolution of x that has a bias of its own. Blocks that
    /// change dimensions are plain, as there.
    case gate
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

  /// The affine map that follows each convolution of the stem and the blocks.
  public enum Affine: String, Hashable, Sendable, CaseIterable {
    /// Batch normalisation (section 3.4).
    case batchNorm = "bn"
    /// A bias.
    case bias
    /// A bias, then batch normalisation, which makes it useless: as in torchvision's VGG with BN.
    case biasAndBatchNorm = "bias_and_bn"

    var hasBias: Bool { self != .batchNorm }
    var hasBatchNorm: Bool { self != .bias }
  }

  /// The nonlinearity after each convolution, and of the hidden layers of the head.
  public enum Activation: Hashable, Sendable {
    case relu
    /// The largest of so many channels ("Maxout Networks", Goodfellow et al., 2013). The layer
    /// before has `pieces` times as many channels, and channel c of the result is the largest of
    /// channels c, C + c, 2C + c, ... of those, with C channels in the result.
    case maxout(pieces: Int)

    /// Channels that one channel of the result is made of.
    var pieces: Int {
      switch self {
      case .relu: 1
      case .maxout(let pieces): pieces
      }
    }
  }

  /// A run of blocks on one feature-map size.
  public struct Stage: Hashable, Sendable {
    /// How many blocks.
    public var blocks: Int
    /// Channels of the block's convolutions, which may have multiples of it: see ``Block``.
    public var width: Int
    /// Spatial stride of the first block: 1 or 2.
    public var stride: Int
    /// Side and stride of a max-pooling after the last block, without padding; 0 for none.
    public var maxPool: Int

    public init(blocks: Int, width: Int, stride: Int, maxPool: Int = 0) {
      self.blocks = blocks
      self.width = width
      self.stride = stride
      self.maxPool = maxPool
    }
  }

  /// How it is called in summaries and files, e.g. `resnet20`.
  public var name: String
  public var inputChannels: Int
  public var stem: Stem
  /// Channels of the stem's layer; 0 without a stem.
  public var stemWidth: Int
  /// Padded without an ImageNet stem.
  public var stemPool: StemPool
  public var block: Block
  public var stages: [Stage]
  public var shortcut: Shortcut
  public var bottleneckStride: BottleneckStride
  public var zeroChannels: ZeroChannels
  public var affine: Affine
  public var activation: Activation
  /// Side of the window of the last map that the head reads whole: 1 as published, 7 for VGG.
  ///
  /// The head moves over larger maps, and its scores at all positions are averaged: the fully
  /// convolutional form ("Very Deep Convolutional Networks", Simonyan and Zisserman, 2014, section
  /// 3.2). A side shorter than the window is stretched to it: each of its cells averages the pixels
  /// that it covers (PyTorch's adaptive average pooling).
  public var window: Int
  /// Widths of the head's fully connected layers before the classifier, each with a bias and the
  /// activation.
  public var hidden: [Int]
  public var classes: Int

  public init(
    name: String = "custom", inputChannels: Int = 3, stem: Stem, stemWidth: Int,
    stemPool: StemPool = .padded, block: Block, stages: [Stage], shortcut: Shortcut,
    bottleneckStride: BottleneckStride = .conv1x1, zeroChannels: ZeroChannels = .after,
    affine: Affine = .batchNorm, activation: Activation = .relu, window: Int = 1,
    hidden: [Int] = [], classes: Int
  ) {
    self.name = name
    self.inputChannels = inputChannels
    self.stem = stem
    self.stemWidth = stemWidth
    self.stemPool = stemPool
    self.block = block
    self.stages = stages
    self.shortcut = shortcut
    self.bottleneckStride = bottleneckStride
    self.zeroChannels = zeroChannels
    self.affine = affine
    self.activation = activation
    self.window = window
    self.hidden = hidden
    self.classes = classes
  }
}
