import ResNet

/// The residual network that the steps of a graph make: a stem, blocks whose two branches join in an
/// addition, the average and the classifier.
struct ONNXStructure {
  /// What a block's shortcut is, if no convolution.
  private struct Zeros: Equatable {
    var stride = 1
    var before = 0
    var after = 0
  }

  /// From a block's input to its addition.
  private struct Branch {
    var units: [ONNXPath.Unit] = []
    /// Of its convolutions together.
    var stride = 1
    var zeros = Zeros()
    /// The steps before the addition, and of the addition.
    var last = 0
    var addition = 0
  }

  private struct Block {
    let residual: [ONNXPath.Unit]
    let stride: Int
    let shortcut: Branch
    let inputChannels: Int
    /// The step of its last activation.
    let end: Int
    var maxPool = 0

    var changes: Bool { stride != 1 || residual.last?.channels != inputChannels }
  }

  private(set) var network: Network
  /// All convolutions; projections come after the block's other ones.
  private(set) var units: [ONNXPath.Unit] = []
  let classifier: ONNXPath.Linear
  private let path: ONNXPath

  init(_ path: ONNXPath) throws(ResNetError) {
    self.path = path
    network = Network(
      name: "imported", inputChannels: path.steps.steps[0].channels, stem: .cifar, stemWidth: 0,
      block: .basic, stages: [], shortcut: .b, classes: 0)
    classifier = try Self.classifier(path)
    network.classes = classifier.weight.shape[0]

    var place = try appendStem()
    var blocks: [Block] = []
    while path.readers[place].count > 1 {
      var block = try block(at: place)
      place = block.end
      if case .maxPool(let kernel, let stride, 0, false) = path.operation(path.only(place)),
        kernel == stride
      {
        block.maxPool = kernel
        place = path.only(place)
      }
      blocks.append(block)
    }
    guard case .average = path.operation(path.only(place)), !blocks.isEmpty else {
      throw path.refusal(
        path.only(place), "expected the next residual block, or the average after the last")
    }
    try describe(blocks)
    try verify(blocks)
    network.name = try NetworkInference.name(of: network)
  }

  /// The last steps: the average, the classifier and perhaps a softmax, which the library computes where
  /// it is asked for probabilities.
  private static func classifier(_ path: ONNXPath) throws(ResNetError) -> ONNXPath.Linear {
    let steps = path.steps.steps
    var last = steps.count - 1
    if case .softmax = steps[last].operation { last = steps[last].inputs[0] }
    guard case .linear(let weight, let bias) = steps[last].operation,
      case .average = steps[steps[last].inputs[0]].operation
    else {
      throw ResNetError(
        .badFormat,
        "its graph does not end in an average over all positions and a fully connected layer")
    }
    return ONNXPath.Linear(name: "fc", weight: weight, bias: bias)
  }

  // MARK: - Parts

  /// Returns the step of its end.
  private mutating func appendStem() throws(ResNetError) -> Int {
    var unit = try path.unit(at: path.only(0))
    (unit.name, unit.affineName) = ("conv1", "bn1")
    units.append(unit)
    network.stemWidth = unit.channels
    let end = try path.activation(after: unit.end)
    switch path.operation(path.only(end)) {
    case .maxPool(3, 2, 1, false): network.stemPool = .padded
    case .maxPool(3, 2, 0, true): network.stemPool = .ceil
    default: return end
    }
    network.stem = .imageNet
    return path.only(end)
  }

  /// Follows a branch of a block from its first step, or from the addition itself.
  private func branch(from start: Int, _ input: Int) throws(ResNetError) -> Branch {
    var branch = Branch()
    branch.last = input
    branch.addition = start
    while true {
      let step = branch.addition
      let isPlain = branch.units.isEmpty
      switch path.operation(step) {
      case .add: return branch
      case .convolution where branch.zeros == Zeros():
        let unit = try path.unit(at: step)
        branch.units.append(unit)
        branch.stride *= unit.stride
        branch.last = unit.end
      case .relu where branch.last == branch.units.last?.end: branch.last = step
      case .pixels(let rows, let columns) where isPlain && rows == columns:
        branch.zeros.stride *= rows
        branch.last = step
      case .zeros(let before, let after) where isPlain:
        branch.zeros.before += before
        branch.zeros.after += after
        branch.last = step
      default: throw path.refusal(step, "no residual block of this library has it")
      }
      guard max(branch.stride, branch.zeros.stride) <= Network.Limits.inputSide else {
        throw path.refusal(step, "no map has so many pixels")
      }
      branch.addition = path.only(branch.last)
      guard branch.addition != branch.last else {
        throw path.refusal(step, "no node reads what comes of it, or several do")
      }
    }
  }

