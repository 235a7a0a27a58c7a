import ResNet

/// What is done to each channel, or with weights of all of them.
extension ONNXSteps {
  /// Throws unless a constant has one value for each channel of a value.
  func check(_ node: ONNXNode, _ constant: ONNXConstant, _ value: Value, channels: Int)
    throws(ResNetError)
  {
    let shape = constant.shape
    let place = value.isChannelsLast || value.isVector ? 1 : 3
    guard constant.tensor.count == channels, shape.count <= 4, shape.count >= place,
      shape[shape.count - place] == channels
    else {
      throw node.refusal(
        "its constant of shape \(shape.shown) does not have one value for each of \(channels) channels"
      )
    }
  }

  mutating func batchNorm(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node)
    let channels = steps[value.step].channels
    guard node.int("training_mode", default: 0) == 0, !value.isChannelsLast, node.inputs.count == 5
    else {
      throw node.refusal("it is not as in inference over the second axis")
    }
    var tensors: [ONNXConstant] = []
    for input in 1..<5 {
      let constant = try required(node, input)
      guard constant.shape == [channels] else {
        throw node.refusal(
          "its input \(input) has shape \(constant.shape.shown), expected [\(channels)]")
      }
      tensors.append(constant)
    }
    let affine = Affine(
      scale: tensors[0], shift: tensors[1], mean: tensors[2], variance: tensors[3],
      epsilon: node.attribute("epsilon")?.float ?? 1e-5)
    guard (0...1).contains(affine.epsilon) else { throw node.refusal("its epsilon cannot be") }
    append(index, .affine(affine), value)
  }

  mutating func linear(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node)
    var weight = try required(node, 1)
    let isGemm = node.operation == "Gemm"
    guard weight.shape.count == 2, value.isVector, node.int("transA", default: 0) == 0,
      (node.attribute("alpha")?.float ?? 1) == 1, (node.attribute("beta")?.float ?? 1) == 1
    else {
      throw node.refusal("it is not a product of one vector for each image and a matrix")
    }
    if !isGemm || node.int("transB", default: 0) == 0 { weight = try weight.transposed([1, 0]) }
    let bias = isGemm && isGiven(node, 2) ? try required(node, 2) : nil
    let outputs = weight.shape[0]
    let channels = steps[value.step].channels
    var isFit = weight.shape[1] == channels
    if case .flatten = steps[value.step].operation {
      isFit = Self.window(of: weight.shape[1], channels: channels) != nil
    }
    guard isFit else {
      throw node.refusal(
        "its weights have shape \(weight.shape.shown), and what it reads has \(channels) channels of a "
          + "square map, or values")
    }
    if let bias { try check(node, bias, value, channels: outputs) }
    append(index, .linear(weight, bias: bias), value, channels: outputs)
  }

  /// The side of the square map that so many values of so many channels are of, if it is one. (A map has
  /// the size that the weights on it are for.)
  static func window(of values: Int, channels: Int) -> Int? {
    guard channels > 0, values % channels == 0 else { return nil }
    return (1...Network.Limits.window).first { $0 * $0 == values / channels }
  }

  mutating func arithmetic(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    guard node.inputs.count == 2 else { throw node.refusal("it has not two inputs") }
    let constantAt =
      constants[node.inputs[1]] != nil ? 1 : constants[node.inputs[0]] != nil ? 0 : nil
    guard let constantAt else {
      let (one, other) = (try value(node), try value(node, 1))
      guard node.operation == "Add", one.isChannelsLast == other.isChannelsLast,
        one.isVector == other.isVector, steps[one.step].channels == steps[other.step].channels
      else {
        throw node.refusal("it does not add two maps of one shape")
      }
      return append(index, .add, one, others: [other.step])
    }
    let value = try value(node, 1 - constantAt)
    let constant = try required(node, constantAt)
    if value.step == 0 {
      return try normalize(index, constant, value, isReversed: constantAt == 0)
    }
    try check(node, constant, value, channels: steps[value.step].channels)
    guard node.operation == "Add" || node.operation == "Mul" else {
      throw node.refusal("only the input may be so changed by a constant")
    }
    if node.operation == "Mul" { return append(index, .affine(Affine(scale: constant)), value) }
    // A bias of what was computed just before.
    if uses[node.inputs[1 - constantAt]] == 1 {
      switch steps[value.step].operation {
      case .convolution(let kernel, let stride, let padding, let weight, nil):
        steps[value.step].operation = .convolution(
          kernel: kernel, stride: stride, padding: padding, weight,
          bias: try constant.reshaped([constant.tensor.count]))
        return set(index, value)
      case .linear(let weight, nil):
        steps[value.step].operation = .linear(weight, bias: constant)
        return set(index, value)
      case .affine(var affine) where affine.shift == nil:
        affine.shift = constant
        steps[value.step].operation = .affine(affine)
        return set(index, value)
      default: break
      }
    }
    append(index, .affine(Affine(shift: constant)), value)
  }

  /// What is done to the input before anything else.
  mutating func normalize(
    _ index: Int, _ constant: ONNXConstant, _ value: Value, isReversed: Bool
  ) throws(ResNetError) {
    let node = nodes[index]
    let count = constant.tensor.count
    guard (1...Network.Limits.inputChannels).contains(count), steps.count == 1,
      !isReversed || node.operation == "Add" || node.operation == "Mul"
    else {
      throw node.refusal("the input is not normalised by one value for each channel")
    }
    if count > 1 { try check(node, constant, value, channels: count) }
    let numbers = try constant.floats()
    let channels = max(inputScale.count, count)
    guard inputScale.count == 1 || count == 1 || inputScale.count == count else {
      throw node.refusal("the input was normalised for another number of channels before")
    }
    var scale: [Double] = []
    var shift: [Double] = []
    for channel in 0..<channels {
      let number = Double(numbers[channel % count])
      scale.append(inputScale[channel % inputScale.count])
      shift.append(inputShift[channel % inputShift.count])
      switch node.operation {
      case "Add": shift[channel] += number
      case "Sub": shift[channel] -= number
      case "Mul":
        (scale[channel], shift[channel]) = (scale[channel] * number, shift[channel] * number)
      default: (scale[channel], shift[channel]) = (scale[channel] / number, shift[channel] / number)
      }
    }
    (inputScale, inputShift) = (scale, shift)
    // Nothing may read what it was before.
    values = [:]
    set(index, value)
  }
}
