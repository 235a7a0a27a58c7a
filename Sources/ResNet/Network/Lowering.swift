extension Graph {
  /// The layers of a network, under torchvision's names and in the order of its `state_dict`.
  ///
  /// Throws `invalidArgument` where ``Network/validate()`` does.
  public init(_ network: Network) throws(ResNetError) {
    try network.validateDescription()
    var lowering = Lowering(network)
    lowering.appendStem()
    for (index, stage) in network.stages.enumerated() {
      for block in 0..<stage.blocks {
        lowering.appendBlock(
          "layer\(index + 1).\(block)", width: stage.width, stride: block == 0 ? stage.stride : 1)
      }
    }
    lowering.appendClassifier()
    layers = lowering.layers

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

  init(_ network: Network) {
    self.network = network
    layers = [
      Graph.Layer(
        name: "input", operation: .input, inputs: [], channels: network.inputChannels)
    ]
  }

  private var last: Int { layers.count - 1 }

  private mutating func append(
    _ name: String, _ operation: Graph.Operation, from inputs: [Int]? = nil, channels: Int? = nil
  ) {
    let inputs = inputs ?? [last]
    let channels = channels ?? layers[inputs[0]].channels
    layers.append(
      Graph.Layer(name: name, operation: operation, inputs: inputs, channels: channels))
  }

  /// A convolution that keeps the extent at stride 1, and its BN.
  private mutating func appendConvolution(
    _ name: String, batchNorm: String, kernel: Int, stride: Int = 1, from input: Int? = nil,
    channels: Int
  ) {
    append(
      name, .convolution(kernel: kernel, stride: stride, padding: (kernel - 1) / 2),
      from: input.map { [$0] }, channels: channels)
    append(batchNorm, .batchNorm)
  }

  /// Section 4.2 (CIFAR) or Table 1 (ImageNet), up to the first stage.
  mutating func appendStem() {
    switch network.stem {
    case .cifar:
      appendConvolution("conv1", batchNorm: "bn1", kernel: 3, channels: network.stemWidth)
      append("relu", .relu)
    case .imageNet:
      appendConvolution(
        "conv1", batchNorm: "bn1", kernel: 7, stride: 2, channels: network.stemWidth)
      append("relu", .relu)
      append("maxpool", .maxPool(kernel: 3, stride: 2, padding: 1))
    }
  }

  /// y = ReLU(F(x) + shortcut(x)); a plain network has F alone (sections 3.2 and 3.3, Figure 5).
  mutating func appendBlock(_ prefix: String, width: Int, stride: Int) {
    let input = last
    let outputs = width * network.block.expansion

    let convolutions = residualFunction(width: width, stride: stride)
    for (index, convolution) in convolutions.enumerated() {
      appendConvolution(
        "\(prefix).conv\(index + 1)", batchNorm: "\(prefix).bn\(index + 1)",
        kernel: convolution.kernel, stride: convolution.stride, channels: convolution.channels)
      // The last ReLU follows the addition.
      if index + 1 < convolutions.count { append("\(prefix).relu\(index + 1)", .relu) }
    }
    let residual = last

    if let shortcut = appendShortcut(prefix, from: input, channels: outputs, stride: stride) {
      append("\(prefix).add", .add, from: [residual, shortcut])
    }
    append("\(prefix).relu", .relu)
  }

  /// The convolutions of F.
  private func residualFunction(
    width: Int, stride: Int
  ) -> [(kernel: Int, stride: Int, channels: Int)] {
    switch network.block {
    case .basic:
      return [(3, stride, width), (3, 1, width)]
    case .bottleneck:
      let strideOnFirst = network.bottleneckStride == .conv1x1
      return [
        (1, strideOnFirst ? stride : 1, width),
        (3, strideOnFirst ? 1 : stride, width),
        (1, 1, width * network.block.expansion),
      ]
    }
  }

  /// Appends what the shortcut needs and returns its end: `input` itself if it is the identity,
  /// nil if there is no shortcut.
  private mutating func appendShortcut(
    _ prefix: String, from input: Int, channels: Int, stride: Int
  ) -> Int? {
    let newChannels = channels - layers[input].channels
    let changes = stride != 1 || newChannels != 0
    switch network.shortcut {
    case .none:
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

  mutating func appendClassifier() {
    append("avgpool", .globalAveragePool)
    append("fc", .linear, channels: network.classes)
  }
}
