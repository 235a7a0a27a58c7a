extension Model {
  /// Draws fresh weights by He's method ("Delving Deep into Rectifiers", 2015), as the paper does
  /// (section 3.4): convolution and fully connected weights are normal with mean 0 and variance
  /// 2 / fan-in, where fan-in is the number of inputs of one output value. Two is what ReLU takes: it
  /// halves the mean square. A maxout unit multiplies that by the mean square of the largest of its
  /// pieces (``largestSquares``), so weights before one have that factor's inverse / fan-in, or the
  /// scores of a deep network without BN would explode. BN starts as the identity (weight 1, bias 0,
  /// running mean 0, running variance 1) and biases at 0, but those of gates at -2, so that highway
  /// layers at first hand on most of their input ("Highway Networks", 2015, section 3; -2 is what its
  /// authors' CIFAR networks have).
  ///
  /// Each tensor's values are keyed by the seed and its index in the layout, so they do not depend
  /// on other tensors.
  package func initializeWeights(seed: UInt64) throws(ResNetError) {
    let parameters = try parameters
    let gates = Set(
      graph.layers.filter { $0.operation == .gate }.map { $0.inputs[1] })
    let gains = gainsOfMaxout
    for (index, tensor) in layout.tensors.enumerated() {
      let values = parameters[tensor]
      switch tensor.kind {
      case .convolutionWeight, .linearWeight:
        let fanIn = tensor.shape.dropFirst().reduce(1, *)
        let deviation = ((gains[tensor.layer] ?? 2) / Double(fanIn)).squareRoot()
        let random = Philox(seed: seed, stream: .weights, index: index)
        let piece = 1 << 16
        ThreadPool.shared.run((values.count + piece - 1) / piece, workers: Engine.threads) {
          task, _ in
          let range = task * piece..<min((task + 1) * piece, values.count)
          // Each value takes one word.
          var random = random.skipping(range.lowerBound)
          for position in stride(from: range.lowerBound, to: range.upperBound, by: 2) {
            let (first, second) = random.normals()
            values[position] = Float(first * deviation)
            if position + 1 < range.upperBound { values[position + 1] = Float(second * deviation) }
          }
        }
      case .batchNormWeight, .runningVariance:
        values.update(repeating: 1)
      case .bias:
        values.update(repeating: gates.contains(tensor.layer) ? -2 : 0)
      case .batchNormBias, .runningMean:
        values.update(repeating: 0)
      }
    }
    parameters.noteChange()
  }

  /// What the variance of weights is multiplied by, of the layers that maxout units read.
  private var gainsOfMaxout: [Int: Double] {
    var gains: [Int: Double] = [:]
    for layer in graph.layers {
      guard case .maxout(let pieces) = layer.operation else { continue }
      gains[layer.inputs[0]] = 1 / Model.largestSquares[pieces - 2]
    }
    return gains
  }

  /// The expectation of the square of the largest of k independent standard normal numbers, k from 2
  /// to 8: of three and four 1 + sqrt(3) / (2 pi) and 1 + sqrt(3) / pi, of more there is no such form.
  static let largestSquares = [
    1, 1.275_664_447_710_90, 1.551_328_895_421_79, 1.800_020_435_970_62, 2.021_739_069_357_41,
    2.220_304_135_585_65, 2.399_534_974_658_93,
  ]
}
