import Testing

@testable import ResNet
@testable import ResNetExchange

/// Graphs as other exporters could have written them, made by hand.
@Suite struct ExchangeONNXGraphTests {
  /// A graph from `x` to `y`, whose nodes are named after their outputs.
  struct GraphFile {
    private var graph = ProtobufWriter()
    /// Of the input; 0 for one that the file leaves open, and none for no shape at all.
    private let sides: [Int]

    init(sides: [Int] = []) { self.sides = sides }

    mutating func add(
      _ operation: String, _ inputs: [String], _ output: String, ints: [(String, [Int])] = [],
      int: [(String, Int)] = []
    ) {
      var node = ProtobufWriter()
      for input in inputs { node.add(ONNX.Node.input, input) }
      node.add(ONNX.Node.output, output)
      node.add(ONNX.Node.name, output)
      node.add(ONNX.Node.operation, operation)
      for (name, values) in ints {
        var attribute = ProtobufWriter()
        attribute.add(ONNX.Attribute.name, name)
        for value in values { attribute.add(ONNX.Attribute.ints, value) }
        attribute.add(ONNX.Attribute.type, ONNX.Attribute.isInts)
        node.add(ONNX.Node.attribute, attribute)
      }
      for (name, value) in int {
        var attribute = ProtobufWriter()
        attribute.add(ONNX.Attribute.name, name)
        attribute.add(ONNX.Attribute.int, value)
        attribute.add(ONNX.Attribute.type, ONNX.Attribute.isInt)
        node.add(ONNX.Node.attribute, attribute)
      }
      graph.add(ONNX.Graph.node, node)
    }

    mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
      var data = ProtobufWriter()
      data.head(ONNX.Tensor.rawData, count: 4 * values.count)
      var bytes: [UInt8] = []
      for value in values { bytes.append(little: value.bitPattern) }
      var tensor = ProtobufWriter()
      for side in shape { tensor.add(ONNX.Tensor.dims, side) }
      tensor.add(ONNX.Tensor.dataType, ONNX.DataType.float)
      tensor.add(ONNX.Tensor.name, name)
      var field = ProtobufWriter()
      field.head(
        ONNX.Graph.initializer, count: tensor.bytes.count + data.bytes.count + bytes.count)
      content += graph.bytes + field.bytes + tensor.bytes + data.bytes + bytes
      graph = ProtobufWriter()
    }

    private var content: [UInt8] = []

    /// A TypeProto of the input.
    private var type: ProtobufWriter {
      var shape = ProtobufWriter()
      for (axis, side) in sides.enumerated() {
        var dim = ProtobufWriter()
        if side > 0 { dim.add(1, side) } else { dim.add(2, "side\(axis)") }
        shape.add(1, dim)
      }
      var tensor = ProtobufWriter()
      tensor.add(1, ONNX.DataType.float)
      tensor.add(2, shape)
      var type = ProtobufWriter()
      type.add(1, tensor)
      return type
    }

