import ResNet

/// What a tensor of the model is made of.
enum ONNXSource {
  case constant(ONNXConstant)
  case fill(Float, count: Int)
  /// A running mean, less the bias of the convolution before.
  case mean(ONNXConstant?, bias: ONNXConstant)
  /// A running variance, of which the library adds another epsilon than the file's network.
  case variance(ONNXConstant, epsilon: Float)

  private static let epsilon = 1e-5

  /// The variance that with the library's epsilon is 1.
  static let unitVariance = Float(1 - epsilon)

  /// The name in the file; empty for what has none.
  var origin: String {
    switch self {
    case .constant(let constant), .variance(let constant, _): constant.tensor.name
    case .mean(let mean, let bias): mean?.tensor.name ?? bias.tensor.name
    case .fill: ""
    }
  }

  /// The canonical shape of a weight; nil for the values of channels.
  var shape: [Int]? {
    guard case .constant(let constant) = self,
      constant.shape.count == 2 || constant.shape.count == 4,
      constant.longSides.count > 1
    else { return nil }
    return constant.shape
  }

  func read() throws(ResNetError) -> [Float] {
    switch self {
    case .constant(let constant): return try constant.floats()
    case .fill(let value, let count): return [Float](repeating: value, count: count)
    case .mean(let mean, let bias):
      var values = try mean?.floats()
      let biases = try bias.floats()
      for index in biases.indices {
        let value = Double(values?[index] ?? 0) - Double(biases[index])
        if values == nil { values = [Float](repeating: 0, count: biases.count) }
        values?[index] = Float(value)
      }
      return values ?? []
    case .variance(let variance, let epsilon):
      var values = try variance.floats()
      // A float's epsilon of 1e-5 is the library's.
      guard epsilon != Float(Self.epsilon) else { return values }
      for index in values.indices {
        values[index] = Float(Double(values[index]) + Double(epsilon) - Self.epsilon)
        guard values[index] >= 0 else {
          throw variance.tensor.refusal(
            "with its network's epsilon of \(epsilon) it is smaller than this library's, 1e-5")
        }
      }
      return values
    }
  }
}

/// What an ONNX file has of a model: the network, and where each of its tensors comes from.
struct ONNXImport {
  /// Whether a file may be one, by its first bytes: the version of the format comes first.
  static func matches(_ head: [UInt8]) -> Bool {
    head.count > 2 && head[0] == 8 && (3...63).contains(head[1])
  }

  let network: Network
  private(set) var tensors: [(name: String, source: ONNXSource)] = []
  private(set) var normalization = Normalization.identity
  private(set) var classNames: [String] = []
  private(set) var metadata: [String: String] = [:]
  private(set) var notes: [ImportReport.Note] = []
  private var bytesBeside = 0

  init(_ source: FileSource) throws(ResNetError) {
    let file = try ONNXFile(source)
    if let network = NetworkText.network(in: file.metadata), let own = try Self.own(network, file) {
      self = own
      return
    }
    let steps = try ONNXSteps(file)
    let path = ONNXPath(steps)
    let units: [ONNXPath.Unit]
    let linears: [ONNXPath.Linear]
    if steps.steps.contains(where: { if case .add = $0.operation { true } else { false } }) {
      let structure = try ONNXStructure(path)
      (network, units, linears) = (structure.network, structure.units, [structure.classifier])
    } else {
      let sequence = try ONNXSequence(path)
      (network, units, linears) = (sequence.network, sequence.units, sequence.linears)
    }
    for unit in units { append(unit) }
    for linear in linears {
      append("\(linear.name).weight", linear.weight)
      append("\(linear.name).bias", linear.bias, or: 0, count: linear.weight.shape[0])
    }
    try setNormalization(steps)
    bytesBeside = file.content.bytesBeside
    if network.window > 1, steps.inputExtent == nil {
      notes.append(
        .init(
          .ignored, file.inputs[0],
          "its size is not in the file: the map that is flattened was taken as square"))
    }
  }

  // MARK: - Graphs of others

  private mutating func append(_ name: String, _ constant: ONNXConstant) {
    tensors.append((name, .constant(constant)))
  }

  private mutating func append(
    _ name: String, _ constant: ONNXConstant?, or value: Float, count: Int
  ) {
    tensors.append((name, constant.map { .constant($0) } ?? .fill(value, count: count)))
  }

  /// A convolution's tensors. Where others of the network have batch normalisation and it has none, its
  /// bias is that of one which changes nothing else.
  private mutating func append(_ unit: ONNXPath.Unit) {
    let count = unit.channels
    append("\(unit.name).weight", unit.weight)
    guard network.affine == .batchNorm else {
      return append("\(unit.name).bias", unit.bias, or: 0, count: count)
    }
    let name = unit.affineName
    guard let affine = unit.affine else {
      append("\(name).weight", nil, or: 1, count: count)
      append("\(name).bias", unit.bias, or: 0, count: count)
      append("\(name).running_mean", nil, or: 0, count: count)
      append("\(name).running_var", nil, or: ONNXSource.unitVariance, count: count)
      return
    }
    append("\(name).weight", affine.scale, or: 1, count: count)
    append("\(name).bias", affine.shift, or: 0, count: count)
    if let bias = unit.bias {
      tensors.append(("\(name).running_mean", .mean(affine.mean, bias: bias)))
    } else {
      append("\(name).running_mean", affine.mean, or: 0, count: count)
    }
    if let variance = affine.variance {
      tensors.append(("\(name).running_var", .variance(variance, epsilon: affine.epsilon)))
    } else {
      append("\(name).running_var", nil, or: ONNXSource.unitVariance, count: count)
    }
  }

