import CKernels

/// The backward half of a training plan, unit by unit in reverse order.
extension TrainingPlanBuilder {
  mutating func planBackward(_ index: Int, _ forward: Forward)
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
