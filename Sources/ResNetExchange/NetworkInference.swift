import ResNet

/// What network a file's tensors are of, from their names and shapes.
struct NetworkInference {
  private let shapes: [String: [Int]]

  /// The network of weights whose names are canonical. Throws `badFormat`, naming the tensor, if there
  /// is no such network.
  static func network(of weights: ImportedWeights, _ options: ImportOptions) throws(ResNetError)
    -> Network
  {
    if let network = weights.network {
      try options.validate(network)
      return network
    }
    let inference = NetworkInference(
      shapes: Dictionary(weights.tensors.map { ($0.name, $0.shape) }) { first, _ in first })
    do throws(ResNetError) {
      return try inference.network(weights, options)
    } catch {
      // What was not understood may be the cause.
      guard let first = weights.notes.first(where: { $0.kind == .unexpected }) else { throw error }
      throw ResNetError(.badFormat, "\(first.name) is not understood: \(first.reason)")
    }
  }

  private func network(_ weights: ImportedWeights, _ options: ImportOptions) throws(ResNetError)
    -> Network
  {
    let stem = try weight("conv1.weight", rank: 4)
    guard stem[2] == stem[3], stem[2] == 3 || stem[2] == 7 else {
      throw refusal("conv1.weight", "a stem with a kernel of \(stem[2])x\(stem[3])")
    }
    let blocks = try countBlocks()
    let (block, widths) = try blockAndWidths(blocks, inputs: stem[0], options, weights)
    let classifier = try weight("fc.weight", rank: 2)
    let hasBatchNorm = shapes["bn1.weight"] != nil
    let hasBias = shapes["conv1.bias"] != nil
    guard hasBatchNorm || hasBias else {
      throw ResNetError(
        .badFormat, "neither bn1.weight nor conv1.bias is in it: a convolution needs one of them")
    }
    var network = Network(
      inputChannels: stem[1], stem: stem[2] == 7 ? .imageNet : .cifar, stemWidth: stem[0],
      stemPool: options.stemPool ?? (stem[2] == 7 ? weights.stemPool : .padded), block: block,
      stages: blocks.indices.map {
        Network.Stage(blocks: blocks[$0], width: widths[$0], stride: $0 == 0 ? 1 : 2)
      },
      shortcut: shortcut(blocks, options),
      bottleneckStride: options.bottleneckStride ?? weights.bottleneckStride,
      zeroChannels: options.zeroChannels ?? weights.zeroChannels,
      affine: !hasBatchNorm ? .bias : hasBias ? .biasAndBatchNorm : .batchNorm,
      classes: classifier[0])
    if network.shortcut != .a { network.zeroChannels = .after }
    if block != .bottleneck { network.bottleneckStride = .conv1x1 }
    let layers = try Graph(network).weightedLayers
    network.name = (network.shortcut == .none ? "plain" : "resnet") + "\(layers)"
    return network
  }

  /// Blocks of each stage.
  private func countBlocks() throws(ResNetError) -> [Int] {
    var counts: [Int] = []
    while counts.count < Network.Limits.blocks {
      var blocks = 0
      while blocks < Network.Limits.blocks,
        shapes["layer\(counts.count + 1).\(blocks).conv1.weight"] != nil
      {
        blocks += 1
      }
      guard blocks > 0 else { break }
      counts.append(blocks)
    }
    guard !counts.isEmpty else { throw missing("layer1.0.conv1.weight") }
    return counts
  }

  /// The block that all have, and each stage's width.
  private func blockAndWidths(
    _ blocks: [Int], inputs: Int, _ options: ImportOptions, _ weights: ImportedWeights
  ) throws(ResNetError) -> (Network.Block, [Int]) {
    var block: Network.Block?
    var widths: [Int] = []
    var channels = inputs
    for stage in blocks.indices {
      var layers: [[Int]] = []
      let prefix = "layer\(stage + 1).0.conv"
      while layers.count < Network.Limits.layers,
        shapes["\(prefix)\(layers.count + 1).weight"] != nil
      {
        let name = "\(prefix)\(layers.count + 1).weight"
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

  private func shortcut(_ blocks: [Int], _ options: ImportOptions) -> Network.Shortcut {
    var (some, all) = (false, true)
    for (stage, count) in blocks.enumerated() {
      for block in 0..<count {
        let isProjection = shapes["layer\(stage + 1).\(block).downsample.0.weight"] != nil
        if isProjection { some = true } else { all = false }
      }
    }
    if !some { return options.isPlain ? .none : .a }
    // Where every block changes dimensions, B and C are the same.
    return all && (blocks.contains { $0 > 1 } || !changesDimensions(stage: 0)) ? .c : .b
  }

  private func changesDimensions(stage: Int) -> Bool {
    guard let projection = shapes["layer\(stage + 1).0.downsample.0.weight"],
      projection.count == 4
    else { return false }
    return projection[0] != projection[1]
  }

  private func weight(_ name: String, rank: Int) throws(ResNetError) -> [Int] {
    guard let shape = shapes[name] else { throw missing(name) }
    guard shape.count == rank, shape.allSatisfy({ $0 > 0 }) else {
      throw refusal(name, "it has shape \(shape), expected \(rank) dimensions")
    }
    return shape
  }

  private func missing(_ name: String) -> ResNetError {
    ResNetError(
      .badFormat,
      "\(name) is missing, so that the network cannot be told; to import what is there, make a model "
        + "and import its weights partially")
  }

  private func refusal(_ name: String, _ reason: String) -> ResNetError {
    ResNetError(.badFormat, "\(name) is not understood: \(reason)")
  }
}
