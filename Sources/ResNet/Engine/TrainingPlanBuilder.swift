import CKernels

/// Lays out a ``TrainingPlan``: first the units in order, then their gradients in reverse order.
struct TrainingPlanBuilder {
  private let shapes: PlanShapes
  private let layout: ParameterLayout
  private let units: [FusedUnit]
  private let target: PlanTarget
  /// How many units read each value, and whether all do so as a convolution's input or addend.
  private var readers: [Int: [Reader]] = [:]
  private var operands: [Int: TrainingPlan.Operand] = [:]
  private var gradients: [Int: Buffer] = [:]
  private(set) var planner = ArenaPlanner()
  /// Floats of scratch per thread.
  private(set) var scratch = 0
  let input: Buffer
  /// The images of the backward half, and the first unit, in reverse, that reads them.
  private(set) var inputAgain: (buffer: Buffer, step: Int)?
  /// The graph's layers whose tensors are not trained.
  private let frozen: Set<Int>
  /// The images, and what only frozen layers come before: values that need no gradient.
  private var constants: Set<Int> = [0]

  private enum Reader { case convolution, addend, other }

  init(
    shapes: PlanShapes, layout: ParameterLayout, units: [FusedUnit],
    target: PlanTarget, frozen: Set<Int>
  ) {
    self.frozen = frozen
    self.shapes = shapes
    self.layout = layout
    self.units = units
    self.target = target
    input = planner.buffer(floats: shapes.activationFloats(0), at: 0)
    operands[0] = .init(buffer: input, statistics: nil, relu: false)
    for unit in units {
      if case .convolution(let convolution) = unit.operation {
        readers[unit.input, default: []].append(.convolution)
        if let addend = convolution.addend { readers[addend, default: []].append(.addend) }
      } else {
        readers[unit.input, default: []].append(.other)
      }
      switch unit.operation {
      case .gate(let g, let x):
        for value in [g, x] { readers[value, default: []].append(.other) }
      default: break
      }
      if isConstant(unit) { constants.insert(unit.output) }
    }
  }

  private func isConstant(_ unit: FusedUnit) -> Bool {
    guard constants.contains(unit.input) else { return false }
    switch unit.operation {
    case .convolution(let convolution):
      return frozen.contains(convolution.layer)
        && (convolution.batchNorm.map(frozen.contains) ?? true)
        && (convolution.addend.map(constants.contains) ?? true)
    case .linear(let layer): return frozen.contains(layer)
    case .gate(let g, let x): return constants.isSuperset(of: [g, x])
    case .join(let addend, _): return addend.map(constants.contains) ?? true
    default: return true
    }
  }

  /// When the backward half of a unit looks at what the forward half made; nil if it has none.
  private func backwardTime(of index: Int) -> Int? {
    constants.contains(units[index].output) ? nil : backwardTime(index)
  }

  private func forwardTime(_ unit: Int) -> Int { 1 + unit }
  private func backwardTime(_ unit: Int) -> Int { 2 * units.count + 1 - unit }
  private var endTime: Int { 2 * units.count + 2 }

  mutating func build() throws(ResNetError) -> [TrainingPlan.Step] {
    var forward: [Forward] = []
    for index in units.indices { forward.append(try planForward(index)) }
    let last = units.count - 1
    gradients[units[last].output] = planner.buffer(
      floats: shapes.activationFloats(units[last].output), at: units.count + 1)
    var steps: [TrainingPlan.Step] = []
    for index in units.indices.reversed() {
      steps.append(try planBackward(index, forward[index]))
    }
    return steps.reversed()
  }

  /// The buffers of the scores and of their gradient, once built.
  func ends() throws(ResNetError) -> (scores: Buffer, gradient: Buffer) {
    let output = shapes.graph.layers.count - 1
    guard let scores = operands[output], let gradient = gradients[output] else {
      throw shapes.notPlanned(output)
    }
    return (scores.buffer, gradient)
  }

  // MARK: Forward

