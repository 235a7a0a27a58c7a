import ResNet

/// What network a file's tensors are of, from their names and shapes.
struct NetworkInference {
  private let shapes: [String: [Int]]
  private let blocks: NamedBlocks
  /// What some names, and not all, begin with before those of the network.
  private let wrapper: String?

  /// The network of weights whose names are canonical. Throws `badFormat`, naming the tensor, if there
  /// is no such network.
  static func network(of weights: ImportedWeights, _ options: ImportOptions) throws(ResNetError)
    -> Network
  {
    if let network = weights.network {
      try options.validate(network)
      return network
    }
    let inference = NetworkInference(weights)
    do throws(ResNetError) {
      return try inference.network(weights, options)
    } catch {
      // What was not understood may be the cause.
      guard let first = weights.notes.first(where: { $0.kind == .unexpected }) else { throw error }
      throw ResNetError(.badFormat, "\(first.name.shown) is not understood: \(first.reason)")
    }
  }

  private init(_ weights: ImportedWeights) {
    shapes = Dictionary(weights.tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    blocks = NamedBlocks(shapes)
    wrapper = weights.wrapper.flatMap { $0.isCommon ? nil : $0.prefix }
  }

  private func network(_ weights: ImportedWeights, _ options: ImportOptions) throws(ResNetError)
    -> Network
  {
    let stem = try weight("conv1.weight", rank: 4)
    guard stem[2] == stem[3], stem[2] == 3 || stem[2] == 7 else {
      throw refusal("conv1.weight", "a stem with a kernel of \(stem[2])x\(stem[3])")
    }
    // Whoever lacks some of its tensors must not be taken for a network that has none of them.
    if let name = blocks.missing { throw missing(name) }
    let counts = blocks.counts
    let (block, widths) = try blockAndWidths(inputs: stem[0], options, weights)
    let classes = try classes(stem: stem, options)
    let hasBatchNorm = shapes["bn1.weight"] != nil || blocks.haveBatchNorm
    let hasBias = shapes["conv1.bias"] != nil || blocks.haveBiases
    guard hasBatchNorm || hasBias else {
      throw ResNetError(
        .badFormat, "neither bn1.weight nor conv1.bias is in it: a convolution needs one of them")
    }
    var network = Network(
      inputChannels: stem[1], stem: stem[2] == 7 ? .imageNet : .cifar, stemWidth: stem[0],
      stemPool: options.stemPool ?? (stem[2] == 7 ? weights.stemPool : .padded), block: block,
      stages: counts.indices.map {
        Network.Stage(blocks: counts[$0], width: widths[$0], stride: $0 == 0 ? 1 : 2)
      },
      shortcut: shortcut(options),
      bottleneckStride: options.bottleneckStride ?? weights.bottleneckStride,
      zeroChannels: options.zeroChannels ?? weights.zeroChannels,
      affine: !hasBatchNorm ? .bias : hasBias ? .biasAndBatchNorm : .batchNorm,
      classes: classes)
    if network.shortcut != .a { network.zeroChannels = .after }
    if block != .bottleneck { network.bottleneckStride = .conv1x1 }
    network.name = try Self.name(of: network)
    return network
  }

  /// As the paper calls a network with shortcuts, or without.
  static func name(of network: Network) throws(ResNetError) -> String {
    (network.shortcut == .none ? "plain" : "resnet") + "\(try Graph(network).weightedLayers)"
  }

  /// Those of the classifier or, where a part is enough, of ImageNet or CIFAR-10.
  private func classes(stem: [Int], _ options: ImportOptions) throws(ResNetError) -> Int {
    guard options.partial, shapes["fc.weight"] == nil else {
      return try weight("fc.weight", rank: 2)[0]
    }
    return stem[2] == 7 ? 1000 : 10
  }

  /// The block that all have, and each stage's width.
  private func blockAndWidths(
    inputs: Int, _ options: ImportOptions, _ weights: ImportedWeights
  ) throws(ResNetError) -> (Network.Block, [Int]) {
    var block: Network.Block?
    var widths: [Int] = []
    var channels = inputs
    for stage in blocks.counts.indices {
      var layers: [[Int]] = []
      let prefix = "layer\(stage + 1).0.conv"
      for layer in 1...blocks.layers {
        let name = "\(prefix)\(layer).weight"
        let shape = try weight(name, rank: 4)
        guard shape[1] == channels else {
          throw refusal(
            name,
            "it reads \(shape[1]) channels of \(channels); convolutions in groups are not in the library"
          )
        }
        guard shape[2] == shape[3] else {
          throw refusal(name, "a kernel of \(shape[2])x\(shape[3])")
        }
        channels = shape[0]
        layers.append(shape)
      }
      guard let width = layers.map({ $0[0] }).min(), width > 0,
        layers.allSatisfy({ $0[0] % width == 0 })
      else {
        throw refusal(
          "\(prefix)1.weight", "the channels of its block's convolutions are no multiples")
      }
      var found = Network.Block(
        layers.map { Network.Block.Layer(kernel: $0[2], widthMultiple: $0[0] / width) })
      if found != .bottleneck, layers.count == 3 {
        found.strideOn =
          (options.bottleneckStride ?? weights.bottleneckStride) == .conv1x1 ? 0 : 1
      }
      guard block == nil || block == found else {
        throw refusal("\(prefix)1.weight", "its block has other layers than those of layer1")
      }
      block = found
      widths.append(width)
    }
    return (block ?? .basic, widths)
  }

  /// C has projections where dimensions do not change: in a block that is not the first of its stage, or
  /// in the first of all. Where every block changes dimensions, B and C are the same.
  private func shortcut(_ options: ImportOptions) -> Network.Shortcut {
    guard blocks.haveProjections else { return options.isPlain ? .none : .a }
    guard !blocks.haveLaterProjections else { return .c }
    guard let first = shapes["layer1.0.downsample.0.weight"], first.count == 4 else { return .b }
    return first[0] == first[1] ? .c : .b
  }

  private func weight(_ name: String, rank: Int) throws(ResNetError) -> [Int] {
    guard let shape = shapes[name] else { throw missing(name) }
    guard shape.count == rank, shape.allSatisfy({ $0 > 0 }) else {
      throw refusal(name, "it has shape \(shape.shown), expected \(rank) dimensions")
    }
    return shape
  }

  private func missing(_ name: String) -> ResNetError {
    ResNetError(
      .badFormat,
      "\(name) is missing, so that the network cannot be told; "
        + (wrapper.map {
          "its tensors begin with \($0.shown): save those alone, without it before their names"
        }
          ?? (name == "fc.weight"
            ? "import it partially for a new classifier"
            : "to import what is there, make a model and import its weights partially"))
    )
  }

  private func refusal(_ name: String, _ reason: String) -> ResNetError {
    ResNetError(.badFormat, "\(name) is not understood: \(reason)")
  }
}
