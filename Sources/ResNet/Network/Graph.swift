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
    /// A square convolution.
    case convolution(kernel: Int, stride: Int, padding: Int, bias: Bool = false)
    /// Batch normalisation (eps 1e-5).
    case batchNorm
    case relu
    /// The largest of `pieces` channels: of c, C + c, 2C + c, ..., with C output channels.
    case maxout(pieces: Int)
    /// Of inputs h, g and x of one shape: h T + x (1 - T), with T = sigmoid(g).
    case gate
    /// Sum of two inputs of one shape: residual branch first, shortcut second.
    case add
    /// Max-pooling; padding never wins. With `ceil` the number of windows is rounded up, and the last
    /// may be cut at the edge.
    case maxPool(kernel: Int, stride: Int, padding: Int, ceil: Bool = false)
    /// Shortcut A where dimensions change: every `stride`-th pixel, `zerosBefore` zero channels
    /// before the input's channels and the rest after them.
    case padShortcut(stride: Int, zerosBefore: Int)
    /// Every window x window patch as a vector, in the order channel, row, column. A side shorter
    /// than the window has one position, whose cells average the pixels that they cover.
    case flatten(window: Int)
    /// Mean over all positions.
    case globalAveragePool
    /// Fully connected, at every position of its input, which are vectors.
    case linear(bias: Bool = true)
  }

  /// Layer 0 is the input, the last layer the scores.
  public let layers: [Layer]
  /// The layers of each of the network's stages. Before them is the stem, after them the head.
  var stages: [Range<Int>] = []

  /// For each layer whether its output is vectors: what a flattening or the global average makes,
  /// and what follows from that.
  var areVectors: [Bool] {
    layers.reduce(into: []) { known, layer in
      switch layer.operation {
      case .flatten, .globalAveragePool: known.append(true)
      default: known.append(layer.inputs.first.map { known[$0] } ?? false)
      }
    }
  }
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
