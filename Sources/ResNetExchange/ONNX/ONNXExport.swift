import ResNet

/// An ONNX file of a model: input normalisation, network and weights, for any number of images. Its
/// initializers have the names of the model's tensors; what the network is, and its classes' names, are
/// in `metadata_props`, as are the model's own metadata. The same model makes the same bytes.
struct ONNXExport {
  private enum Piece {
    case bytes([UInt8])
    case floats([Float])
    case tensor(UnsafeMutableBufferPointer<Float>)

    var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .floats(let values): values.count * MemoryLayout<Float>.stride
      case .tensor(let values): values.count * MemoryLayout<Float>.stride
      }
    }
  }

  private var pieces: [Piece] = []

  static func write(_ model: Model, to path: String) throws(ResNetError) {
    let export = try ONNXExport(model)
    let size = export.pieces.reduce(0) { $0 + $1.count }
    guard size <= ONNX.maximumBytes else {
      throw ResNetError(
        .invalidArgument,
        "an ONNX file holds at most \(ONNX.maximumBytes) bytes, and this model would take \(size)")
    }
    // The tensors stay where they are while they are written.
    try withExtendedLifetime(try model.parameters) { () throws(ResNetError) in
      try AtomicFile.write(to: path) { append throws(ResNetError) in
        for piece in export.pieces {
          switch piece {
          case .bytes(let bytes):
            try bytes.withUnsafeBytes { bytes in
              Result { () throws(ResNetError) in try append(bytes) }
            }.get()
          case .floats(let values):
            try values.withUnsafeBytes { bytes in
              Result { () throws(ResNetError) in try append(bytes) }
            }.get()
          case .tensor(let values): try append(UnsafeRawBufferPointer(values))
          }
        }
      }
    }
  }

  private init(_ model: Model) throws(ResNetError) {
    let parameters = try model.parameters
    let normalization = model.normalization
    let nodes = ONNXNodes(
      model.graph, hasMean: !normalization.mean.isEmpty, hasScale: !normalization.scale.isEmpty)

    var head = nodes.fields
    head.add(ONNX.Graph.name, model.network.name)
    pieces.append(.bytes(head.bytes))
    let channels = model.network.inputChannels
    let extent = normalization.meanExtent
    if !normalization.mean.isEmpty {
      add(
        ONNX.mean, [1, channels, extent?.height ?? 1, extent?.width ?? 1],
        .floats(normalization.mean))
    }
    if !normalization.scale.isEmpty {
      add(ONNX.scale, [1, channels, 1, 1], .floats(normalization.scale))
    }
    for (name, values) in nodes.constants {
      var bytes: [UInt8] = []
      for value in values { bytes.append(little: UInt64(bitPattern: Int64(value))) }
      add(name, [values.count], .bytes(bytes), type: ONNX.DataType.int64)
    }
    for tensor in model.layout.tensors {
      let values = parameters[tensor]
      guard values.allSatisfy(\.isFinite) else {
        throw ResNetError(.notFinite, "tensor \(tensor.name) holds a value that is not finite")
      }
      add(tensor.name, nodes.shapes[tensor.name] ?? tensor.shape, .tensor(values))
    }
    var tail = ProtobufWriter()
    tail.add(
      ONNX.Graph.input,
      Self.values(
        ONNX.images,
        [
          ("batch", nil), ("channels", channels), ("height", extent?.height),
          ("width", extent?.width),
        ]))
    tail.add(
      ONNX.Graph.output,
      Self.values(ONNX.logits, [("batch", nil), ("classes", model.network.classes)]))
    pieces.append(.bytes(tail.bytes))
    addFrame(model)
  }

  /// What is around the graph.
  private mutating func addFrame(_ model: Model) {
    var head = ProtobufWriter()
    head.add(ONNX.Model.irVersion, ONNX.irVersion)
    head.add(ONNX.Model.producerName, "libresnet")
    head.add(ONNX.Model.producerVersion, libraryVersion)
    head.head(ONNX.Model.graph, count: pieces.reduce(0) { $0 + $1.count })
    pieces.insert(.bytes(head.bytes), at: 0)

    var opset = ProtobufWriter()
    opset.add(1, "")
    opset.add(2, ONNX.opset)
    var tail = ProtobufWriter()
    tail.add(ONNX.Model.opsetImport, opset)
    var pairs = NetworkText.pairs(of: model.network)
    for (index, name) in model.classNames.enumerated() { pairs.append(("class.\(index)", name)) }
    pairs += model.metadata.sorted { $0.key < $1.key }.map { (ONNX.ownMetadata + $0.key, $0.value) }
    for (key, value) in pairs {
      var pair = ProtobufWriter()
      pair.add(1, key)
      pair.add(2, value)
      tail.add(ONNX.Model.metadata, pair)
    }
    pieces.append(.bytes(tail.bytes))
  }

  /// A ValueInfoProto of float32: each dimension has a size, or a name alone.
  private static func values(_ name: String, _ dimensions: [(String, Int?)]) -> ProtobufWriter {
    var shape = ProtobufWriter()
    for (name, size) in dimensions {
      var dimension = ProtobufWriter()
      if let size { dimension.add(1, size) } else { dimension.add(2, name) }
      shape.add(1, dimension)
    }
    var tensor = ProtobufWriter()
    tensor.add(1, ONNX.DataType.float)
    tensor.add(2, shape)
    var type = ProtobufWriter()
    type.add(1, tensor)
    var value = ProtobufWriter()
    value.add(1, name)
    value.add(2, type)
    return value
  }

  /// Adds an initializer.
  private mutating func add(
    _ name: String, _ shape: [Int], _ data: Piece, type: Int = ONNX.DataType.float
  ) {
    var tensor = ProtobufWriter()
    for side in shape { tensor.add(ONNX.Tensor.dims, side) }
    tensor.add(ONNX.Tensor.dataType, type)
    tensor.add(ONNX.Tensor.name, name)
    tensor.head(ONNX.Tensor.rawData, count: data.count)
    var field = ProtobufWriter()
    field.head(ONNX.Graph.initializer, count: tensor.bytes.count + data.count)
    field.append(tensor)
    pieces.append(.bytes(field.bytes))
    pieces.append(data)
  }
}
