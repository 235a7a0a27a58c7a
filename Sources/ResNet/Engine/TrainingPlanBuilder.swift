import CKernels

/// Lays out a ``TrainingPlan``: first the units in order, here, then their gradients in reverse order.
struct TrainingPlanBuilder {
  let shapes: PlanShapes
  let layout: ParameterLayout
  let units: [FusedUnit]
  let target: PlanTarget
  /// How many units read each value, and whether all do so as a convolution's input or addend.
  private var readers: [Int: [Reader]] = [:]
  private var operands: [Int: TrainingPlan.Operand] = [:]
  var gradients: [Int: Buffer] = [:]
  var planner = ArenaPlanner()
  /// Floats of scratch per thread.
  var scratch = 0
  let input: Buffer
  /// The images of the backward half, and the first unit, in reverse, that reads them.
  var inputAgain: (buffer: Buffer, step: Int)?
  /// The graph's layers whose tensors are not trained.
  let frozen: Set<Int>
  /// The images, and what only frozen layers come before: values that need no gradient.
  var constants: Set<Int> = [0]

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
  func backwardTime(_ unit: Int) -> Int { 2 * units.count + 1 - unit }
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

  /// What the forward half of a unit decided, for the backward half.
  enum Forward {
    case convolution(
      FusedUnit.Convolution, pass: ConvolutionPass, source: TrainingPlan.Operand, packed: Buffer,
      y: Buffer, addend: TrainingPlan.Operand?, norm: NormForward?)
    case linear(
      FullyConnected, source: Buffer, destination: Buffer, packed: Buffer, blocked: Buffer)
    /// `positions` tell which of the values that a maximum was taken of it is.
    case other(source: Buffer, destination: Buffer, positions: Buffer?)
    case gate(h: Buffer, g: Buffer, x: Buffer, destination: Buffer)
  }

  struct NormForward {
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
  func isComputedAgain(_ unit: FusedUnit, _ convolution: FusedUnit.Convolution) -> Bool {
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
  mutating func readAgain(
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
}
