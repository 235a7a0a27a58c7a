extension Graph {
  /// The layers of a network, under torchvision's names and in the order of its `state_dict`.
  ///
  /// Throws `invalidArgument` where ``Network/validate()`` does.
  public init(_ network: Network) throws(ResNetError) {
    try network.validateDescription()
    var lowering = Lowering(network)
    lowering.appendStem()
    var stages: [Range<Int>] = []
    for (index, stage) in network.stages.enumerated() {
      let name = "layer\(index + 1)"
      let first = lowering.layers.count
      for block in 0..<stage.blocks {
        lowering.appendBlock(
          "\(name).\(block)", width: stage.width, stride: block == 0 ? stage.stride : 1)
      }
      if stage.maxPool > 0 {
        lowering.append(
          lowering.named("\(name).maxpool"),
          .maxPool(kernel: stage.maxPool, stride: stage.maxPool, padding: 0))
      }
      stages.append(first..<lowering.layers.count)
    }
    lowering.appendHead()
    layers = lowering.layers
    self.stages = stages

    let parameters = parameterCount
    guard parameters <= Network.Limits.parameters else {
      throw network.invalid(
        "it has \(parameters) parameters; expected at most \(Network.Limits.parameters)")
    }
  }
}

/// Turns blocks into layers. Each `append` reads the layer appended last, unless told otherwise.
private struct Lowering {
  let network: Network
  var layers: [Graph.Layer]
  /// Layers of a sequence that have got their names.
  private var features = 0

  init(_ network: Network) {
    self.network = network
    layers = [
      Graph.Layer(
        name: "input", operation: .input, inputs: [], channels: network.inputChannels)
    ]
  }

  private var last: Int { layers.count - 1 }
  private var isOfVectors: Bool { network.stem == .vector }

  /// Whether there is neither stem nor shortcut: one sequence of layers, which torchvision's VGG
  /// numbers as `features` and `classifier`.
  private var isSequence: Bool { network.stem == .none && network.shortcut == .none }

  /// The name of the next layer: `usual`, but in a sequence.
  mutating func named(_ usual: String) -> String {
    guard isSequence else { return usual }
    defer { features += 1 }
    return "features.\(features)"
  }

  mutating func append(
    _ name: String, _ operation: Graph.Operation, from inputs: [Int]? = nil, channels: Int? = nil
  ) {
    let inputs = inputs ?? [last]
    let channels = channels ?? layers[inputs[0]].channels
    layers.append(
      Graph.Layer(name: name, operation: operation, inputs: inputs, channels: channels))
  }

  /// A convolution that keeps the extent at stride 1, or on vectors a fully connected layer; and
  /// its BN, if `batchNorm` names it.
  private mutating func appendWeighted(
    _ name: String, batchNorm: String?, bias: Bool, kernel: Int, stride: Int = 1,
    from input: Int? = nil, channels: Int
  ) {
    append(
      named(name),
      isOfVectors
        ? .linear(bias: bias)
        : .convolution(kernel: kernel, stride: stride, padding: (kernel - 1) / 2, bias: bias),
      from: input.map { [$0] }, channels: channels)
    if let batchNorm { append(named(batchNorm), .batchNorm) }
  }

  /// The same with the affine map that all convolutions of the network have.
  private mutating func appendConvolution(
    _ name: String, batchNorm: String, kernel: Int, stride: Int = 1, from input: Int? = nil,
    channels: Int
  ) {
    appendWeighted(
      name, batchNorm: network.affine.hasBatchNorm ? batchNorm : nil, bias: network.affine.hasBias,
      kernel: kernel, stride: stride, from: input, channels: channels)
  }

  private mutating func appendActivation(_ name: String) {
    switch network.activation {
    case .relu: append(name, .relu)
    case .maxout(let pieces):
      append(name, .maxout(pieces: pieces), channels: layers[last].channels / pieces)
    }
  }

