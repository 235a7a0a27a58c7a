import ResNet

/// The layers of a network as Keras and Caffe have them, to be made tensors of this library.
///
/// Where BN follows, a convolution's bias only moves its mean; and another epsilon than this library's
/// is a larger variance. Both are exact when the network is run.
struct ForeignLayers {
  enum Value: Int, CaseIterable {
    case kernel, bias, gamma, beta, mean, variance

    /// How an error calls it.
    var title: String { ["kernel", "bias", "gamma", "beta", "mean", "variance"][rawValue] }
  }

  private struct Layer {
    let place: LayerPlace
    var values = [HDF5Tensor?](repeating: nil, count: Value.allCases.count)
    /// By which BN's statistics are to be divided.
    var divisor: HDF5Tensor?
  }

  private var layers: [Layer] = []
  private var indices: [String: Int] = [:]

  private mutating func index(of place: LayerPlace) -> Int {
    if let index = indices[place.convolution] { return index }
    indices[place.convolution] = layers.count
    layers.append(Layer(place: place))
    return layers.count - 1
  }

  /// Throws if the file has that value of that layer twice.
  mutating func set(_ value: Value, of place: LayerPlace, to tensor: HDF5Tensor)
    throws(ResNetError)
  {
    let layer = index(of: place)
    if let first = layers[layer].values[value.rawValue] {
      throw ResNetError(
        .badFormat, "\(first.path) and \(tensor.path) are both the \(value.title) of one layer")
    }
    layers[layer].values[value.rawValue] = tensor
  }

  mutating func setDivisor(of place: LayerPlace, to tensor: HDF5Tensor) {
    layers[index(of: place)].divisor = tensor
  }

  /// Adds all tensors. `isKeras`: kernels are height x width x inputs x outputs, and inputs x outputs.
  func add(to weights: inout ImportedWeights, isKeras: Bool, epsilon: Double) throws(ResNetError) {
    for layer in layers {
      func value(_ value: Value) -> HDF5Tensor? { layer.values[value.rawValue] }
      func add(_ name: String, _ tensor: HDF5Tensor?) {
        guard let tensor else { return }
        weights.tensors.append(
          ImportedTensor(name, tensor.shape, origin: tensor.path) { () throws(ResNetError) in
            try tensor.read()
          })
      }
      let convolution = layer.place.convolution
      let batchNorm = layer.place.batchNorm
      let bias = value(.bias)
      if let kernel = value(.kernel) {
        let name = "\(convolution).weight"
        if isKeras {
          let shape = kernel.shape
          weights.tensors.append(
            ImportedTensor(
              name, Self.canonical(shape), origin: kernel.path
            ) { () throws(ResNetError) in
              try Self.fromKeras(try kernel.read(), shape)
            })
        } else {
          add(name, kernel)
        }
      }
      guard let mean = value(.mean) else {
        add("\(convolution).bias", bias)
        add("\(batchNorm).weight", value(.gamma))
        add("\(batchNorm).bias", value(.beta))
        add("\(batchNorm).running_var", value(.variance))
        continue
      }
      let divisor = layer.divisor
      add("\(batchNorm).weight", value(.gamma))
      add("\(batchNorm).bias", value(.beta))
      weights.tensors.append(
        ImportedTensor("\(batchNorm).running_mean", mean.shape, origin: mean.path) {
          () throws(ResNetError) in
          let factor = try Self.factor(divisor)
          let means = try mean.read()
          guard let bias else { return means.map { Float(Double($0) * factor) } }
          let biases = try bias.read()
          guard biases.count == means.count else {
            throw ResNetError(
              .shapeMismatch, "\(bias.path) has \(biases.count) values, expected \(means.count)")
          }
          return zip(means, biases).map { Float(Double($0) * factor - Double($1)) }
        })
      guard let variance = value(.variance) else { continue }
      weights.tensors.append(
        ImportedTensor("\(batchNorm).running_var", variance.shape, origin: variance.path) {
          () throws(ResNetError) in
          let factor = try Self.factor(divisor)
          return try variance.read().map { Float(Double($0) * factor + (epsilon - 1e-5)) }
        })
    }
  }

  /// What Caffe multiplies sums by: 0 for a divisor of 0.
  private static func factor(_ divisor: HDF5Tensor?) throws(ResNetError) -> Double {
    guard let divisor else { return 1 }
    let values = try divisor.read()
    guard values.count == 1, values[0].isFinite, values[0] >= 0 else {
      throw ResNetError(.badFormat, "\(divisor.path) is not a number of 0 or more")
    }
    return values[0] == 0 ? 0 : 1 / Double(values[0])
  }

  /// From Keras's order of axes to this library's.
  private static func canonical(_ shape: [Int]) -> [Int] {
    switch shape.count {
    case 4: [shape[3], shape[2], shape[0], shape[1]]
    case 2: [shape[1], shape[0]]
    default: shape
    }
  }

  private static func fromKeras(_ values: [Float], _ shape: [Int]) throws(ResNetError) -> [Float] {
    guard let outputs = shape.last, outputs > 0, shape.count == 4 || shape.count == 2 else {
      return values
    }
    let area = shape.count == 4 ? shape[0] * shape[1] : 1
    return try permuted(values, area: area, inputs: shape[shape.count - 2], outputs: outputs)
  }

  /// From area x inputs x outputs to outputs x inputs x area.
  private static func permuted(_ values: [Float], area: Int, inputs: Int, outputs: Int)
    throws(ResNetError) -> [Float]
  {
    try expectMemory(values.count, of: MemoryLayout<Float>.stride, for: "a kernel")
    var result = [Float](repeating: 0, count: values.count)
    var source = 0
    for pixel in 0..<area {
      for input in 0..<inputs {
        for output in 0..<outputs {
          result[(output * inputs + input) * area + pixel] = values[source]
          source += 1
        }
      }
    }
    return result
  }

  /// From outputs x inputs x area, as in this library, to area x inputs x outputs, as in Keras.
  static func toKeras(_ values: [Float], outputs: Int, inputs: Int, area: Int)
    throws(ResNetError) -> [Float]
  {
    // The same, with the ends exchanged.
    try permuted(values, area: outputs, inputs: inputs, outputs: area)
  }
}
