extension Model {
  /// Draws fresh weights by He's method ("Delving Deep into Rectifiers", 2015), as the paper does
  /// (section 3.4): convolution and fully connected weights are normal with mean 0 and variance
  /// 2 / fan-in, where fan-in is the number of inputs of one output value. BN starts as the
  /// identity (weight 1, bias 0, running mean 0, running variance 1) and biases at 0, but those of
  /// gates at -2, so that highway layers at first hand on most of their input ("Highway Networks",
  /// 2015, section 3; -2 is what its authors' CIFAR networks have).
  ///
  /// Each tensor's values are keyed by the seed and its index in the layout, so they do not depend
  /// on other tensors.
  package func initializeWeights(seed: UInt64) throws(ResNetError) {
    let parameters = try parameters
    let gates = Set(
      graph.layers.filter { $0.operation == .gate }.map { $0.inputs[1] })
    for (index, tensor) in layout.tensors.enumerated() {
      let values = parameters[tensor]
      switch tensor.kind {
      case .convolutionWeight, .linearWeight:
        let fanIn = tensor.shape.dropFirst().reduce(1, *)
        let deviation = (2 / Double(fanIn)).squareRoot()
        var random = Philox(seed: seed, stream: .weights, index: index)
        for position in stride(from: 0, to: values.count, by: 2) {
          let (first, second) = random.normals()
          values[position] = Float(first * deviation)
          if position + 1 < values.count { values[position + 1] = Float(second * deviation) }
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
}