  /// Section 4.2 (CIFAR) or Table 1 (ImageNet), up to the first stage.
  mutating func appendStem() {
    let channels = network.stemWidth * network.activation.pieces
    switch network.stem {
    case .cifar:
      appendConvolution("conv1", batchNorm: "bn1", kernel: 3, channels: channels)
      appendActivation("relu")
    case .imageNet:
      appendConvolution("conv1", batchNorm: "bn1", kernel: 7, stride: 2, channels: channels)
      appendActivation("relu")
      let isCut = network.stemPool == .ceil
      append("maxpool", .maxPool(kernel: 3, stride: 2, padding: isCut ? 0 : 1, ceil: isCut))
    case .vector:
      append("flatten", .flatten(window: 1))
      appendConvolution("fc1", batchNorm: "bn1", kernel: 1, channels: channels)
      appendActivation("relu")
    case .none:
      break
    }
  }

  /// y = ReLU(F(x) + shortcut(x)); a plain network has F alone (sections 3.2 and 3.3, Figure 5), and
  /// a gate joins ReLU(F(x)) and x.
  mutating func appendBlock(_ prefix: String, width: Int, stride: Int) {
    let input = last
    let outputs = width * network.block.expansion

    let count = network.block.layers.count
    for (index, layer) in network.block.layers.enumerated() {
      appendConvolution(
        "\(prefix).\(isOfVectors ? "fc" : "conv")\(index + 1)",
        batchNorm: "\(prefix).bn\(index + 1)", kernel: layer.kernel,
        stride: index == network.strideLayer ? stride : 1,
        channels: width * layer.widthMultiple * network.activation.pieces)
      // The last ReLU follows the addition.
      if index + 1 < count { appendActivation(named("\(prefix).relu\(index + 1)")) }
    }
    let residual = last

    if let shortcut = appendShortcut(prefix, from: input, channels: outputs, stride: stride) {
      append("\(prefix).add", .add, from: [residual, shortcut])
    }
    appendActivation(named("\(prefix).relu"))
    if network.shortcut == .gate, stride == 1, outputs == layers[input].channels {
      appendGate(prefix, from: input)
    }
  }

  /// Joins the layer appended last and `input`. The gate has the kernel of the block's first layer.
  private mutating func appendGate(_ prefix: String, from input: Int) {
    let transformed = last
    appendWeighted(
      "\(prefix).gate", batchNorm: nil, bias: true, kernel: network.block.layers[0].kernel,
      from: input, channels: layers[input].channels)
    append("\(prefix).highway", .gate, from: [transformed, last, input])
  }

  /// Appends what the shortcut needs and returns its end: `input` itself if it is the identity,
  /// nil if nothing is added.
  private mutating func appendShortcut(
    _ prefix: String, from input: Int, channels: Int, stride: Int
  ) -> Int? {
    let newChannels = channels - layers[input].channels
    let changes = stride != 1 || newChannels != 0
    switch network.shortcut {
    case .none, .gate:
      return nil
    case .a where changes:
      append(
        "\(prefix).shortcut",
        .padShortcut(
          stride: stride, zerosBefore: network.zeroChannels == .split ? newChannels / 2 : 0),
        from: [input], channels: channels)
      return last
    case .b where changes, .c:
      appendConvolution(
        "\(prefix).downsample.0", batchNorm: "\(prefix).downsample.1", kernel: 1, stride: stride,
        from: input, channels: channels)
      return last
    case .a, .b:
      return input
    }
  }

  /// The hidden layers work at every position of the last map. The classifier is linear, so that
  /// its scores of the average are the average of its scores.
  mutating func appendHead() {
    if !isOfVectors, network.window > 1 || !network.hidden.isEmpty {
      append(
        "flatten", .flatten(window: network.window),
        channels: layers[last].channels * network.window * network.window)
    }
    for (index, width) in network.hidden.enumerated() {
      // torchvision's VGG has a dropout after each activation, which counts.
      append(
        isSequence ? "classifier.\(3 * index)" : "hidden\(index + 1)", .linear(),
        channels: width * network.activation.pieces)
      appendActivation(
        isSequence ? "classifier.\(3 * index + 1)" : "hidden\(index + 1).relu")
    }
    append("avgpool", .globalAveragePool)
    append(
      isSequence ? "classifier.\(3 * network.hidden.count)" : "fc", .linear(),
      channels: network.classes)
  }
}