  private func block(at input: Int) throws(ResNetError) -> Block {
    let starts = path.readers[input]
    guard starts.count == 2 else {
      throw path.refusal(input, "\(starts.count) nodes read it; a residual block has two branches")
    }
    var residual = try branch(from: starts[0], input)
    var shortcut = try branch(from: starts[1], input)
    guard residual.addition == shortcut.addition else {
      throw path.refusal(residual.addition, "it does not join the two branches of a residual block")
    }
    let order = path.steps.steps[residual.addition].inputs
    // The residual branch is the longer one; of equal ones the first in the addition.
    if shortcut.units.count > residual.units.count
      || shortcut.units.count == residual.units.count && order[0] == shortcut.last
    {
      swap(&residual, &shortcut)
    }
    guard !residual.units.isEmpty, shortcut.units.count <= 1,
      residual.last == residual.units.last?.end,
      shortcut.units.isEmpty || shortcut.last == shortcut.units.last?.end
    else {
      throw path.refusal(
        residual.addition,
        "expected a branch of convolutions and a shortcut of at most one, none with an activation at its end"
      )
    }
    return Block(
      residual: residual.units, stride: residual.stride, shortcut: shortcut,
      inputChannels: path.steps.steps[input].channels,
      end: try path.activation(after: residual.addition))
  }

  // MARK: - The description

  /// The layers of a block, and the width that their channels are multiples of.
  private static func form(_ block: Block) -> (layers: [Network.Block.Layer], width: Int) {
    let bottleneck = Network.Block.bottleneck.layers
    let widths = block.residual.map(\.channels)
    let isBottleneck =
      block.residual.map(\.kernel) == bottleneck.map(\.kernel)
      && widths == bottleneck.map { $0.widthMultiple * widths[0] }
    let width = isBottleneck ? widths[0] : widths.min() ?? 1
    return (
      block.residual.map { .init(kernel: $0.kernel, widthMultiple: $0.channels / max(width, 1)) },
      width
    )
  }

  /// Describes the stages, and names all convolutions.
  private mutating func describe(_ blocks: [Block]) throws(ResNetError) {
    network.block = Network.Block(Self.form(blocks[0]).layers)
    for (index, block) in blocks.enumerated() {
      let width = Self.form(block).width
      let isNext =
        index > 0 && block.stride == 1 && blocks[index - 1].maxPool == 0
        && width == network.stages.last?.width
      if isNext {
        network.stages[network.stages.count - 1].blocks += 1
      } else {
        network.stages.append(.init(blocks: 1, width: width, stride: block.stride))
      }
      let stage = network.stages.count
      network.stages[stage - 1].maxPool = block.maxPool
      let prefix = "layer\(stage).\(network.stages[stage - 1].blocks - 1)"
      for (layer, var unit) in block.residual.enumerated() {
        unit.name = "\(prefix).conv\(layer + 1)"
        unit.affineName = "\(prefix).bn\(layer + 1)"
        units.append(unit)
        if unit.stride > 1 { network.block.strideOn = layer }
      }
      for var unit in block.shortcut.units {
        unit.name = "\(prefix).downsample.0"
        unit.affineName = "\(prefix).downsample.1"
        units.append(unit)
        if !block.changes { network.shortcut = .c }
      }
      if block.shortcut.zeros != Zeros() { network.shortcut = .a }
      if block.shortcut.zeros.before > 0 { network.zeroChannels = .split }
    }
    if network.block.layers == Network.Block.bottleneck.layers {
      network.bottleneckStride = network.block.strideOn == 1 ? .conv3x3 : .conv1x1
      network.block = .bottleneck
    }
    network.affine = units.allSatisfy { $0.affine == nil } ? .bias : .batchNorm
  }

  /// Throws unless the network has exactly the layers that were found.
  private func verify(_ blocks: [Block]) throws(ResNetError) {
    let graph = try ONNXPath.graph(of: network)
    var layers: [String: Graph.Layer] = [:]
    var shortcuts: [Graph.Operation] = []
    for layer in graph.layers {
      switch layer.operation {
      case .convolution: layers[layer.name] = layer
      case .padShortcut: shortcuts.append(layer.operation)
      default: break
      }
    }
    for unit in units {
      try path.verify(
        unit, is: layers.removeValue(forKey: unit.name), bias: network.affine == .bias)
    }
    var found: [Graph.Operation] = []
    for block in blocks where network.shortcut == .a && block.changes {
      found.append(
        .padShortcut(
          stride: block.shortcut.zeros.stride, zerosBefore: block.shortcut.zeros.before))
    }
    if let missing = layers.keys.min() {
      throw ResNetError(
        .badFormat,
        "its graph has no convolution that could be \(missing), as its other blocks have")
    }
    guard found == shortcuts else {
      throw ResNetError(.badFormat, "the shortcuts of its blocks are not all of one kind")
    }
  }
}
