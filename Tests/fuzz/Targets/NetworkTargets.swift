import ResNet

/// A description, and the size of an image.
///
/// What is accepted can be counted, printed and asked for its memory; what is small can also be
/// run, trained, and saved and loaded bit for bit.
func fuzzNetwork(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var source = ByteSource(bytes)
  let network = Network(&source)
  let extent = Extent(height: source.number(0...20), width: source.number(0...20))
  let batch = source.number(0...3)
  guard let graph = try refusable({ () throws(ResNetError) in try Graph(network) }) else { return }
  _ = try refusable { () throws(ResNetError) in try graph.multiplyAdds(input: extent) }
  _ = try refusable { () throws(ResNetError) in
    try graph.summary(name: network.name, input: extent)
  }
  _ = try refusable { () throws(ResNetError) in try network.summary() }
  for layer in graph.layers {
    _ = try refusable { () throws(ResNetError) in
      try graph.featureShape(layer.name, input: extent)
    }
  }
  guard graph.parameterCount <= 1 << 14, graph.layers.count <= 100 else { return }
  let model = try certain("a small model") { () throws(ResNetError) in try Model(network, seed: 1) }
  try use(model, extent, batch)
}

/// What a caller does with a model, if it is little work. Weights of strangers may overflow, and a
/// per-pixel mean settles the size of images.
func use(_ model: Model, _ extent: Extent, _ batch: Int, isStrange: Bool = false) throws(Finding) {
  let extent = model.normalization.meanExtent ?? extent
  let needs = try refusable { () throws(ResNetError) in
    try model.trainingMemory(batch: batch, height: extent.height, width: extent.width)
  }
  let inference = try refusable { () throws(ResNetError) in
    try model.inferenceMemory(count: batch, height: extent.height, width: extent.width)
  }
  guard let inference, inference.total <= 1 << 24 else { return }
  let count = batch * model.network.inputChannels * extent.height * extent.width
  guard
    let images = try refusable({ () throws(ResNetError) in
      try Images(
        .float((0..<count).map { Float($0 % 7) - 3 }), count: batch,
        channels: model.network.inputChannels, height: extent.height, width: extent.width)
    })
  else { return }
  let scores = try refusable { () throws(ResNetError) in try model.logits(images) }
  try require(
    scores.map { $0.count == batch * model.network.classes } ?? isStrange,
    "\(String(describing: scores)) scores")
  guard let needs, needs.total <= 1 << 24 else { return }
  let trainer = try certain("a trainer") { () throws(ResNetError) in try Trainer(model) }
  let labels = (0..<batch).map { $0 % model.network.classes }
  _ = try refusable { () throws(ResNetError) in try trainer.step(images, labels: labels) }
  let path = try ScratchFolder()
  let file = path.reserve("model.h5")
  guard try refusable({ () throws(ResNetError) in try model.save(to: file) }) != nil else { return }
  let loaded = try certain("loading") { () throws(ResNetError) in try Model.load(from: file) }
  try require(loaded.network == model.network, "saving changed the network")
  for tensor in model.layout.tensors {
    let same = try certain(tensor.name) { () throws(ResNetError) in
      try loaded.tensor(named: tensor.name).map(\.bitPattern)
        == model.tensor(named: tensor.name).map(\.bitPattern)
    }
    try require(same, "saving changed \(tensor.name)")
  }
}

/// A name, and changes.
func fuzzPreset(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var source = ByteSource(bytes)
  func optional<Value>(_ value: Value, _ present: Bool) -> Value? { present ? value : nil }
  let family = optional(source.choice(Network.Family.self), source.flag())
  let classes = optional(source.number(0...2000), source.flag())
  let channels = optional(source.number(0...1100), source.flag())
  let width = optional(source.number(0...8200), source.flag())
  let stem = optional(source.choice(Network.Stem.self), source.flag())
  let shortcut = optional(source.choice(Network.Shortcut.self), source.flag())
  let stride = optional(source.choice(Network.BottleneckStride.self), source.flag())
  let zeros = optional(source.choice(Network.ZeroChannels.self), source.flag())
  let pool = optional(source.choice(Network.StemPool.self), source.flag())
  let name = String(decoding: source.remainder(), as: UTF8.self)
  let network = try refusable { () throws(ResNetError) in
    try Network.preset(
      name, family: family, classes: classes, inputChannels: channels, baseWidth: width, stem: stem,
      stemPool: pool, shortcut: shortcut, bottleneckStride: stride, zeroChannels: zeros)
  }
  guard let network else { return }
  if let classes { try require(network.classes == classes, "\(network.classes) classes") }
  if let channels { try require(network.inputChannels == channels, "the channels are others") }
  // The deepest networks take a second to print.
  guard network.stages.reduce(0, { $0 + $1.blocks }) <= 100 else { return }
  _ = try certain("a summary") { () throws(ResNetError) in try network.summary() }
}

extension Network {
  init(_ source: inout ByteSource) {
    let stem = source.choice(Stem.self)
    let stemWidth = stem == .none && source.flag() ? 0 : source.number(0...20)
    let layers = (0..<(source.byte() % 4)).map { _ in
      Block.Layer(kernel: source.number(1...7), widthMultiple: source.number(1...4))
    }
    let strideOn = source.number(0...3)
    let blocks = [Block.basic, .bottleneck, Block(layers, strideOn: strideOn)]
    let block = blocks[Int(source.byte()) % blocks.count]
    let stages = (0..<(source.byte() % 4)).map { _ in
      Stage(
        blocks: source.number(0...3), width: source.number(0...20), stride: source.number(1...2),
        maxPool: source.flag() ? source.number(0...4) : 0)
    }
    self.init(
      inputChannels: source.number(0...5), stem: stem, stemWidth: stemWidth,
      stemPool: stem == .imageNet ? source.choice(StemPool.self) : .padded, block: block,
      stages: stages, shortcut: source.choice(Shortcut.self),
      bottleneckStride: source.choice(BottleneckStride.self),
      zeroChannels: source.choice(ZeroChannels.self), affine: source.choice(Affine.self),
      activation: source.flag() ? .maxout(pieces: source.number(2...8)) : .relu,
      window: source.number(1...4),
      hidden: (0..<(source.byte() % 3)).map { _ in
        source.number(1...20)
      }, classes: source.number(1...12))
    name = source.text(atMost: 12)
  }
}
