extension Graph {
  /// Learned values: convolutions, biases, BN's scale and shift, fully connected layers.
  /// BN's running statistics are not counted.
  public var parameterCount: Int {
    layers.indices.reduce(0) { $0 + parameterCount(ofLayer: $1) }
  }

  package func parameterCount(ofLayer index: Int) -> Int {
    let layer = layers[index]
    switch layer.operation {
    case .convolution(_, _, _, let bias), .linear(let bias):
      return weightCount(ofLayer: index) + (bias ? layer.channels : 0)
    case .batchNorm:
      return 2 * layer.channels
    case .input, .relu, .maxout, .gate, .add, .maxPool, .padShortcut, .flatten, .globalAveragePool:
      return 0
    }
  }

  /// Weights of a convolution or a fully connected layer, its bias left out; of other layers 0.
  private func weightCount(ofLayer index: Int) -> Int {
    let kernel: Int
    switch layers[index].operation {
    case .convolution(let side, _, _, _): kernel = side
    case .linear: kernel = 1
    default: return 0
    }
    let inputs = layers[index].inputs.first.map { layers[$0].channels } ?? 0
    return layers[index].channels * inputs * kernel * kernel
  }

  /// Multiply-adds of one image of that size, as the paper counts them (Table 1): those of the
  /// convolutions, projection shortcuts and gates included, and of the fully connected layers.
  ///
  /// Throws `shapeMismatch` where ``extents(input:)`` does.
  public func multiplyAdds(input: Extent) throws(ResNetError) -> Int {
    multiplyAddsPerLayer(extents: try extents(input: input)).reduce(0, +)
  }

  /// The terms of ``multiplyAdds(input:)``. No weight is used more often than there are input
  /// pixels, so ``Network/Limits`` keep even their sum below 2^31 * 2^32.
  package func multiplyAddsPerLayer(extents: [Extent]) -> [Int] {
    zip(layers.indices, extents).map { index, extent in
      extent.height * extent.width * weightCount(ofLayer: index)
    }
  }

  /// Depth as the paper counts it: convolutions and fully connected layers, projection shortcuts
  /// and gates left out (20 for ResNet-20).
  public var weightedLayers: Int {
    let weighted = layers.indices.filter(isWeighted)
    let beside = layers.reduce(into: Set<Int>()) { beside, layer in
      switch layer.operation {
      case .add:
        // Its second input is its shortcut, which ends in weights and BN only if it is a projection.
        let shortcut = layer.inputs[1]
        let end = layers[shortcut].operation == .batchNorm ? shortcut - 1 : shortcut
        if isWeighted(end) { beside.insert(end) }
      case .gate: beside.insert(layer.inputs[1])
      default: break
      }
    }
    return weighted.count - beside.count
  }

  private func isWeighted(_ index: Int) -> Bool {
    switch layers[index].operation {
    case .convolution, .linear: true
    default: false
    }
  }
}
