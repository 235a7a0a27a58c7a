/// A network lowered to its layers, in an order in which they can be computed.
///
/// The description (``Network``) says what a network is; the graph says which layers that makes,
/// on which inputs, under which names. Counting, printing, planning and the tests' reference
/// implementation all read the graph, so that none of them needs to know what a block is.
public struct Graph: Hashable, Sendable {
  /// One layer. Its output is one tensor of `channels` feature maps (or `channels` values, after
  /// global average pooling).
  public struct Layer: Hashable, Sendable {
    /// Canonical name, e.g. `layer1.0.conv1`; parameters are named `NAME.weight` and so on.
    public let name: String
    public let operation: Operation
    /// Indices of the layers it reads, all smaller than its own.
    public let inputs: [Int]
    /// Output channels.
    public let channels: Int
  }

  public enum Operation: Hashable, Sendable {
    /// The images.
    case input
    /// A square convolution without bias.
    case convolution(kernel: Int, stride: Int, padding: Int)
    /// Batch normalisation (eps 1e-5).
    case batchNorm
    case relu
    /// Sum of two inputs of one shape: residual branch first, shortcut second.
    case add
    /// Max-pooling; padding never wins.
    case maxPool(kernel: Int, stride: Int, padding: Int)
    /// Shortcut A where dimensions change: every `stride`-th pixel, `zerosBefore` zero channels
    /// before the input's channels and the rest after them.
    case padShortcut(stride: Int, zerosBefore: Int)
    /// Mean over all positions.
    case globalAveragePool
    /// Fully connected, with bias.
    case linear
  }

  /// Layer 0 is the input, the last layer the scores.
  public let layers: [Layer]
}

/// Height and width of a feature map, in pixels.
public struct Extent: Hashable, Sendable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}
