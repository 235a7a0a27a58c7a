import ResNet

/// The plain network that the steps of a graph without additions make: convolutions, each with an
/// activation, and max-poolings; then the average and the classifier or, as in VGG, fully connected layers
/// on a window of the last map.
struct ONNXSequence {
  private(set) var network: Network
  private(set) var units: [ONNXPath.Unit] = []
  private(set) var linears: [ONNXPath.Linear] = []
  private let path: ONNXPath

  init(_ path: ONNXPath) throws(ResNetError) {
    self.path = path
    network = Network(
      name: "imported", inputChannels: path.steps.steps[0].channels, stem: .none, stemWidth: 0,
      block: Network.Block([]), stages: [], shortcut: .none, classes: 0)
    var place = 0
    while case .convolution = path.operation(path.only(place)) {
      let unit = try path.unit(at: path.only(place))
      place = try append(unit, after: path.activation(after: unit.end))
    }
    guard let first = units.last, !network.stages.isEmpty else {
      throw path.refusal(path.only(place), "expected a convolution")
    }
    network.block = Network.Block([.init(kernel: first.kernel)])
    network.affine = units.allSatisfy { $0.affine == nil } ? .bias : .batchNorm
    try appendHead(after: place)
    try name(flattening: path.only(place))
  }

  /// Appends a convolution, which begins another stage where the extent or the width changes, and the
  /// max-pooling after its activation. Returns the step of its end.
  private mutating func append(_ unit: ONNXPath.Unit, after activation: Int) throws(ResNetError)
    -> Int
  {
    let isFirst = units.isEmpty
    units.append(unit)
    let next = path.only(activation)
    guard case .maxPool(let kernel, let stride, let padding, let ceil) = path.operation(next) else {
      appendLayer(of: unit, maxPool: 0)
      return activation
    }
    if isFirst, unit.kernel == 7, (kernel, stride, padding) == (3, 2, ceil ? 0 : 1) {
      (network.stem, network.stemWidth) = (.imageNet, unit.channels)
      network.stemPool = ceil ? .ceil : .padded
      return next
    }
    guard kernel == stride, padding == 0, !ceil else {
      throw path.refusal(next, "expected a max-pooling of windows side by side")
    }
    appendLayer(of: unit, maxPool: kernel)
    return next
  }

  private mutating func appendLayer(of unit: ONNXPath.Unit, maxPool: Int) {
    if let last = network.stages.last, last.width == unit.channels, last.maxPool == 0,
      unit.stride == 1
    {
      network.stages[network.stages.count - 1].blocks += 1
    } else {
      network.stages.append(.init(blocks: 1, width: unit.channels, stride: unit.stride))
    }
    network.stages[network.stages.count - 1].maxPool = maxPool
  }

  private mutating func appendHead(after last: Int) throws(ResNetError) {
    var place = path.only(last)
    var isWindow = false
    switch path.operation(place) {
    case .average where place != last: break
    case .flatten where place != last: isWindow = true
    default:
      throw path.refusal(
        place, "expected the next convolution, the average, or the map as a vector after the last")
    }
    while case .linear(let weight, let bias) = path.operation(path.only(place)) {
      place = path.only(place)
      linears.append(.init(weight: weight, bias: bias))
      guard isWindow, case .relu = path.operation(path.only(place)) else { break }
      place = path.only(place)
    }
    // Scores have no activation.
    if case .relu = path.operation(place) {
      throw path.refusal(place, "expected the classifier or another fully connected layer after it")
    }
    if case .softmax = path.operation(path.only(place)) { place = path.only(place) }
    guard case .some(let classifier) = linears.popLast(), path.readers[place].isEmpty else {
      throw path.refusal(
        path.only(place),
        "expected one fully connected layer after the average, or some on a window")
    }
    network.hidden = linears.map { $0.weight.shape[0] }
    linears.append(classifier)
    network.classes = classifier.weight.shape[0]
    let width = units.last?.channels ?? 1
    network.window = ONNXSteps.window(of: linears[0].weight.shape[1], channels: width) ?? 1
  }

  /// Names what was found as the network's layers, which must be those. The step that flattens a map is
  /// named where that map is not the head's window.
  private mutating func name(flattening step: Int) throws(ResNetError) {
    let graph = try ONNXPath.graph(of: network)
    var (unit, linear) = (0, 0)
    for (index, layer) in graph.layers.enumerated() {
      switch layer.operation {
      case .convolution where unit < units.count:
        units[unit].name = layer.name
        units[unit].affineName = graph.layers[index + 1].name
        try path.verify(units[unit], is: layer, bias: network.affine == .bias)
        unit += 1
      case .flatten(let side):
        guard let input = path.steps.inputExtent else { continue }
        let extents = try? graph.extents(input: input)
        guard extents?[layer.inputs[0]] == Extent(height: side, width: side) else {
          throw path.refusal(
            step, "of images of \(input) pixels it flattens no map of \(side)x\(side), but another")
        }
      case .linear where linear < linears.count:
        linears[linear].name = layer.name
        linear += 1
      default: break
      }
    }
  }
}
