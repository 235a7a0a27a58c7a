import ResNet

/// The ways through the steps of a graph: what reads what, and the convolutions on the way.
struct ONNXPath {
  /// A convolution, and what follows it up to the activation.
  struct Unit {
    var name = ""
    var affineName = ""
    let kernel: Int
    let stride: Int
    let padding: Int
    let weight: ONNXConstant
    let bias: ONNXConstant?
    var affine: ONNXSteps.Affine?
    let channels: Int
    /// Its convolution's step, and its last.
    let start: Int
    var end: Int
  }

  /// A fully connected layer, with weights of shape (outputs, inputs).
  struct Linear {
    var name = ""
    let weight: ONNXConstant
    let bias: ONNXConstant?
  }

  let steps: ONNXSteps
  /// The steps that read each step's output.
  let readers: [[Int]]

  init(_ steps: ONNXSteps) {
    self.steps = steps
    var readers = [[Int]](repeating: [], count: steps.steps.count)
    for (index, step) in steps.steps.enumerated() {
      for input in step.inputs { readers[input].append(index) }
    }
    self.readers = readers
  }

  func operation(_ step: Int) -> ONNXSteps.Operation { steps.steps[step].operation }

  func refusal(_ step: Int, _ reason: String) -> ResNetError {
    guard step > 0 else {
      return ResNetError(.badFormat, "what reads the graph's input is not understood: \(reason)")
    }
    return steps.nodes[steps.steps[step].node].refusal(reason)
  }

  /// The only step that reads a step's output; else the step itself.
  func only(_ step: Int) -> Int {
    readers[step].count == 1 ? readers[step][0] : step
  }

  func unit(at step: Int) throws(ResNetError) -> Unit {
    guard
      case .convolution(let kernel, let stride, let padding, let weight, let bias) = operation(step)
    else {
      throw refusal(step, "expected a convolution")
    }
    var unit = Unit(
      kernel: kernel, stride: stride, padding: padding, weight: weight, bias: bias,
      channels: steps.steps[step].channels, start: step, end: step)
    if case .affine(let affine) = operation(only(step)) {
      unit.affine = affine
      unit.end = only(step)
    }
    return unit
  }

  /// The step of the activation that alone follows a step.
  func activation(after step: Int) throws(ResNetError) -> Int {
    guard case .relu = operation(only(step)), only(step) != step else {
      throw refusal(step, "expected a ReLU after it, and nothing else")
    }
    return only(step)
  }

  /// Throws unless a layer of a network is the convolution that was found.
  func verify(_ unit: Unit, is layer: Graph.Layer?, bias: Bool) throws(ResNetError) {
    let operation = Graph.Operation.convolution(
      kernel: unit.kernel, stride: unit.stride, padding: unit.padding, bias: bias)
    guard let layer, layer.operation == operation, layer.channels == unit.channels else {
      throw refusal(
        unit.start,
        "as \(unit.name) of a network like the rest of the graph it would be another convolution, or none"
      )
    }
  }

  /// The layers of a network that a graph seems to be of.
  static func graph(of network: Network) throws(ResNetError) -> Graph {
    do throws(ResNetError) {
      return try Graph(network)
    } catch {
      throw ResNetError(.badFormat, "its graph is of a network that cannot be: \(error.message)")
    }
  }
}