    var bytes: [UInt8] {
      var ends = ProtobufWriter()
      for (field, name) in [(ONNX.Graph.input, "x"), (ONNX.Graph.output, "y")] {
        var value = ProtobufWriter()
        value.add(1, name)
        if field == ONNX.Graph.input, !sides.isEmpty { value.add(2, type) }
        ends.add(field, value)
      }
      let graph = content + graph.bytes + ends.bytes
      var opset = ProtobufWriter()
      opset.add(1, "")
      opset.add(2, ONNX.opset)
      var model = ProtobufWriter()
      model.add(ONNX.Model.irVersion, ONNX.irVersion)
      model.add(ONNX.Model.opsetImport, opset)
      model.head(ONNX.Model.graph, count: graph.count)
      return model.bytes + graph
    }
  }

  /// Three convolutions, the first two of one stage, and a head on windows of 2x2.
  private static let vgg = Network(
    name: "imported", stem: .none, stemWidth: 0, block: Network.Block([.init(kernel: 3)]),
    stages: [
      .init(blocks: 2, width: 4, stride: 1, maxPool: 2), .init(blocks: 1, width: 6, stride: 2),
    ],
    shortcut: .none, affine: .bias, window: 2, hidden: [5], classes: 3)

  /// The graph of that network as PyTorch writes it; `change` may replace a node.
  private static func file(
    of model: Model, sides: [Int] = [], isChannelsLast: Bool = false,
    change: (inout GraphFile, _ node: String, _ inputs: [String]) -> Bool = { _, _, _ in false }
  ) throws -> [UInt8] {
    var file = GraphFile(sides: sides)
    for tensor in model.layout.tensors {
      file.add(tensor.name, tensor.shape, Array(try model.parameters[tensor]))
    }
    var last = "x"
    func add(
      _ operation: String, _ name: String, tensors: [String] = [], ints: [(String, [Int])] = [],
      int: [(String, Int)] = []
    ) {
      let inputs = [last] + tensors
      if !change(&file, name, inputs) { file.add(operation, inputs, name, ints: ints, int: int) }
      last = name
    }
    func convolution(_ index: Int, stride: Int) {
      add(
        "Conv", "conv\(index)",
        tensors: ["features.\(index).weight", "features.\(index).bias"],
        ints: [("pads", [1, 1, 1, 1]), ("strides", [stride, stride])])
      add("Relu", "relu\(index)")
    }
    if isChannelsLast { add("Transpose", "first", ints: [("perm", [0, 3, 1, 2])]) }
    // Names in a sequence count activations and poolings.
    convolution(0, stride: 1)
    convolution(2, stride: 1)
    add("MaxPool", "pool", ints: [("kernel_shape", [2, 2]), ("strides", [2, 2])])
    convolution(5, stride: 2)
    add("AveragePool", "adaptive", ints: [("kernel_shape", [1, 1])])
    add("Flatten", "flat", int: [("axis", 1)])
    add(
      "Gemm", "hidden", tensors: ["classifier.0.weight", "classifier.0.bias"],
      int: [("transB", 1)])
    add("Relu", "activated")
    add("Dropout", "dropped")
    add("Gemm", "y", tensors: ["classifier.3.weight", "classifier.3.bias"], int: [("transB", 1)])
    return file.bytes
  }

  private static func imported(_ bytes: [UInt8], _ options: ImportOptions = ImportOptions()) throws
    -> Model
  {
    var report = ImportReport()
    return try bytes.withUnsafeBytes {
      try Model.importing(bytes: $0, options: options, report: &report)
    }
  }

  @Test func aPlainNetworkComesBack() throws {
    let model = try Model(Self.vgg, seed: 1)
    let copy = try Self.imported(try Self.file(of: model))
    #expect(copy.network == Self.vgg)
    for tensor in model.layout.tensors {
      #expect(try copy.tensor(named: tensor.name) == model.tensor(named: tensor.name))
    }
  }

  @Test(arguments: [
    ("adaptive", "AveragePool", [("kernel_shape", [2, 2])], "averages windows"),
    ("pool", "MaxPool", [("kernel_shape", [3, 3]), ("strides", [2, 2])], "side by side"),
    ("pool", "LRN", [], "no network of this library"),
    ("relu2", "Identity", [], "expected a ReLU"),
    ("flat", "Reshape", [("shape", [0, 4, 6])], "one vector for each image"),
    ("flat", "GlobalAveragePool", [], "not a product of one vector"),
    ("dropped", "Softmax", [], "expected the classifier or another"),
    ("activated", "Identity", [], "expected one fully connected layer"),
  ])
  func whatNoPlainNetworkHasIsRefusedByTheNode(
    _ node: String, _ operation: String, _ attributes: [(String, [Int])], _ reason: String
  ) throws {
    let bytes = try Self.file(of: try Model(Self.vgg, seed: 1)) { file, name, inputs in
      guard name == node else { return false }
      file.add(operation, inputs, name, ints: attributes)
      return true
    }
    let error = thrownError { try Self.imported(bytes) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("node \"") == true, "\(error?.message ?? "")")
  }

  /// They are not the scores of any network here.
  @Test func activatedScoresAreRefused() throws {
    let bytes = try Self.file(of: try Model(Self.vgg, seed: 1)) { file, name, inputs in
      guard name == "y" else { return false }
      file.add("Gemm", inputs, "scores", int: [("transB", 1)])
      file.add("Relu", ["scores"], name)
      return true
    }
    let error = thrownError { try Self.imported(bytes) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("node \"y\" (Relu of scores)") == true)
  }

  /// Sides that no memory could hold, in a tensor without values.
  @Test func impossibleShapesAreRefused() throws {
    for shape in [[Int.max, 1, 1, 1], [Int.max, 0, 3, 3], [0, 3, 3, 3], [1 << 40, 3, 3, 3]] {
      var file = GraphFile()
      file.add("w", shape, [])
      file.add("Conv", ["x", "w"], "conv", ints: [("pads", [1, 1, 1, 1])])
      file.add("Pad", ["conv"], "padded", ints: [("pads", [0, 1, 0, 0, 0, 1, 0, 0])])
      file.add("Flatten", ["padded"], "flat")
      file.add("Gemm", ["flat", "w"], "y")
      let error = thrownError { try Self.imported(file.bytes) }
      #expect(error?.kind == .badFormat)
    }
  }

  /// It would replace what the graph itself does to its input.
  @Test(arguments: [ImportOptions.Preprocessing.torch, .caffe])
  func preprocessingOfANormalisedNetworkIsRefused(_ preprocessing: ImportOptions.Preprocessing)
    throws
  {
    var options = ImportOptions()
    options.preprocessing = preprocessing
    let model = try Model(Self.vgg, seed: 1)
    let plain = try Self.imported(try Self.file(of: model), options)
    #expect(plain.normalization != .identity)
    let bytes = try Self.file(of: model) { file, name, inputs in
      guard name == "conv0" else { return false }
      file.add("mean", [1, 3, 1, 1], [0.5, 0.4, 0.3])
      file.add("Sub", [inputs[0], "mean"], "centred")
      file.add("Conv", ["centred"] + inputs[1...], name, ints: [("pads", [1, 1, 1, 1])])
      return true
    }
    #expect(try Self.imported(bytes).normalization.mean == [0.5, 0.4, 0.3])
    let error = thrownError { try Self.imported(bytes, options) }
    #expect(error?.kind == .invalidArgument)
    #expect(error?.message.contains("normalises its input already") == true)
  }

  /// What is flattened has a quarter of the input's height and width, and is a window of 2x2.
  @Test(arguments: [
    ([1, 3, 8, 8], false), ([0, 3, 8, 8], false), ([1, 8, 8, 3], true),
  ])
  func squareMapsAreFlattened(_ sides: [Int], _ isChannelsLast: Bool) throws {
    let model = try Model(Self.vgg, seed: 1)
    let bytes = try Self.file(of: model, sides: sides, isChannelsLast: isChannelsLast)
    var report = ImportReport()
    let copy = try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
    #expect(copy.network == Self.vgg)
    #expect(report.notes.isEmpty)
  }

  @Test(arguments: [
    ([1, 3, 4, 16], false), ([1, 3, 16, 4], false), ([1, 3, 16, 16], false), ([1, 4, 16, 3], true),
    ([1, 3, 1, 1], false), ([1, 3, Int.max, 8], false),
  ])
  func otherMapsAreNotFlattened(_ sides: [Int], _ isChannelsLast: Bool) throws {
    let model = try Model(Self.vgg, seed: 1)
    let bytes = try Self.file(of: model, sides: sides, isChannelsLast: isChannelsLast)
    let error = thrownError { try Self.imported(bytes) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("node \"flat\"") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("no map of 2x2") == true, "\(error?.message ?? "")")
  }

  /// Where the file does not say what size the input has, the report says what was assumed.
  @Test(arguments: [[], [0, 3, 0, 0], [1, 3, 8, 0]])
  func mapsOfUnknownSizeAreTakenAsSquare(_ sides: [Int]) throws {
    let bytes = try Self.file(of: try Model(Self.vgg, seed: 1), sides: sides)
    var report = ImportReport()
    _ = try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
    #expect(report.notes.map(\.name) == ["x"] && report.notes[0].kind == .ignored)
    #expect(report.notes[0].reason.contains("taken as square"))
  }

  /// Of the input there may be only one, which everything else reads.
  @Test(arguments: [
    [("Sub", "x", "centred"), ("Mul", "centred", "dead"), ("Conv", "centred", "conv0")],
    [("Sub", "x", "dead"), ("Conv", "x", "conv0")],
    [
      ("Identity", "x", "a"), ("Identity", "a", "b"), ("Identity", "a", "c"),
      ("Sub", "b", "dead"), ("Conv", "c", "conv0"),
    ],
  ])
  func normalisationBesideThePathIsRefused(_ nodes: [(String, String, String)]) throws {
    let bytes = try Self.file(of: try Model(Self.vgg, seed: 1)) { file, name, inputs in
      guard name == "conv0" else { return false }
      file.add("mean", [1, 3, 1, 1], [0.5, 0.4, 0.3])
      for (operation, input, output) in nodes {
        switch operation {
        case "Conv":
          file.add(operation, [input] + inputs[1...], output, ints: [("pads", [1, 1, 1, 1])])
        case "Identity": file.add(operation, [input], output)
        default: file.add(operation, [input, "mean"], output)
        }
      }
      return true
    }
    let error = thrownError { try Self.imported(bytes) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("node \"conv0\"") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("normalised elsewhere") == true, "\(error?.message ?? "")")
  }

  /// The graph says what these options say where there are only tensors.
  @Test func optionsThatContradictTheGraphAreRefused() throws {
    let bytes = try Self.file(of: try Model(Self.vgg, seed: 1))
    var plain = ImportOptions()
    plain.isPlain = true
    #expect(try Self.imported(bytes, plain).network == Self.vgg)
    var (stride, pool, zeros) = (ImportOptions(), ImportOptions(), ImportOptions())
    stride.bottleneckStride = .conv1x1
    pool.stemPool = .padded
    zeros.zeroChannels = .after
    for options in [stride, pool, zeros] {
      let error = thrownError { try Self.imported(bytes, options) }
      #expect(error?.kind == .invalidArgument)
      #expect(error?.message.contains("graph says itself") == true)
    }
  }
}