  /// What the forward half of a unit decided, for the backward half.
  private enum Forward {
    case convolution(
      FusedUnit.Convolution, pass: ConvolutionPass, source: TrainingPlan.Operand, packed: Buffer,
      y: Buffer, addend: TrainingPlan.Operand?, norm: NormForward?)
    case linear(
      FullyConnected, source: Buffer, destination: Buffer, packed: Buffer, blocked: Buffer)
    /// `positions` tell which of the values that a maximum was taken of it is.
    case other(source: Buffer, destination: Buffer, positions: Buffer?)
    case gate(h: Buffer, g: Buffer, x: Buffer, destination: Buffer)
  }

  private struct NormForward {
    let slots: Buffer
    let factors: TrainingPlan.NormBuffers
    let activation: Buffer?
  }

  private mutating func planForward(_ index: Int) throws(ResNetError) -> Forward {
    let unit = units[index]
    let time = forwardTime(index)
    guard case .convolution(let convolution) = unit.operation else {
      // Poolings and padding do not look at their input again.
      let isLinear = if case .linear = unit.operation { true } else { false }
      let source = try read(unit.input, at: time, backward: isLinear ? index : nil)
      let destination = planner.buffer(floats: shapes.activationFloats(unit.output), at: time)
      operands[unit.output] = .init(buffer: destination, statistics: nil, relu: false)
      // The scores are read between the forward and the backward half.
      planner.use(destination, at: time + 1)
      if case .gate(let g, let x) = unit.operation {
        if let later = backwardTime(of: index) { planner.use(source.buffer, at: later) }
        return .gate(
          h: source.buffer, g: try read(g, at: time, backward: index).buffer,
          x: try read(x, at: time, backward: index).buffer, destination: destination)
      }
      if case .linear(let layer) = unit.operation {
        let linear = shapes.fullyConnected(target, layout, unit: unit, layer: layer)
        scratch = max(scratch, linear.forward.scratchFloats)
        return .linear(
          linear, source: source.buffer, destination: destination,
          packed: planner.buffer(floats: linear.forward.packedFloats, at: time),
          blocked: planner.buffer(floats: shapes.activationFloats(unit.output), at: time))
      }
      var positions: Buffer?
      switch unit.operation {
      case .maxPool, .maxout:
        let buffer = planner.buffer(
          floats: (shapes.activationFloats(unit.output) + 3) / 4, at: time)
        if let later = backwardTime(of: index) { planner.use(buffer, at: later) }
        positions = buffer
      default: break
      }
      return .other(source: source.buffer, destination: destination, positions: positions)
    }

    let source = try read(unit.input, at: time, backward: index)
    let addend: TrainingPlan.Operand?
    if let value = convolution.addend {
      addend = try read(value, at: time, backward: nil)
    } else {
      addend = nil
    }
    let pass = shapes.forwardPass(target, unit: unit, convolution)
    scratch = max(scratch, pass.scratchFloats)
    let packed = planner.buffer(floats: pass.packedFloats, at: time)
    let y = planner.buffer(floats: shapes.activationFloats(unit.output), at: time)
    let later = backwardTime(of: index)
    guard convolution.batchNorm != nil else {
      // Its epilogue adds values as they are.
      guard addend?.statistics == nil else { throw shapes.notPlanned(unit.output) }
      // The activation, whose sign is ReLU's mask.
      if let later, convolution.relu { planner.use(y, at: later) }
      operands[unit.output] = .init(buffer: y, statistics: nil, relu: false)
      return .convolution(
        convolution, pass: pass, source: source, packed: packed, y: y, addend: addend, norm: nil)
    }
    if let later, !isComputedAgain(unit, convolution) { planner.use(y, at: later) }
    let slots = planner.buffer(floats: pass.statisticsFloats, at: time)
    let channels = shapes.paddedChannels(unit.output)
    let factors = TrainingPlan.NormBuffers(
      mean: lasting(channels, from: time), inverseDeviation: lasting(channels, from: time),
      variance: lasting(channels, from: time), scale: lasting(channels, from: time),
      shift: lasting(channels, from: time))

    let activation: Buffer?
    if appliesOnLoad(unit.output, convolution) {
      activation = nil
      operands[unit.output] = .init(buffer: y, statistics: factors, relu: convolution.relu)
    } else {
      let buffer = planner.buffer(floats: shapes.activationFloats(unit.output), at: time)
      // Without a shortcut in it, y tells as well where ReLU let through.
      if let later, convolution.relu, addend != nil { planner.use(buffer, at: later) }
      activation = buffer
      operands[unit.output] = .init(buffer: buffer, statistics: nil, relu: false)
    }
    return .convolution(
      convolution, pass: pass, source: source, packed: packed, y: y, addend: addend,
      norm: NormForward(slots: slots, factors: factors, activation: activation))
  }

