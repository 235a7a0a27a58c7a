/// Which tensors a network has, under which names, and where each lies in one flat array.
///
/// Names and order are those of a torchvision `state_dict`: `conv1.weight`, `bn1.weight`,
/// `bn1.bias`, `bn1.running_mean`, `bn1.running_var`, … `fc.bias`. Convolution weights are OIHW,
/// a fully connected layer's (outputs, inputs), all others one value per channel.
public struct ParameterLayout: Sendable {
  public enum Kind: Hashable, Sendable {
    case convolutionWeight, linearWeight, bias
    case batchNormWeight, batchNormBias
    case runningMean, runningVariance

    /// Whether SGD updates it (BN's running statistics are not learned by gradient).
    public var isTrainable: Bool { self != .runningMean && self != .runningVariance }
  }

  public struct Tensor: Hashable, Sendable {
    public let name: String
    public let kind: Kind
    public let shape: [Int]
    /// Index of the graph's layer that it belongs to.
    public let layer: Int
    /// First element in the flat array, a multiple of 16.
    public let offset: Int
    /// Elements.
    public let count: Int
  }

  /// Of tensors in the flat array, in floats: a cache line.
  static let alignment = 16

  /// In `state_dict` order.
  public let tensors: [Tensor]
  /// Floats of the flat array that SGD updates, gaps of alignment included; these come first.
  public let trainableFloats: Int
  /// Floats of the whole flat array.
  public let totalFloats: Int

  private let indexByName: [String: Int]

  public init(_ graph: Graph) {
    var specs: [(name: String, kind: Kind, shape: [Int], layer: Int)] = []
    for (index, layer) in graph.layers.enumerated() {
      let inputs = layer.inputs.first.map { graph.layers[$0].channels } ?? 0
      switch layer.operation {
      case .convolution(let kernel, _, _, let bias):
        let shape = [layer.channels, inputs, kernel, kernel]
        specs.append(("\(layer.name).weight", .convolutionWeight, shape, index))
        if bias { specs.append(("\(layer.name).bias", .bias, [layer.channels], index)) }
      case .batchNorm:
        let kinds: [(String, Kind)] = [
          ("weight", .batchNormWeight), ("bias", .batchNormBias),
          ("running_mean", .runningMean), ("running_var", .runningVariance),
        ]
        for (suffix, kind) in kinds {
          specs.append(("\(layer.name).\(suffix)", kind, [layer.channels], index))
        }
      case .linear(let bias):
        specs.append(("\(layer.name).weight", .linearWeight, [layer.channels, inputs], index))
        if bias { specs.append(("\(layer.name).bias", .bias, [layer.channels], index)) }
      case .input, .relu, .maxout, .gate, .add, .maxPool, .padShortcut, .flatten,
        .globalAveragePool:
        break
      }
    }
    var offsets = [Int](repeating: 0, count: specs.count)
    var end = 0
    func place(where wanted: (Kind) -> Bool) {
      for (index, spec) in specs.enumerated() where wanted(spec.kind) {
        offsets[index] = end
        end += (spec.shape.reduce(1, *) + Self.alignment - 1) / Self.alignment * Self.alignment
      }
    }
    place(where: \.isTrainable)
    trainableFloats = end
    place { !$0.isTrainable }
    totalFloats = end
    tensors = specs.enumerated().map { index, spec in
      Tensor(
        name: spec.name, kind: spec.kind, shape: spec.shape, layer: spec.layer,
        offset: offsets[index], count: spec.shape.reduce(1, *))
    }
    indexByName = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
  }

  /// The weights of a convolution or of a fully connected layer.
  func weight(ofLayer layer: Int) -> Tensor? {
    tensors.first { $0.layer == layer }
  }

  /// The bias of a layer that has one, BN apart.
  func bias(ofLayer layer: Int) -> Tensor? {
    tensors.first { $0.layer == layer && $0.kind == .bias }
  }

  /// The tensor of that canonical name.
  public func tensor(named name: String) -> Tensor? {
    indexByName[name].map { tensors[$0] }
  }
}
