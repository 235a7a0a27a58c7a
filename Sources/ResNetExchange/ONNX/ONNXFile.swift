import ResNet

/// A node of an ONNX graph.
struct ONNXNode {
  struct Attribute {
    var name = ""
    var int = 0
    var float: Float = 0
    var text = ""
    var ints: [Int] = []
    var tensor: ONNXTensor?
  }

  var operation = ""
  var name = ""
  var inputs: [String] = []
  var outputs: [String] = []
  var attributes: [Attribute] = []

  func attribute(_ name: String) -> Attribute? { attributes.first { $0.name == name } }

  func int(_ name: String, default value: Int) -> Int { attribute(name)?.int ?? value }

  func ints(_ name: String, default value: [Int]) -> [Int] { attribute(name)?.ints ?? value }

  /// An error that names it.
  func refusal(_ reason: String) -> ResNetError {
    ResNetError(
      .badFormat,
      "node \"\((name.isEmpty ? outputs.first ?? "" : name).shown)\" (\(operation.shown) of "
        + "\(inputs.shown())) is not understood: \(reason)")
  }
}

/// An ONNX file, as it is written: nothing in it has been interpreted but its structure.
struct ONNXFile {
  private(set) var producer = ""
  private(set) var nodes: [ONNXNode] = []
  private(set) var initializers: [String: ONNXTensor] = [:]
  /// Inputs and outputs of the graph.
  private(set) var inputs: [String] = []
  private(set) var outputs: [String] = []
  /// The sides of the inputs by name, as far as the file has them; 0 for those that it leaves open.
  private(set) var inputSides: [String: [Int]] = [:]
  private(set) var metadata: [String: String] = [:]
  /// The fields of the nodes with their tags, if nothing else is between them.
  private(set) var nodeFields: Range<Int>?
  let content: ProtobufFile

  init(_ source: FileSource) throws(ResNetError) {
    guard source.size <= ONNX.maximumBytes else {
      throw ResNetError(
        .badFormat, "it has \(source.size) bytes, and an ONNX file at most \(ONNX.maximumBytes)")
    }
    content = ProtobufFile(source)
    var message = ProtobufReader(content, 0..<source.size)
    var opset: Int?
    var graph: ProtobufReader?
    while let field = try message.next() {
      switch field.number {
      case ONNX.Model.producerName: producer = try message.text(field)
      case ONNX.Model.graph where graph == nil: graph = try message.message(field)
      case ONNX.Model.graph:
        throw ResNetError(.badFormat, "it has more than one graph")
      case ONNX.Model.opsetImport:
        let (domain, version) = try message.message(field).pair()
        if domain.isEmpty || domain == "ai.onnx" { opset = version.int }
      case ONNX.Model.metadata:
        let (key, value) = try message.message(field).pair()
        metadata[key] = value.text
      default: break
      }
    }
    guard let graph, let opset else {
      throw ResNetError(.badFormat, "it is not an ONNX model: it has no graph, or no operator set")
    }
    guard ONNX.readOpsets.contains(opset) else {
      throw ResNetError(
        .badFormat,
        "it uses operator set \(opset); \(ONNX.readOpsets.lowerBound) and newer ones are read")
    }
    try read(graph)
  }

  private mutating func read(_ graph: ProtobufReader) throws(ResNetError) {
    var graph = graph
    while true {
      let start = graph.position
      guard let field = try graph.next() else { break }
      switch field.number {
      case ONNX.Graph.node:
        if nodes.isEmpty {
          nodeFields = start..<graph.position
        } else if let range = nodeFields {
          nodeFields = range.upperBound == start ? range.lowerBound..<graph.position : nil
        }
        nodes.append(try Self.node(graph.message(field)))
      case ONNX.Graph.initializer:
        let tensor = try ONNXTensor(graph.message(field))
        guard initializers.updateValue(tensor, forKey: tensor.name) == nil else {
          throw tensor.refusal("there are two of that name")
        }
      case ONNX.Graph.sparseInitializer:
        throw ResNetError(.badFormat, "it has sparse tensors, which are not read")
      case ONNX.Graph.input:
        let value = try graph.message(field)
        let name = try Self.name(ofValue: value)
        inputs.append(name)
        try Self.read(value, to: &inputSides[name, default: []])
      case ONNX.Graph.output: outputs.append(try Self.name(ofValue: graph.message(field)))
      default: break
      }
    }
    // Older files list the initializers among the inputs.
    inputs = inputs.filter { initializers[$0] == nil }
    guard inputs.count == 1, outputs.count == 1 else {
      throw ResNetError(
        .badFormat,
        "its graph has \(inputs.count) inputs and \(outputs.count) outputs; one of each was expected"
      )
    }
  }

  /// The name of a ValueInfoProto.
  private static func name(ofValue message: ProtobufReader) throws(ResNetError) -> String {
    var message = message
    var name = ""
    while let field = try message.next() {
      if field.number == 1 { name = try message.text(field) }
    }
    return name
  }

  /// Appends the sides of a ValueInfoProto's tensor, of which `message` is so many levels within.
  private static func read(_ message: ProtobufReader, level: Int = 0, to sides: inout [Int])
    throws(ResNetError)
  {
    var message = message
    while let field = try message.next() {
      guard field.number == ONNX.sides[level] else { continue }
      if level + 1 == ONNX.sides.count {
        sides[sides.count - 1] = field.int
        continue
      }
      if level + 2 == ONNX.sides.count {
        try message.file.take(8)
        sides.append(0)
      }
      try read(message.message(field), level: level + 1, to: &sides)
    }
  }

  private static func node(_ message: ProtobufReader) throws(ResNetError) -> ONNXNode {
    try message.file.take(256)
    var message = message
    var node = ONNXNode()
    var domain = ""
    while let field = try message.next() {
      switch field.number {
      case ONNX.Node.input: node.inputs.append(try message.text(field))
      case ONNX.Node.output: node.outputs.append(try message.text(field))
      case ONNX.Node.name: node.name = try message.text(field)
      case ONNX.Node.operation: node.operation = try message.text(field)
      case ONNX.Node.domain: domain = try message.text(field)
      case ONNX.Node.attribute: node.attributes.append(try attribute(message.message(field)))
      default: break
      }
    }
    guard domain.isEmpty || domain == "ai.onnx" else {
      throw node.refusal("its operation is of the domain \"\(domain.shown)\"")
    }
    guard let output = node.outputs.first, !output.isEmpty else {
      throw node.refusal("it has no output")
    }
    return node
  }

  private static func attribute(_ message: ProtobufReader) throws(ResNetError)
    -> ONNXNode.Attribute
  {
    try message.file.take(128)
    var message = message
    var attribute = ONNXNode.Attribute()
    while let field = try message.next() {
      switch field.number {
      case ONNX.Attribute.name: attribute.name = try message.text(field)
      case ONNX.Attribute.float: attribute.float = field.float
      case ONNX.Attribute.int: attribute.int = field.int
      case ONNX.Attribute.string: attribute.text = try message.text(field)
      case ONNX.Attribute.tensor: attribute.tensor = try ONNXTensor(message.message(field))
      case ONNX.Attribute.ints: try message.integers(field, to: &attribute.ints)
      default: break
      }
    }
    return attribute
  }
}