  /// Whether the unit's only reader applies BN (and ReLU) as it loads: a convolution, or, for a
  /// projection without ReLU, the addition. The sum with a shortcut is always stored.
  private func appliesOnLoad(_ value: Int, _ convolution: FusedUnit.Convolution) -> Bool {
    guard convolution.addend == nil, let readers = readers[value], readers.count == 1 else {
      return false
    }
    switch readers[0] {
    case .convolution: return true
    case .addend: return !convolution.relu
    case .other: return false
    }
  }

  /// Whether y is given up after the forward half: see ``TrainingPlan``. The images that it would be
  /// computed from again are not kept.
  private func isComputedAgain(_ unit: FusedUnit, _ convolution: FusedUnit.Convolution) -> Bool {
    guard convolution.kernel == 1, unit.input != 0, !shapes.isVectors(unit.output) else {
      return false
    }
    return !appliesOnLoad(unit.output, convolution) || readers[unit.output] == [.addend]
  }

  /// The operand of a value; its memory is kept for `time` and, if given, for the backward half
  /// of unit `backward`.
  private mutating func read(_ value: Int, at time: Int, backward: Int?)
    throws(ResNetError) -> TrainingPlan.Operand
  {
    guard let operand = operands[value] else { throw shapes.notPlanned(value) }
    planner.use(operand.buffer, at: time)
    if let later = backward.flatMap(backwardTime(of:)), value != 0 {
      planner.use(operand.buffer, at: later)
    }
    return operand
  }

  /// A value as the backward half of unit `index` finds it: as the forward half did, but for the
  /// images, which are loaded again.
  private mutating func readAgain(
    _ value: Int, _ operand: TrainingPlan.Operand, by index: Int
  ) -> TrainingPlan.Operand {
    guard value == 0 else { return operand }
    let time = backwardTime(index)
    let again =
      inputAgain
      ?? (planner.buffer(floats: shapes.activationFloats(0), at: time), index)
    planner.use(again.buffer, at: time)
    inputAgain = again
    return .init(buffer: again.buffer, statistics: nil, relu: false)
  }

  /// A buffer that is needed until the step's end.
  private mutating func lasting(_ floats: Int, from time: Int) -> Buffer {
    let buffer = planner.buffer(floats: floats, at: time)
    planner.use(buffer, at: endTime)
    return buffer
  }

  // MARK: Backward

