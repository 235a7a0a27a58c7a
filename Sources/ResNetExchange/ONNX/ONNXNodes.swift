import ResNet

/// A network as nodes of ONNX, under the names of its layers: the same network makes the same bytes.
///
/// A fully connected layer before the average works at every position, which is a convolution; its
/// weights lie in the same order. All is for any number of images of any size.
struct ONNXNodes {
  enum Attribute {
    case int(Int)
    case ints([Int])
    case float(Float)
  }

  typealias Attributes = [(name: String, value: Attribute)]

  /// The nodes as fields of the graph.
  private(set) var fields = ProtobufWriter()
  /// What they read beside the network's tensors: integers, of which none is a scalar.
  private(set) var constants: [(name: String, values: [Int])] = []
  /// The shapes of those tensors that are not given as the network has them.
  private(set) var shapes: [String: [Int]] = [:]

  init(_ graph: Graph, hasMean: Bool, hasScale: Bool) {
    var values = [ONNX.images]
    if hasMean { values[0] = add("Sub", [values[0], ONNX.mean], "input.centred") }
    if hasScale { values[0] = add("Mul", [values[0], ONNX.scale], "input.scaled") }
    // The side of the patches that the next fully connected layer reads, and whether there was the
    // average, or will be after that layer, which is linear.
    var window = 1
    var isAveraged = false
    var averagesAfter = false
    for (index, layer) in graph.layers.enumerated().dropFirst() {
      let inputs = layer.inputs.map { values[$0] }
      let name = layer.name
      let output = index + 1 == graph.layers.count ? ONNX.logits : name
      switch layer.operation {
      case .input: values.append(inputs[0])
      case .convolution(let kernel, let stride, let padding, let bias):
        values.append(
          add(
            "Conv", [inputs[0]] + weights(name, bias), output,
            windows(kernel, stride, padding)))
      case .batchNorm:
        let tensors = ["weight", "bias", "running_mean", "running_var"].map { "\(name).\($0)" }
        values.append(
          add("BatchNormalization", inputs + tensors, output, [("epsilon", .float(1e-5))]))
      case .relu: values.append(add("Relu", inputs, output))
      case .maxout(let pieces):
        let parts = (0..<pieces).map { "\(name).piece\($0)" }
        add("Split", inputs, parts, [("axis", .int(1))])
        values.append(add("Max", parts, output))
      case .gate:
        // h T + x (1 - T) = x + (h - x) T
        _ = add("Sigmoid", [inputs[1]], "\(name).sigmoid")
        _ = add("Sub", [inputs[0], inputs[2]], "\(name).change")
        _ = add("Mul", ["\(name).change", "\(name).sigmoid"], "\(name).gated")
        values.append(add("Add", [inputs[2], "\(name).gated"], output))
      case .add: values.append(add("Add", inputs, output))
      case .maxPool(let kernel, let stride, let padding, let ceil):
        let rounding: Attributes = ceil ? [("ceil_mode", .int(1))] : []
        values.append(
          add("MaxPool", inputs, output, rounding + windows(kernel, stride, padding)))
      case .padShortcut(let stride, let before):
        let added = layer.channels - graph.layers[layer.inputs[0]].channels
        values.append(
          shortcut(inputs[0], stride: stride, zeros: (before, added - before), output))
      case .flatten(let side):
        window = side
        values.append(side > 1 ? stretched(inputs[0], to: side, name) : inputs[0])
      case .globalAveragePool:
        averagesAfter = window > 1
        isAveraged = !averagesAfter
        values.append(averagesAfter ? inputs[0] : average(inputs[0], output))
      case .linear(let bias):
        let tensors = weights(name, bias)
        if isAveraged {
          values.append(
            add("Gemm", [inputs[0]] + tensors, output, [("transB", .int(1))]))
          continue
        }
        let channels = graph.layers[layer.inputs[0]].channels / (window * window)
        shapes[tensors[0]] = [layer.channels, channels, window, window]
        let map = averagesAfter ? "\(name).map" : output
        _ = add("Conv", [inputs[0]] + tensors, map, windows(window, 1, 0))
        values.append(averagesAfter ? average(map, output) : map)
        window = 1
      }
    }
  }

  private func weights(_ layer: String, _ bias: Bool) -> [String] {
    bias ? ["\(layer).weight", "\(layer).bias"] : ["\(layer).weight"]
  }

  private func windows(_ kernel: Int, _ stride: Int, _ padding: Int) -> Attributes {
    [
      ("kernel_shape", .ints([kernel, kernel])),
      ("pads", .ints([padding, padding, padding, padding])),
      ("strides", .ints([stride, stride])),
    ]
  }

  /// The mean over all positions, as one vector for each image.
  private mutating func average(_ input: String, _ output: String) -> String {
    add("Flatten", [add("GlobalAveragePool", [input], "\(output).mean")], output)
  }

