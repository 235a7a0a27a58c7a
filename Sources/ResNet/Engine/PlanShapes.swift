import CKernels

/// The shapes of a graph's values for one input extent and batch, as the plans need them.
struct PlanShapes {
  let graph: Graph
  /// Output extent of every layer.
  let extents: [Extent]
  let batch: Int

  init(_ graph: Graph, extents: [Extent], batch: Int) {
    self.graph = graph
    self.extents = extents
    self.batch = batch
  }

  /// Blocks of 16 channels.
  static func blocks(_ channels: Int) -> Int {
    (channels + Int(RK_LANES) - 1) / Int(RK_LANES)
  }

  func channels(_ value: Int) -> Int { graph.layers[value].channels }
  func blocks(_ value: Int) -> Int { Self.blocks(channels(value)) }
  func paddedChannels(_ value: Int) -> Int { blocks(value) * Int(RK_LANES) }
  func pixels(_ value: Int) -> Int { extents[value].height * extents[value].width }

  /// Floats of a blocked value of the whole batch.
  func activationFloats(_ value: Int) -> Int { batch * paddedChannels(value) * pixels(value) }

  func forwardPass(
    _ target: PlanTarget, unit: FusedUnit, _ convolution: FusedUnit.Convolution
  ) -> ConvolutionPass {
    .forward(
      target, channels: (in: channels(unit.input), out: channels(unit.output)),
      kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
      input: extents[unit.input], output: extents[unit.output], images: batch)
  }

  func backwardDataPass(
    _ target: PlanTarget, unit: FusedUnit, _ convolution: FusedUnit.Convolution
  ) -> ConvolutionPass {
    .backwardData(
      target, channels: (in: channels(unit.input), out: channels(unit.output)),
      kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
      input: extents[unit.input], output: extents[unit.output], images: batch)
  }

  func weightGradientPass(
    _ target: PlanTarget, unit: FusedUnit, _ convolution: FusedUnit.Convolution
  ) -> WeightGradientPass {
    WeightGradientPass(
      target, channels: (in: channels(unit.input), out: channels(unit.output)),
      kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
      input: extents[unit.input], output: extents[unit.output], images: batch)
  }

  func fullyConnected(
    _ target: PlanTarget, _ layout: ParameterLayout, unit: FusedUnit, layer: Int
  ) -> FullyConnected {
    FullyConnected(
      layout, layer: layer, features: channels(unit.input), classes: channels(unit.output),
      batch: batch, target: target)
  }

  func pool(_ unit: FusedUnit, kernel: Int, stride: Int, padding: Int) -> rk_pool {
    rk_pool(
      channels: Int32(channels(unit.input)), in_h: Int32(extents[unit.input].height),
      in_w: Int32(extents[unit.input].width), out_h: Int32(extents[unit.output].height),
      out_w: Int32(extents[unit.output].width), kernel: Int32(kernel), stride: Int32(stride),
      padding: Int32(padding))
  }

  func notPlanned(_ value: Int) -> ResNetError {
    ResNetError(
      .invalidArgument,
      "layer \(graph.layers[value].name) is read before it is computed; the engine cannot run "
        + "this graph")
  }
}