  private mutating func planBackward(_ index: Int, _ forward: Forward)
    throws(ResNetError) -> TrainingPlan.Step
  {
    let unit = units[index]
    let time = backwardTime(index)
    if case (.flatten(let window), .other(let source, let destination, _)) = (
      unit.operation, forward
    ), constants.contains(unit.output) {
      return .flatten(
        shape: shapes.flatten(unit, window: window), source: source, destination: destination, nil)
    }
    let output = gradients[unit.output]
    if let output { planner.use(output, at: time) }
    guard constants.contains(unit.output) == (output == nil) else {
      throw shapes.notPlanned(unit.output)
    }

    switch (unit.operation, forward) {
    case (
      .convolution,
      .convolution(
        let convolution, let pass, let source, let packed, let y, let addend, let norm)
    ):
      let backward =
        constants.contains(unit.input)
        ? nil : shapes.backwardDataPass(target, unit: unit, convolution)
      let wgrad =
        frozen.contains(convolution.layer)
        ? nil : shapes.weightGradientPass(target, unit: unit, convolution)
      scratch = max(scratch, wgrad?.scratchFloats ?? 0, backward?.scratchFloats ?? 0)
      let again =
        output != nil && norm != nil && isComputedAgain(unit, convolution)
        ? (
          packed: planner.buffer(floats: pass.packedFloats, at: time),
          y: planner.buffer(floats: shapes.activationFloats(unit.output), at: time)
        ) : nil
      return .convolution(
        .init(
          forward: pass, backward: backward, wgrad: wgrad,
          tensors: WeightTensors(layout, layer: convolution.layer),
          images: shapes.images(unit.output), blocks: shapes.blocks(unit.output),
          pixels: shapes.pixels(unit.output), relu: convolution.relu, source: source,
          backwardSource: wgrad == nil ? source : readAgain(unit.input, source, by: index),
          packed: packed, y: y,
          addend: addend,
          norm: convolution.batchNorm.flatMap { layer in
            norm.map {
              .init(
                tensors: BatchNormTensors(layout, layer: layer),
                isFrozen: frozen.contains(layer), slots: $0.slots,
                factors: $0.factors, again: again, activation: $0.activation,
                coefficients: planner.buffer(
                  floats: 3 * shapes.paddedChannels(unit.output), at: time))
            }
          },
          gradients: try output.map { output throws(ResNetError) in
            try convolutionGradients(
              unit, addend: convolution.addend, output: output, backward: backward, wgrad: wgrad,
              at: time)
          }))
    case (.gate(let g, let x), .gate(let hBuffer, let gBuffer, let xBuffer, let destination)):
      let operand = TrainingPlan.Operand(buffer: xBuffer, statistics: nil, relu: false)
      return .gate(
        .init(
          h: hBuffer, g: gBuffer, x: xBuffer,
          backwardX: output == nil ? xBuffer : readAgain(x, operand, by: index).buffer,
          y: destination,
          pixels: shapes.pixels(unit.output), tasks: shapes.tasks(unit.output),
          gradients: try output.map { output throws(ResNetError) in
            (
              y: output, h: try gateGradient(unit.input, at: time),
              g: try gateGradient(g, at: time),
              x: constants.contains(x) ? nil : try inputGradient(x, at: time)
            )
          }))
    case (.maxout(let pieces), .other(let source, let destination, .some(let winners))):
      return .maxout(
        channels: shapes.channels(unit.output), pieces: pieces, images: shapes.images(unit.output),
        pixels: shapes.pixels(unit.output), winners: winners,
        try route(unit, source, destination, output, at: time))
    case (.flatten(let window), .other(let source, let destination, _)):
      return .flatten(
        shape: shapes.flatten(unit, window: window), source: source, destination: destination,
        try route(unit, source, destination, output, at: time))
    case (
      .maxPool(let kernel, let stride, let padding),
      .other(
        let source, let destination, .some(let argmax))
    ):
      return .maxPool(
        shape: shapes.pool(unit, kernel: kernel, stride: stride, padding: padding),
        tasks: shapes.tasks(unit.input), argmax: argmax,
        try route(unit, source, destination, output, at: time))
    case (.padShortcut(let stride, let zerosBefore), .other(let source, let destination, _)):
      let given = gradients[unit.input]
      let inputGradient: Buffer?
      if let given {
        planner.use(given, at: time)
        inputGradient = given
      } else if constants.contains(unit.input) {
        inputGradient = nil
      } else {
        inputGradient = try self.inputGradient(unit.input, at: time)
      }
      return .padShortcut(
        channels: (in: shapes.channels(unit.input), out: shapes.channels(unit.output)),
        zerosBefore: zerosBefore, stride: stride, input: shapes.extent(unit.input),
        accumulate: given != nil,
        .init(
          source: source, destination: destination, outputGradient: output,
          inputGradient: inputGradient))
    case (.averagePool, .other(let source, let destination, _)):
      return .averagePool(
        shapes.averagePool(unit), try route(unit, source, destination, output, at: time))
    case (
      .linear, .linear(let layer, let source, let destination, let packed, let blocked)
    ):
      let backward = constants.contains(unit.input) ? nil : layer.backwardDataPass()
      var wgrad: WeightGradientPass?
      if case .linear(let layerIndex) = unit.operation, !frozen.contains(layerIndex) {
        wgrad = layer.weightGradientPass()
      }
      scratch = max(scratch, wgrad?.scratchFloats ?? 0, backward?.scratchFloats ?? 0)
      return .linear(
        .init(
          layer: layer, backward: backward, wgrad: wgrad, packed: packed, blocked: blocked,
          gradients: .init(
            blocked: planner.buffer(floats: shapes.activationFloats(unit.output), at: time),
            packed: planner.buffer(floats: backward?.packedFloats ?? 0, at: time),
            partials: planner.buffer(floats: wgrad?.partialFloats ?? 0, at: time))),
        try route(unit, source, destination, output, at: time))
    default:
      throw shapes.notPlanned(unit.output)
    }
  }

