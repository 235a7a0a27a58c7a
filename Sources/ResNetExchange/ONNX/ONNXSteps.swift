import ResNet

/// What a graph computes, in steps that this library knows: without layouts, paddings and constants of
/// its own making, which differ from exporter to exporter.
struct ONNXSteps {
  /// What follows a convolution: batch normalisation, or a factor and a summand for each channel.
  struct Affine {
    var scale: ONNXConstant?
    var shift: ONNXConstant?
    var mean: ONNXConstant?
    var variance: ONNXConstant?
    var epsilon: Float = 0
  }

  enum Operation {
    case input
    case convolution(kernel: Int, stride: Int, padding: Int, ONNXConstant, bias: ONNXConstant?)
    case affine(Affine)
    case relu
    case maxPool(kernel: Int, stride: Int, padding: Int)
    case add
    /// Every so manyth pixel in a column and in a row.
    case pixels(Int, Int)
    case zeros(before: Int, after: Int)
    case average
    /// Weights of shape (outputs, inputs).
    case linear(ONNXConstant, bias: ONNXConstant?)
    case softmax
  }

  struct Step {
    var operation: Operation
    let inputs: [Int]
    /// Of its output; 0 for an input of which nobody has said it.
    var channels: Int
    /// Index of the node that it was made of.
    let node: Int
  }

  /// A value of the graph that depends on the input.
  private struct Value {
    var step: Int
    /// Whether channels are the last axis.
    var isChannelsLast = false
    var isVector = false
    /// Zeros around it, in the order of ONNX: top, left, bottom, right.
    var padding = [0, 0, 0, 0]
  }

  let nodes: [ONNXNode]
  private let file: ONNXFile
  private(set) var steps: [Step]
  /// Of the input's channels, or one for all of them: x becomes scale x + shift.
  private(set) var inputScale = [1.0]
  private(set) var inputShift = [0.0]
  private var values: [String: Value] = [:]
  private var constants: [String: ONNXConstant] = [:]
  private var uses: [String: Int] = [:]

  init(_ file: ONNXFile) throws(ResNetError) {
    self.file = file
    nodes = file.nodes
    steps = [Step(operation: .input, inputs: [], channels: 0, node: 0)]
    for (name, tensor) in file.initializers { constants[name] = ONNXConstant(tensor) }
    for node in nodes {
      for input in node.inputs { uses[input, default: 0] += 1 }
    }
    uses[file.outputs[0], default: 0] += 1
    // What is transposed first tells what the input is like.
    let first = nodes.first {
      $0.operation == "Transpose" && constants[$0.inputs.first ?? ""] == nil
    }
    let isChannelsLast = first?.ints("perm", default: []) == [0, 3, 1, 2]
    values[file.inputs[0]] = Value(step: 0, isChannelsLast: isChannelsLast)
    for index in nodes.indices { try translate(index) }
    guard let output = values[file.outputs[0]], output.step == steps.count - 1 else {
      throw ResNetError(
        .badFormat, "the output \"\(file.outputs[0])\" is not what its last node computes")
    }
  }

  // MARK: - Inputs of nodes

  private func constant(_ node: ONNXNode, _ index: Int) -> ONNXConstant? {
    index < node.inputs.count ? constants[node.inputs[index]] : nil
  }

  private func isGiven(_ node: ONNXNode, _ index: Int) -> Bool {
    index < node.inputs.count && !node.inputs[index].isEmpty
  }

  /// The constant of an input that must be one.
  private func required(_ node: ONNXNode, _ index: Int) throws(ResNetError) -> ONNXConstant {
    guard let constant = constant(node, index) else {
      throw node.refusal("its input \(index) is no constant of the file")
    }
    return constant
  }

  /// Integers that are an attribute or, in newer operator sets, an input.
  private func integers(_ node: ONNXNode, _ name: String, _ index: Int) throws(ResNetError)
    -> [Int]?
  {
    if let attribute = node.attribute(name) { return attribute.ints }
    return isGiven(node, index) ? try required(node, index).tensor.integers() : nil
  }

  /// The value of the first input, which has no padding left.
  private func value(_ node: ONNXNode, _ index: Int = 0, padded: Bool = false) throws(ResNetError)
    -> Value
  {
    guard index < node.inputs.count, let value = values[node.inputs[index]] else {
      throw node.refusal("it does not depend on the input, or not in a way that is known")
    }
    guard padded || value.padding == [0, 0, 0, 0] else {
      throw node.refusal(
        "what it reads has been padded, which only a convolution or max-pooling may read")
    }
    return value
  }

