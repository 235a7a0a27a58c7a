extension Network {
  /// The residual function F of a block: one layer or more.
  ///
  /// With a single layer, a block without BN is y = ReLU(W1 x + x), for which the paper has observed
  /// no advantage (section 3.2).
  public struct Block: Hashable, Sendable {
    /// A convolution that keeps the extent at stride 1, or a fully connected layer (kernel 1) of a
    /// network with the stem ``Stem/vector``.
    public struct Layer: Hashable, Sendable {
      /// Side of the kernel: 1, 3, 5 or 7.
      public var kernel: Int
      /// Output channels, as a multiple of the stage's width.
      public var widthMultiple: Int

      public init(kernel: Int, widthMultiple: Int = 1) {
        self.kernel = kernel
        self.widthMultiple = widthMultiple
      }
    }

    public var layers: [Layer]
    /// Index of the layer that carries the stage's stride. That of a bottleneck is the network's
    /// ``Network/bottleneckStride``.
    public var strideOn: Int

    public init(_ layers: [Layer], strideOn: Int = 0) {
      self.layers = layers
      self.strideOn = strideOn
    }

    /// 3x3, 3x3 (Figure 5, left).
    public static let basic = Block([Layer(kernel: 3), Layer(kernel: 3)])
    /// 1x1 (reduce), 3x3, 1x1 (restore to 4 times the width) (Figure 5, right).
    public static let bottleneck = Block([
      Layer(kernel: 1), Layer(kernel: 3), Layer(kernel: 1, widthMultiple: 4),
    ])

    /// Output channels of the block, as a multiple of its stage's width.
    public var expansion: Int { layers.last?.widthMultiple ?? 1 }
  }

  /// Index of the layer of a block that carries the stage's stride.
  var strideLayer: Int {
    guard block == .bottleneck else { return block.strideOn }
    return bottleneckStride == .conv1x1 ? 0 : 1
  }
}
