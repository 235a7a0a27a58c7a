import ResNet

/// How a file of another program is to be understood.
public struct ImportOptions: Sendable {
  /// What the model does to its images before the network that was imported sees them.
  public enum Preprocessing: Int, Sendable, CaseIterable {
    /// Nothing: it takes what the file's network takes.
    case none = 0
    /// That of torchvision's ImageNet models. The model takes RGB pixels from 0 to 255, as files have them,
    /// and the network has them from 0 to 1, less the mean of ImageNet and divided by
    /// its standard deviation.
    case torch = 1
    /// That of Caffe's ImageNet models, and of Keras's after them: the network takes BGR in [0, 255]
    /// less a mean. The model takes RGB pixels from 0 to 255: the stem's channels are reversed.
    case caffe = 2
  }

  /// Import what fits and report the rest, instead of refusing a file that does not fit whole. A new model's
  /// network is found from the weights of its convolutions, which must all be there nevertheless.
  public var partial = false
  public var preprocessing = Preprocessing.none
  // What tensors do not say. A graph (ONNX) does: there an option that says another thing, or is for what its
  // network does not have, is refused.

  /// Which convolution of a bottleneck carries the stride; nil: as in the format's usual files, which is
  /// the 3x3 for PyTorch.
  public var bottleneckStride: Network.BottleneckStride?
  /// Where the windows of the ImageNet stem's max-pooling lie; nil: as in the format's files, which is
  /// `ceil` for Caffe and `padded` for other tensors.
  public var stemPool: Network.StemPool?
  /// Where shortcut A puts its zeros; nil: as in the ports whose names the file has.
  public var zeroChannels: Network.ZeroChannels?
  /// A network without projections is a plain one, not one of shortcut A, which has the same tensors.
  public var isPlain = false

  public init() {}

  /// Throws `invalidArgument` if an option contradicts the network that a file describes.
  func validate(_ network: Network) throws(ResNetError) {
    let isBottleneck = network.block == .bottleneck
    let isOther =
      isPlain && network.shortcut != .none
      || bottleneckStride != nil && !(isBottleneck && network.bottleneckStride == bottleneckStride)
      || stemPool != nil && !(network.stem == .imageNet && network.stemPool == stemPool)
      || zeroChannels != nil && !(network.shortcut == .a && network.zeroChannels == zeroChannels)
    guard !isOther else {
      throw ResNetError(
        .invalidArgument,
        "the file's graph says itself what the stride is on, where the stem pools, where zeros are and "
          + "whether it is plain, and an option says another; leave those options out")
    }
  }
}