  // MARK: - Outputs

  private mutating func set(_ index: Int, _ value: Value) {
    values[nodes[index].outputs[0]] = value
  }

  private mutating func append(
    _ index: Int, _ operation: Operation, _ value: Value, others: [Int] = [], channels: Int? = nil
  ) {
    let channels = channels ?? steps[value.step].channels
    steps.append(
      Step(operation: operation, inputs: [value.step] + others, channels: channels, node: index))
    var value = value
    value.step = steps.count - 1
    value.padding = [0, 0, 0, 0]
    set(index, value)
  }

  // MARK: - Nodes

  private mutating func translate(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let first = node.inputs.first ?? ""
    switch node.operation {
    case "Constant": try constant(node)
    case "Identity", "Dropout", "Cast":
      if node.operation == "Cast", node.int("to", default: 0) != ONNX.DataType.float {
        throw node.refusal("it makes another type than float")
      }
      if let constant = constants[first] {
        constants[node.outputs[0]] = constant
      } else {
        set(index, try value(node, padded: true))
      }
    case "Transpose": try transpose(index)
    case "Reshape", "Flatten", "Squeeze", "Unsqueeze": try reshape(index)
    case "Conv": try convolution(index)
    case "BatchNormalization": try batchNorm(index)
    case "Relu": append(index, .relu, try value(node))
    case "MaxPool": try maxPool(index)
    case "GlobalAveragePool":
      let value = try value(node)
      guard !value.isChannelsLast else { throw node.refusal("its input has its channels last") }
      append(index, .average, value)
    case "ReduceMean": try mean(index)
    case "Gemm", "MatMul": try linear(index)
    case "Add", "Sub", "Mul", "Div": try arithmetic(index)
    case "Pad": try pad(index)
    case "Slice": try slice(index)
    case "Softmax":
      let value = try value(node)
      guard value.isVector, [-1, 1].contains(node.int("axis", default: -1)) else {
        throw node.refusal("it is not of the scores of classes")
      }
      append(index, .softmax, value)
    default: throw node.refusal("no network of this library has such an operation")
    }
  }

  private mutating func constant(_ node: ONNXNode) throws(ResNetError) {
    let tensor: ONNXTensor
    if let value = node.attribute("value")?.tensor {
      tensor = value
    } else if let value = node.attribute("value_ints") {
      tensor = ONNXTensor(value.ints, in: file.content)
    } else if let value = node.attribute("value_int") {
      tensor = ONNXTensor([value.int], in: file.content, isScalar: true)
    } else {
      throw node.refusal("it is no tensor")
    }
    constants[node.outputs[0]] = ONNXConstant(tensor)
  }

  private mutating func transpose(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let order = node.ints("perm", default: [])
    if let constant = constant(node, 0) {
      let reversed = Array(constant.shape.indices.reversed())
      constants[node.outputs[0]] = try constant.transposed(order.isEmpty ? reversed : order)
      return
    }
    var value = try value(node)
    guard order == (value.isChannelsLast ? [0, 3, 1, 2] : [0, 2, 3, 1]), !value.isVector else {
      throw node.refusal("it puts the axes in the order \(order)")
    }
    value.isChannelsLast.toggle()
    set(index, value)
  }

