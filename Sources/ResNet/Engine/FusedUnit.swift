/// A run of layers that the engine computes as one: what inference and training plans are made of.
///
/// A unit's value is the output of its last layer, and values are called by that layer's index in
/// the graph.
struct FusedUnit {
  enum Operation {
    /// Convolution, batch normalisation, then the shortcut's addition and ReLU where they follow.
    case convolution(Convolution)
    /// An addition, a ReLU or both, after a value that had to be kept as it was.
    case join(addend: Int?, relu: Bool)
    case maxPool(kernel: Int, stride: Int, padding: Int)
    case padShortcut(stride: Int, zerosBefore: Int)
    case averagePool
    case linear(layer: Int)
  }

  struct Convolution {
    /// The graph's layers.
    let layer: Int
    /// Nil where the convolution's own output is asked for.
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
    for index in needed {
      let layer = layers[index]
      switch layer.operation {
      case .convolution(let kernel, let stride, let padding) where index == output:
        units.append(
          FusedUnit(
            operation: .convolution(
              .init(
                layer: index, batchNorm: nil, kernel: kernel, stride: stride, padding: padding,
                addend: nil, relu: false)),
            input: layer.inputs[0], output: index))
      case .convolution(let kernel, let stride, let padding):
        guard let batchNorm = follower(of: index, where: { $0 == .batchNorm }) else {
          throw unsupported(index)
        }
        // Shortcut projections end with BN; it is the residual branch that adds and rectifies.
        let add = follower(of: batchNorm) { $0 == .add }
          .flatMap { layers[$0].inputs[0] == batchNorm ? $0 : nil }
        let relu = follower(of: add ?? batchNorm) { $0 == .relu }
        let output = relu ?? add ?? batchNorm
        absorbed.formUnion([batchNorm, add ?? batchNorm, output])
        units.append(
          FusedUnit(
            operation: .convolution(
              .init(
                layer: index, batchNorm: batchNorm, kernel: kernel, stride: stride,
                padding: padding, addend: add.map { layers[$0].inputs[1] }, relu: relu != nil)),
            input: layer.inputs[0], output: output))
      case .maxPool(let kernel, let stride, let padding):
        units.append(
          FusedUnit(
            operation: .maxPool(kernel: kernel, stride: stride, padding: padding),
            input: layer.inputs[0], output: index))
      case .padShortcut(let stride, let zerosBefore):
        units.append(
          FusedUnit(
            operation: .padShortcut(stride: stride, zerosBefore: zerosBefore),
            input: layer.inputs[0], output: index))
      case .globalAveragePool:
        units.append(
          FusedUnit(operation: .averagePool, input: layer.inputs[0], output: index))
      case .linear:
        units.append(
          FusedUnit(operation: .linear(layer: index), input: layer.inputs[0], output: index))
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
        + "convolution is followed by batch normalisation, then optionally an addition and a ReLU")
  }
}
