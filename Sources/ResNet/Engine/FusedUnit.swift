/// A run of layers that the engine computes as one: what inference and training plans are made of.
///
/// A unit's value is the output of its last layer, and values are called by that layer's index in
/// the graph.
struct FusedUnit {
  enum Operation {
    /// Convolution (of vectors a fully connected layer, which to the kernels is one), its bias and
    /// batch normalisation, then the shortcut's addition and ReLU where they follow.
    case convolution(Convolution)
    /// An addition, a ReLU or both, after a value that had to be kept as it was.
    case join(addend: Int?, relu: Bool)
    case maxPool(kernel: Int, stride: Int, padding: Int)
    case padShortcut(stride: Int, zerosBefore: Int)
    case maxout(pieces: Int)
    /// The unit's input is h.
    case gate(g: Int, x: Int)
    case flatten(window: Int)
    case averagePool
    /// The classifier.
    case linear(layer: Int)
  }

  struct Convolution {
    /// The graph's layers.
    let layer: Int
    /// Nil without BN, and where the convolution's own output is asked for.
    let batchNorm: Int?
    let kernel: Int
    let stride: Int
    let padding: Int
    /// The value added before the ReLU, if any.
    let addend: Int?
    let relu: Bool
  }

  let operation: Operation
  /// The value it reads.
  let input: Int
  /// The value it makes.
  let output: Int
}

extension Graph {
  /// The graph as units, in an order in which they can be computed.
  ///
  /// Only what leads to `output` (nil: the scores) is in them. It and the layers in `kept` are
  /// values of their own: nothing that follows them is fused with them.
  func fusedUnits(to output: Int? = nil, keeping kept: Set<Int> = []) throws(ResNetError)
    -> [FusedUnit]
  {
    let output = output ?? layers.count - 1
    let needed = layersLeading(to: output)
    var consumers = [[Int]](repeating: [], count: layers.count)
    for index in needed {
      for input in layers[index].inputs { consumers[input].append(index) }
    }
    func follower(of index: Int, where matches: (Operation) -> Bool) -> Int? {
      guard !kept.contains(index), consumers[index].count == 1,
        matches(layers[consumers[index][0]].operation)
      else { return nil }
      return consumers[index][0]
    }

    var units: [FusedUnit] = []
    var absorbed = Set<Int>([0])
    func appendConvolution(
      _ index: Int, kernel: Int, stride: Int, padding: Int, hasBias: Bool
    ) throws(ResNetError) {
      let batchNorm = follower(of: index) { $0 == .batchNorm }
      guard hasBias || batchNorm != nil || index == output else { throw unsupported(index) }
      let affine = batchNorm ?? index
      // Shortcut projections end there; it is the residual branch that adds and rectifies.
      let add = follower(of: affine) { $0 == .add }
        .flatMap { layers[$0].inputs[0] == affine ? $0 : nil }
      let relu = follower(of: add ?? affine) { $0 == .relu }
      let output = relu ?? add ?? affine
      absorbed.formUnion([affine, add ?? affine, output])
      units.append(
        FusedUnit(
          operation: .convolution(
            .init(
              layer: index, batchNorm: batchNorm, kernel: kernel, stride: stride,
              padding: padding, addend: add.map { layers[$0].inputs[1] }, relu: relu != nil)),
          input: layers[index].inputs[0], output: output))
    }
    for index in needed {
      let layer = layers[index]
      switch layer.operation {
      case .linear where index == layers.count - 1:
        units.append(
          FusedUnit(operation: .linear(layer: index), input: layer.inputs[0], output: index))
      case .linear(let hasBias):
        try appendConvolution(index, kernel: 1, stride: 1, padding: 0, hasBias: hasBias)
      case .convolution(let kernel, let stride, let padding, let hasBias):
        try appendConvolution(
          index, kernel: kernel, stride: stride, padding: padding, hasBias: hasBias)
      case .maxPool(let kernel, let stride, let padding, _):
        units.append(
          FusedUnit(
            operation: .maxPool(kernel: kernel, stride: stride, padding: padding),
            input: layer.inputs[0], output: index))
      case .padShortcut(let stride, let zerosBefore):
        units.append(
          FusedUnit(
            operation: .padShortcut(stride: stride, zerosBefore: zerosBefore),
            input: layer.inputs[0], output: index))
      case .maxout(let pieces):
        units.append(
          FusedUnit(operation: .maxout(pieces: pieces), input: layer.inputs[0], output: index))
      case .gate:
        units.append(
          FusedUnit(
            operation: .gate(g: layer.inputs[1], x: layer.inputs[2]), input: layer.inputs[0],
            output: index))
      case .flatten(let window):
        units.append(
          FusedUnit(operation: .flatten(window: window), input: layer.inputs[0], output: index))
      case .globalAveragePool:
        units.append(
          FusedUnit(operation: .averagePool, input: layer.inputs[0], output: index))
      case .add where !absorbed.contains(index) && !kept.isDisjoint(with: layer.inputs):
        let relu = follower(of: index) { $0 == .relu }
        absorbed.formUnion([index, relu ?? index])
        units.append(
          FusedUnit(
            operation: .join(addend: layer.inputs[1], relu: relu != nil),
            input: layer.inputs[0], output: relu ?? index))
      case .relu where !absorbed.contains(index) && kept.contains(layer.inputs[0]):
        absorbed.insert(index)
        units.append(
          FusedUnit(
            operation: .join(addend: nil, relu: true), input: layer.inputs[0], output: index))
      case .input, .batchNorm, .relu, .add:
        guard absorbed.contains(index) else { throw unsupported(index) }
      }
    }
    // A unit stands where its last layer does, after all that it reads.
    return units.sorted { $0.output < $1.output }
  }

  /// A layer and all that it is computed from, in order.
  private func layersLeading(to output: Int) -> [Int] {
    var isNeeded = [Bool](repeating: false, count: layers.count)
    isNeeded[output] = true
    for index in layers[...output].indices.reversed() where isNeeded[index] {
      for input in layers[index].inputs { isNeeded[input] = true }
    }
    return isNeeded.indices.filter { isNeeded[$0] }
  }

  private func unsupported(_ index: Int) -> ResNetError {
    ResNetError(
      .invalidArgument,
      "layer \(layers[index].name) is not part of a sequence that the engine can run: each "
        + "convolution has a bias or is followed by batch normalisation, then optionally by an "
        + "addition and a ReLU")
  }
}