  /// Of constants anything, of what has been averaged the form of vectors.
  private mutating func reshape(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let isReshape = node.operation == "Reshape"
    let given =
      node.operation == "Flatten" ? nil : try integers(node, isReshape ? "shape" : "axes", 1)
    if let constant = constant(node, 0) {
      var shape = constant.shape
      switch node.operation {
      case "Reshape": shape = given ?? []
      case "Unsqueeze":
        let axes = given ?? []
        let rank = shape.count + axes.count
        for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
          guard (0...shape.count).contains(axis) else {
            throw node.refusal("it has no axis \(axis)")
          }
          shape.insert(1, at: axis)
        }
      default:
        // Flatten, and Squeeze of axes that are all that have a side of 1.
        guard node.operation == "Squeeze",
          given.map({ $0.count == shape.count - constant.longSides.count }) ?? true
        else {
          throw node.refusal("it changes a constant in another way than is known")
        }
        shape = constant.longSides
      }
      constants[node.outputs[0]] = try constant.reshaped(shape)
      return
    }
    var value = try value(node)
    guard case .average = steps[value.step].operation, !value.isVector else {
      throw node.refusal("only what has been averaged over all positions is made vectors")
    }
    let fits =
      switch node.operation {
      case "Reshape":
        given?.count == 2 && [-1, steps[value.step].channels].contains(given?.last ?? 0)
      case "Flatten": node.int("axis", default: 1) == 1
      case "Squeeze": given?.count == 2 && !(given ?? []).contains(0)
      default: false
      }
    guard fits else { throw node.refusal("it does not make one vector for each image") }
    value.isVector = true
    value.isChannelsLast = false
    set(index, value)
  }

  // MARK: - Windows

  /// Kernel, stride and padding of a convolution or a max-pooling, each the same in both directions.
  private func window(_ node: ONNXNode, _ value: Value, kernel: [Int]) throws(ResNetError)
    -> (kernel: Int, stride: Int, padding: Int)
  {
    let strides = node.ints("strides", default: [1, 1])
    var pads = node.ints("pads", default: [0, 0, 0, 0])
    guard kernel.count == 2, kernel[0] == kernel[1],
      (1...Network.Limits.maxPool).contains(kernel[0]),
      strides.count == 2, strides[0] == strides[1],
      (1...Network.Limits.maxPool).contains(strides[0]),
      pads.count == 4, pads.allSatisfy({ (0...Network.Limits.maxPool).contains($0) }),
      node.ints("dilations", default: [1, 1]) == [1, 1], node.int("ceil_mode", default: 0) == 0,
      !value.isChannelsLast, !value.isVector
    else {
      throw node.refusal(
        "its window of \(kernel) at strides \(strides), padded by \(pads), is not square, dilated, too "
          + "large or not over the height and width of a map")
    }
    switch node.attribute("auto_pad")?.text ?? "NOTSET" {
    case "NOTSET": break
    case "VALID": pads = [0, 0, 0, 0]
    case "SAME_UPPER" where strides[0] == 1 && kernel[0] % 2 == 1,
      "SAME_LOWER" where strides[0] == 1 && kernel[0] % 2 == 1:
      pads = [Int](repeating: kernel[0] / 2, count: 4)
    default:
      throw node.refusal("its padding depends on the size of the image")
    }
    for side in 0..<4 { pads[side] += value.padding[side] }
    guard pads.allSatisfy({ $0 == pads[0] }) else {
      throw node.refusal("its padding \(pads) is not the same on all sides")
    }
    return (kernel[0], strides[0], pads[0])
  }

  private mutating func convolution(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node, padded: true)
    let weight = try required(node, 1)
    let bias = isGiven(node, 2) ? try required(node, 2) : nil
    let shape = weight.shape
    guard shape.count == 4, node.int("group", default: 1) == 1,
      node.ints("kernel_shape", default: Array(shape[2...])) == Array(shape[2...])
    else {
      throw node.refusal("its weights have shape \(shape), or it works on groups of channels")
    }
    if value.step == 0, steps[0].channels == 0 { steps[0].channels = shape[1] }
    guard shape[1] == steps[value.step].channels, bias.map({ $0.shape == [shape[0]] }) ?? true
    else {
      throw node.refusal(
        "its weights have shape \(shape), and what it reads has \(steps[value.step].channels) channels"
      )
    }
    let window = try window(node, value, kernel: Array(shape[2...]))
    append(
      index,
      .convolution(
        kernel: window.kernel, stride: window.stride, padding: window.padding, weight, bias: bias),
      value, channels: shape[0])
  }

  private mutating func maxPool(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node, padded: true)
    if value.padding != [0, 0, 0, 0] {
      // Zeros are what padding is, the smallest, where nothing is negative.
      guard case .relu = steps[value.step].operation else {
        throw node.refusal("zeros around what may be negative could be the largest")
      }
    }
    let window = try window(node, value, kernel: node.ints("kernel_shape", default: []))
    append(
      index,
      .maxPool(kernel: window.kernel, stride: window.stride, padding: window.padding), value)
  }

  private mutating func mean(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    var value = try value(node)
    let axes = (try integers(node, "axes", 1) ?? []).map { $0 < 0 ? $0 + 4 : $0 }.sorted()
    guard axes == (value.isChannelsLast ? [1, 2] : [2, 3]), !value.isVector else {
      throw node.refusal("it is not the mean over height and width")
    }
    value.isVector = node.int("keepdims", default: 1) == 0
    if value.isVector { value.isChannelsLast = false }
    append(index, .average, value)
  }

  // MARK: - Values of channels

  /// Throws unless a constant has one value for each channel of a value.
  private func check(_ node: ONNXNode, _ constant: ONNXConstant, _ value: Value, channels: Int)
    throws(ResNetError)
  {
    let shape = constant.shape
    let place = value.isChannelsLast || value.isVector ? 1 : 3
    guard constant.tensor.count == channels, shape.count <= 4, shape.count >= place,
      shape[shape.count - place] == channels
    else {
      throw node.refusal(
        "its constant of shape \(shape) does not have one value for each of \(channels) channels")
    }
  }

  private mutating func batchNorm(_ index: Int) throws(ResNetError) {
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
          "its input \(input) has shape \(constant.shape), expected [\(channels)]")
      }
      tensors.append(constant)
    }
    let affine = Affine(
      scale: tensors[0], shift: tensors[1], mean: tensors[2], variance: tensors[3],
      epsilon: node.attribute("epsilon")?.float ?? 1e-5)
    guard (0...1).contains(affine.epsilon) else { throw node.refusal("its epsilon cannot be") }
    append(index, .affine(affine), value)
  }

  private mutating func linear(_ index: Int) throws(ResNetError) {
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
    guard weight.shape[1] == steps[value.step].channels else {
      throw node.refusal(
        "its weights have shape \(weight.shape), and what it reads has "
          + "\(steps[value.step].channels) values")
    }
    if let bias { try check(node, bias, value, channels: outputs) }
    append(index, .linear(weight, bias: bias), value, channels: outputs)
  }

  private mutating func arithmetic(_ index: Int) throws(ResNetError) {
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
  private mutating func normalize(
    _ index: Int, _ constant: ONNXConstant, _ value: Value, isReversed: Bool
  ) throws(ResNetError) {
    let node = nodes[index]
    let count = constant.tensor.count
    guard (1...Network.Limits.inputChannels).contains(count), steps.count == 1,
      uses[file.inputs[0]] == 1,
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
    set(index, value)
  }

  // MARK: - Shortcuts without parameters

  private mutating func pad(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    var value = try value(node, padded: true)
    guard let pads = try integers(node, "pads", 1), pads.count == 8, !isGiven(node, 3),
      pads.allSatisfy({ (0...Network.Limits.width * 8).contains($0) }),
      (node.attribute("mode")?.text ?? "constant") == "constant", !value.isVector,
      isGiven(node, 2) ? try required(node, 2).floats() == [0] : true,
      (node.attribute("value")?.float ?? 0) == 0
    else {
      throw node.refusal("it does not pad with zeros")
    }
    let channel = value.isChannelsLast ? 3 : 1
    let row = value.isChannelsLast ? 1 : 2
    let around = [pads[row], pads[row + 1], pads[row + 4], pads[row + 5]]
    guard pads[0] == 0, pads[4] == 0 else { throw node.refusal("it pads with images") }
    let (before, after) = (pads[channel], pads[channel + 4])
    if before + after == 0 {
      for side in 0..<4 { value.padding[side] += around[side] }
      return set(index, value)
    }
    guard around + value.padding == [Int](repeating: 0, count: 8), value.step > 0 else {
      throw node.refusal("it pads channels and pixels")
    }
    append(
      index, .zeros(before: before, after: after), value,
      channels: steps[value.step].channels + before + after)
  }

  private mutating func slice(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node)
    var parts: [[Int]] = []
    for input in 1..<5 { parts.append(try required(node, input).tensor.integers()) }
    let (starts, ends, axes, strides) = (parts[0], parts[1], parts[2], parts[3])
    var step = [1, 1]
    for place in axes.indices {
      let axis = axes[place] < 0 ? axes[place] &+ 4 : axes[place]
      guard place < starts.count, place < ends.count, place < strides.count, starts[place] == 0,
        ends[place] >= Int(Int32.max), !value.isChannelsLast, !value.isVector,
        axis == 2 || axis == 3 || strides[place] == 1, (1...2).contains(strides[place])
      else {
        throw node.refusal("it does not take every pixel, or every second one of the whole map")
      }
      if axis == 2 || axis == 3 { step[axis - 2] = strides[place] }
    }
    if case .pixels(let rows, let columns) = steps[value.step].operation, uses[node.inputs[0]] == 1
    {
      steps[value.step].operation = .pixels(rows * step[0], columns * step[1])
      return set(index, value)
    }
    append(index, .pixels(step[0], step[1]), value)
  }
}