  private mutating func setNormalization(_ steps: ONNXSteps) throws(ResNetError) {
    let (scale, shift) = (steps.inputScale, steps.inputShift)
    guard scale != [1] || shift != [0] else { return }
    let channels = network.inputChannels
    guard scale.count == 1 || scale.count == channels else {
      throw ResNetError(
        .badFormat, "the input is normalised as one of \(scale.count) channels, and has \(channels)"
      )
    }
    for channel in 0..<channels {
      let place = channel % scale.count
      // (x - mean) scale = scale x + shift
      normalization.mean.append(Float(-shift[place] / scale[place]))
      normalization.scale.append(Float(scale[place]))
    }
    try normalization.validate(channels: channels)
  }

  // MARK: - The library's own graphs

  /// The model of a file whose nodes are exactly those that the library writes for the network; nil if they
  /// are others.
  private static func own(_ network: Network, _ file: ONNXFile) throws(ResNetError) -> ONNXImport? {
    guard let range = file.nodeFields else { return nil }
    let graph: Graph
    do throws(ResNetError) {
      graph = try Graph(network)
    } catch {
      throw ResNetError(
        .badFormat, "its metadata describe a network that cannot be: \(error.message)")
    }
    let mean = file.initializers[ONNX.mean]
    let scale = file.initializers[ONNX.scale]
    let nodes = ONNXNodes(graph, hasMean: mean != nil, hasScale: scale != nil)
    guard range.count == nodes.fields.bytes.count,
      try file.content.source.bytes(range.lowerBound, range.count) == nodes.fields.bytes
    else { return nil }
    for (name, values) in nodes.constants {
      guard try file.initializers[name]?.integers() == values else { return nil }
    }
    return try ONNXImport(network, graph, nodes, file, mean: mean, scale: scale)
  }

  private init(
    _ network: Network, _ graph: Graph, _ nodes: ONNXNodes, _ file: ONNXFile, mean: ONNXTensor?,
    scale: ONNXTensor?
  ) throws(ResNetError) {
    self.network = network
    for tensor in ParameterLayout(graph).tensors {
      let shape = nodes.shapes[tensor.name] ?? tensor.shape
      guard let stored = file.initializers[tensor.name], stored.shape == shape else {
        throw ResNetError(
          .badFormat,
          "tensor \"\(tensor.name)\" is missing or not of shape \(shape), which its network needs")
      }
      append(tensor.name, try ONNXConstant(stored).reshaped(tensor.shape))
    }
    if let mean {
      guard mean.shape.count == 4, mean.shape[0] == 1, mean.shape[1] == network.inputChannels,
        (1...ONNX.maximumBytes / 4).contains(mean.count)
      else {
        throw mean.refusal("its shape is \(mean.shape.shown)")
      }
      normalization.mean = try mean.floats()
      if mean.shape[2] * mean.shape[3] > 1 {
        normalization.meanExtent = Extent(height: mean.shape[2], width: mean.shape[3])
      }
    }
    if let scale {
      guard scale.count == network.inputChannels else {
        throw scale.refusal("its shape is \(scale.shape.shown)")
      }
      normalization.scale = try scale.floats()
    }
    bytesBeside = file.content.bytesBeside
    try normalization.validate(channels: network.inputChannels)
    while let name = file.metadata["class.\(classNames.count)"] { classNames.append(name) }
    if classNames.count != network.classes { classNames = [] }
    for (key, value) in file.metadata where key.hasPrefix(ONNX.ownMetadata) {
      metadata[String(key.dropFirst(ONNX.ownMetadata.count))] = value
    }
  }

  // MARK: - What it gives

  /// The same as of other formats. Each tensor's shape is the file's own, as far as it has it.
  var weights: ImportedWeights {
    get throws(ResNetError) {
      let layout = ParameterLayout(try Graph(network))
      var weights = ImportedWeights(.onnx)
      weights.network = network
      weights.normalization = normalization
      weights.classNames = classNames
      weights.metadata = metadata
      weights.notes = notes
      weights.bytesBeside = bytesBeside
      for (name, source) in tensors {
        weights.tensors.append(
          ImportedTensor(
            name, source.shape ?? layout.tensor(named: name)?.shape ?? [],
            origin: source.origin.isEmpty ? name : source.origin
          ) { () throws(ResNetError) in try source.read() })
      }
      return weights
    }
  }
}
