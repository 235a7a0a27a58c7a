extension Graph {
  /// Learned values: convolutions, BN's scale and shift, the fully connected layer and its bias.
  /// BN's running statistics are not counted.
  public var parameterCount: Int {
    layers.indices.reduce(0) { $0 + parameterCount(ofLayer: $1) }
  }

  func parameterCount(ofLayer index: Int) -> Int {
    let layer = layers[index]
    switch layer.operation {
    case .convolution(let kernel, _, _):
      return layer.channels * inputChannels(ofLayer: index) * kernel * kernel
    case .batchNorm:
      return 2 * layer.channels
    case .linear:
      return layer.channels * (inputChannels(ofLayer: index) + 1)
    case .input, .relu, .add, .maxPool, .padShortcut, .globalAveragePool:
      return 0
    }
  }

  /// Multiply-adds of one image of that size, as the paper counts them (Table 1): those of the
  /// convolutions, projection shortcuts included, and of the fully connected layer.
  ///
  /// Throws `shapeMismatch` where ``extents(input:)`` does.
  public func multiplyAdds(input: Extent) throws(ResNetError) -> Int {
    multiplyAddsPerLayer(extents: try extents(input: input)).reduce(0, +)
  }

  /// The terms of ``multiplyAdds(input:)``. No weight is used more often than there are input
  /// pixels, so ``Network/Limits`` keep even their sum below 2^31 * 2^32.
  func multiplyAddsPerLayer(extents: [Extent]) -> [Int] {
    zip(layers.indices, extents).map { index, extent in
      switch layers[index].operation {
      case .convolution: extent.height * extent.width * parameterCount(ofLayer: index)
      case .linear: parameterCount(ofLayer: index) - layers[index].channels
      case .input, .batchNorm, .relu, .add, .maxPool, .padShortcut, .globalAveragePool: 0
      }
    }
  }

  /// Depth as the paper counts it: convolutions and the fully connected layer, projection
  /// shortcuts left out (20 for ResNet-20).
  public var weightedLayers: Int {
    // An addition's second input is its shortcut; it ends in BN only if it is a projection.
    let projections = layers.count { layer in
      layer.operation == .add && layers[layer.inputs[1]].operation == .batchNorm
    }
    let weighted = layers.count { layer in
      switch layer.operation {
      case .convolution, .linear: true
      case .input, .batchNorm, .relu, .add, .maxPool, .padShortcut, .globalAveragePool: false
      }
    }
    return weighted - projections
  }

  private func inputChannels(ofLayer index: Int) -> Int {
    layers[index].inputs.first.map { layers[$0].channels } ?? 0
  }
}