  /// Every `stride`-th pixel, and zero channels.
  private mutating func shortcut(
    _ input: String, stride: Int, zeros: (before: Int, after: Int), _ output: String
  ) -> String {
    let hasZeros = zeros.before + zeros.after > 0
    var value = input
    if stride > 1 {
      value = add(
        "Slice",
        [
          value, constant("shortcut.starts", [0, 0]),
          constant("shortcut.ends", [Int.max, Int.max]), constant("shortcut.axes", [2, 3]),
          constant("shortcut.steps\(stride)", [stride, stride]),
        ], hasZeros ? "\(output).pixels" : output)
    }
    guard hasZeros else { return value }
    let pads = constant("\(output).pads", [0, zeros.before, 0, 0, 0, zeros.after, 0, 0])
    return add("Pad", [value, pads], output)
  }

  /// A map whose sides that are shorter than `side` are stretched to it, each cell i of n averaging the
  /// pixels that it covers: from floor(i n / side) to ceil((i + 1) n / side). This is a product with a
  /// matrix for each side, which is the identity where nothing is stretched.
  private mutating func stretched(_ input: String, to side: Int, _ name: String) -> String {
    let least = constant("flatten.side", [side])
    let one = constant("flatten.one", [1])
    let axis = constant("flatten.axis", [1])
    let zero = constant("flatten.zero", [0])
    var value = input
    for (index, what) in ["rows", "columns"].enumerated() {
      let prefix = "\(name).\(what)"
      func of(_ part: String) -> String { "\(prefix).\(part)" }
      _ = add(
        "Shape", [input], of("count"), [("start", .int(index + 2)), ("end", .int(index + 3))])
      _ = add("Max", [of("count"), least], of("cells"))
      // 0, 1, ... of the pixels; of the cells, one in each row.
      for (limit, numbers) in [("count", "pixel"), ("cells", "cell")] {
        for (number, scalar) in [(zero, "zero"), (of(limit), "limit"), (one, "one")] {
          _ = add("Squeeze", [number], of("\(numbers).\(scalar)"))
        }
        _ = add("Range", ["zero", "limit", "one"].map { of("\(numbers).\($0)") }, of(numbers))
      }
      _ = add("Unsqueeze", [of("cell"), axis], of("row"))
      _ = add("Mul", [of("row"), of("count")], of("from.scaled"))
      _ = add("Div", [of("from.scaled"), of("cells")], of("from"))
      // Rounded upwards: plus a cell's pixels, plus all but one of the cells.
      _ = add("Add", [of("from.scaled"), of("count")], of("end.scaled"))
      _ = add("Sub", [of("cells"), one], of("rounding"))
      _ = add("Add", [of("end.scaled"), of("rounding")], of("end.rounded"))
      _ = add("Div", [of("end.rounded"), of("cells")], of("end"))
      _ = add("GreaterOrEqual", [of("pixel"), of("from")], of("after"))
      _ = add("Less", [of("pixel"), of("end")], of("before"))
      _ = add("And", [of("after"), of("before")], of("covered"))
      _ = add("Cast", [of("covered")], of("ones"), [("to", .int(ONNX.DataType.float))])
      _ = add("ReduceSum", [of("ones"), axis], of("covers"))
      _ = add("Div", [of("ones"), of("covers")], of("matrix"))
      if index == 0 {
        value = add("MatMul", [of("matrix"), value], of("stretched"))
      } else {
        _ = add("Transpose", [of("matrix")], of("transposed"), [("perm", .ints([1, 0]))])
        value = add("MatMul", [value, of("transposed")], of("stretched"))
      }
    }
    return value
  }

  private mutating func constant(_ name: String, _ values: [Int]) -> String {
    if !constants.contains(where: { $0.name == name }) { constants.append((name, values)) }
    return name
  }

  /// Adds a node and returns its output.
  private mutating func add(
    _ operation: String, _ inputs: [String], _ output: String, _ attributes: Attributes = []
  ) -> String {
    add(operation, inputs, [output], attributes)
    return output
  }

  private mutating func add(
    _ operation: String, _ inputs: [String], _ outputs: [String], _ attributes: Attributes
  ) {
    var node = ProtobufWriter()
    for input in inputs { node.add(ONNX.Node.input, input) }
    for output in outputs { node.add(ONNX.Node.output, output) }
    node.add(ONNX.Node.name, outputs[0])
    node.add(ONNX.Node.operation, operation)
    for (name, value) in attributes {
      var attribute = ProtobufWriter()
      attribute.add(ONNX.Attribute.name, name)
      switch value {
      case .float(let number):
        attribute.add(ONNX.Attribute.float, number)
        attribute.add(ONNX.Attribute.type, ONNX.Attribute.isFloat)
      case .int(let number):
        attribute.add(ONNX.Attribute.int, number)
        attribute.add(ONNX.Attribute.type, ONNX.Attribute.isInt)
      case .ints(let numbers):
        for number in numbers { attribute.add(ONNX.Attribute.ints, number) }
        attribute.add(ONNX.Attribute.type, ONNX.Attribute.isInts)
      }
      node.add(ONNX.Node.attribute, attribute)
    }
    fields.add(ONNX.Graph.node, node)
  }
}