  private mutating func route(
    _ unit: FusedUnit, _ source: Buffer, _ destination: Buffer, _ output: Buffer?, at time: Int
  ) throws(ResNetError) -> TrainingPlan.Route {
    .init(
      source: source, destination: destination, outputGradient: output,
      inputGradient: constants.contains(unit.input)
        ? nil : try inputGradient(unit.input, at: time))
  }

  /// The same for a gate, which writes this gradient even where none is needed.
  private mutating func gateGradient(_ value: Int, at time: Int) throws(ResNetError) -> Buffer {
    constants.contains(value)
      ? planner.buffer(floats: shapes.activationFloats(value), at: time)
      : try inputGradient(value, at: time)
  }

  /// A buffer for the gradient of a value that a unit writes whole. So it must be the first to do so;
  /// in reverse order it is, as it follows the value directly.
  private mutating func inputGradient(_ value: Int, at time: Int) throws(ResNetError) -> Buffer {
    guard gradients[value] == nil else { throw shapes.notPlanned(value) }
    let buffer = planner.buffer(floats: shapes.activationFloats(value), at: time)
    gradients[value] = buffer
    return buffer
  }

  private mutating func convolutionGradients(
    _ unit: FusedUnit, addend: Int?, output: Buffer, backward: ConvolutionPass?,
    wgrad: WeightGradientPass?, at time: Int
  ) throws(ResNetError) -> TrainingPlan.ConvolutionGradients {
    let channels = shapes.paddedChannels(unit.output)
    var dy = output
    if let addend, !constants.contains(addend) {
      // The masked gradient goes to the shortcut as it is: same buffer, no pass over memory.
      guard gradients[addend] == nil else { throw shapes.notPlanned(addend) }
      gradients[addend] = output
      dy = planner.buffer(floats: shapes.activationFloats(unit.output), at: time)
    }
    var input: Buffer?
    let accumulate = gradients[unit.input] != nil
    if backward != nil {
      let buffer =
        gradients[unit.input]
        ?? planner.buffer(floats: shapes.activationFloats(unit.input), at: time)
      planner.use(buffer, at: time)
      gradients[unit.input] = buffer
      input = buffer
    }
    return .init(
      output: output, feedsShortcut: dy != output, y: dy,
      sums: planner.buffer(floats: shapes.images(unit.output) * 2 * channels, at: time),
      partials: planner.buffer(floats: wgrad?.partialFloats ?? 0, at: time),
      packed: planner.buffer(floats: backward?.packedFloats ?? 0, at: time), input: input,
      accumulate: accumulate)
  }
}
