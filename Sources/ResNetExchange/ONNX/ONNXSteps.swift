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
    case maxPool(kernel: Int, stride: Int, padding: Int, ceil: Bool)
    case add
    /// Every so manyth pixel in a column and in a row.
    case pixels(Int, Int)
    case zeros(before: Int, after: Int)
    case average
    /// A whole map as a vector: channels, then rows, then columns.
    case flatten
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
  struct Value {
    var step: Int
    /// Whether channels are the last axis.
    var isChannelsLast = false
    var isVector = false
    /// Zeros around it, in the order of ONNX: top, left, bottom, right.
    var padding = [0, 0, 0, 0]
  }

  let nodes: [ONNXNode]
  let file: ONNXFile
  /// Of the input; nil if the file leaves it open.
  private(set) var inputExtent: Extent?
  var steps: [Step]
  /// Of the input's channels, or one for all of them: x becomes scale x + shift.
  var inputScale = [1.0]
  var inputShift = [0.0]
  var values: [String: Value] = [:]
  var constants: [String: ONNXConstant] = [:]
  var uses: [String: Int] = [:]

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
    let sides = file.inputSides[file.inputs[0]] ?? []
    let row = isChannelsLast ? 1 : 2
    if sides.count == 4, min(sides[row], sides[row + 1]) > 0 {
      inputExtent = Extent(height: sides[row], width: sides[row + 1])
    }
    for index in nodes.indices { try translate(index) }
    guard let output = values[file.outputs[0]], output.step == steps.count - 1 else {
      throw ResNetError(
        .badFormat, "the output \"\(file.outputs[0])\" is not what its last node computes")
    }
  }

  // MARK: - Inputs of nodes

  func constant(_ node: ONNXNode, _ index: Int) -> ONNXConstant? {
    index < node.inputs.count ? constants[node.inputs[index]] : nil
  }

  func isGiven(_ node: ONNXNode, _ index: Int) -> Bool {
    index < node.inputs.count && !node.inputs[index].isEmpty
  }

  /// The constant of an input that must be one.
  func required(_ node: ONNXNode, _ index: Int) throws(ResNetError) -> ONNXConstant {
    guard let constant = constant(node, index) else {
      throw node.refusal("its input \(index) is no constant of the file")
    }
    return constant
  }

  /// Integers that are an attribute or, in newer operator sets, an input.
  func integers(_ node: ONNXNode, _ name: String, _ index: Int) throws(ResNetError)
    -> [Int]?
  {
    if let attribute = node.attribute(name) { return attribute.ints }
    return isGiven(node, index) ? try required(node, index).tensor.integers() : nil
  }

  /// The value of the first input, which has no padding left.
  func value(_ node: ONNXNode, _ index: Int = 0, padded: Bool = false) throws(ResNetError)
    -> Value
  {
    guard index < node.inputs.count, let value = values[node.inputs[index]] else {
      throw node.refusal(
        "it reads what is not of the input, not in a way that is known, or normalised elsewhere")
    }
    guard padded || value.padding == [0, 0, 0, 0] else {
      throw node.refusal(
        "what it reads has been padded, which only a convolution or max-pooling may read")
    }
    return value
  }

  // MARK: - Outputs

  mutating func set(_ index: Int, _ value: Value) {
    values[nodes[index].outputs[0]] = value
  }

  mutating func append(
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

  mutating func translate(_ index: Int) throws(ResNetError) {
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
    case "AveragePool": try averagePool(index)
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

  mutating func constant(_ node: ONNXNode) throws(ResNetError) {
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

  mutating func transpose(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let order = node.ints("perm", default: [])
    if let constant = constant(node, 0) {
      let reversed = Array(constant.shape.indices.reversed())
      constants[node.outputs[0]] = try constant.transposed(order.isEmpty ? reversed : order)
      return
    }
    var value = try value(node)
    guard order == (value.isChannelsLast ? [0, 3, 1, 2] : [0, 2, 3, 1]), !value.isVector else {
      throw node.refusal("it puts the axes in the order \(order.shown)")
    }
    value.isChannelsLast.toggle()
    set(index, value)
  }

  /// Of constants anything, of maps the form of vectors.
  mutating func reshape(_ index: Int) throws(ResNetError) {
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
    let channels = steps[value.step].channels
    guard !value.isVector, channels > 0 else {
      throw node.refusal("only maps that a convolution has made are made vectors")
    }
    guard case .average = steps[value.step].operation else { return try flatten(index, given) }
    let fits =
      switch node.operation {
      case "Reshape":
        given?.count == 2 && [-1, channels].contains(given?.last ?? 0)
      case "Flatten": node.int("axis", default: 1) == 1
      case "Squeeze": given?.count == 2 && !(given ?? []).contains(0)
      default: false
      }
    guard fits else { throw node.refusal("it does not make one vector for each image") }
    value.isVector = true
    value.isChannelsLast = false
    set(index, value)
  }

  /// A vector of all positions of a map, for a fully connected layer.
  mutating func flatten(_ index: Int, _ shape: [Int]?) throws(ResNetError) {
    let node = nodes[index]
    var value = try value(node)
    let isWhole =
      switch node.operation {
      case "Reshape": shape?.count == 2
      case "Flatten": node.int("axis", default: 1) == 1
      default: false
      }
    guard isWhole, !value.isChannelsLast else {
      throw node.refusal(
        "it does not make one vector for each image, of channels, rows and columns")
    }
    value.isVector = true
    append(index, .flatten, value)
  }
}
