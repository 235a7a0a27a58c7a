import CKernels

/// The shapes of a graph's values for one input extent and batch, as the plans need them.
///
/// To the kernels vectors are one image, whose pixels are the positions of all images of the batch:
/// [block][image][position][16]. So fully connected layers are 1x1 convolutions that read their
/// weights once for the batch, and BN's statistics over an image are those over the batch.
struct PlanShapes {
  let graph: Graph
  let batch: Int
  /// Of every layer's output.
  private let maps: [(images: Int, extent: Extent)]
  private let areVectors: [Bool]

  /// `extents` are those of the graph. Throws `shapeMismatch` for vectors of more positions together
  /// than the kernels count.
  init(_ graph: Graph, extents: [Extent], batch: Int) throws(ResNetError) {
    self.graph = graph
    self.batch = batch
    let areVectors = graph.areVectors
    self.areVectors = areVectors
    for (extent, isVectors) in zip(extents, areVectors) where isVectors {
      let positions = extent.height * extent.width
      guard batch <= Int(Int32.max) / positions else {
        throw ResNetError(
          .shapeMismatch,
          "\(batch) images with vectors at \(extent) positions; all positions together must be at most "
            + "\(Int32.max)")
      }
    }
    maps = zip(extents, areVectors).map { extent, isVectors in
      isVectors
        ? (1, Extent(height: batch * extent.height * extent.width, width: 1)) : (batch, extent)
    }
  }

  /// Blocks of 16 channels.
  static func blocks(_ channels: Int) -> Int {
    (channels + Int(RK_LANES) - 1) / Int(RK_LANES)
  }

  func channels(_ value: Int) -> Int { graph.layers[value].channels }
  func blocks(_ value: Int) -> Int { Self.blocks(channels(value)) }
  func paddedChannels(_ value: Int) -> Int { blocks(value) * Int(RK_LANES) }
  func isVectors(_ value: Int) -> Bool { areVectors[value] }
  func images(_ value: Int) -> Int { maps[value].images }
  func extent(_ value: Int) -> Extent { maps[value].extent }
  func pixels(_ value: Int) -> Int { extent(value).height * extent(value).width }

  /// Tasks of a pass over a value: one per image and block.
  func tasks(_ value: Int) -> Int { images(value) * blocks(value) }

  /// Floats of a blocked value of the whole batch.
  func activationFloats(_ value: Int) -> Int {
    images(value) * paddedChannels(value) * pixels(value)
  }

  func forwardPass(
    _ target: PlanTarget, unit: FusedUnit, _ convolution: FusedUnit.Convolution
  ) -> ConvolutionPass {
    .forward(
      target, channels: (in: channels(unit.input), out: channels(unit.output)),
      kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
      input: extent(unit.input), output: extent(unit.output), images: images(unit.output))
  }

  func backwardDataPass(
    _ target: PlanTarget, unit: FusedUnit, _ convolution: FusedUnit.Convolution
  ) -> ConvolutionPass {
    .backwardData(
      target, channels: (in: channels(unit.input), out: channels(unit.output)),
      kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
      input: extent(unit.input), output: extent(unit.output), images: images(unit.output))
  }

  func weightGradientPass(
    _ target: PlanTarget, unit: FusedUnit, _ convolution: FusedUnit.Convolution
  ) -> WeightGradientPass {
    WeightGradientPass(
      target, channels: (in: channels(unit.input), out: channels(unit.output)),
      kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
      input: extent(unit.input), output: extent(unit.output), images: images(unit.output))
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
      channels: Int32(channels(unit.input)), in_h: Int32(extent(unit.input).height),
      in_w: Int32(extent(unit.input).width), out_h: Int32(extent(unit.output).height),
      out_w: Int32(extent(unit.output).width), kernel: Int32(kernel), stride: Int32(stride),
      padding: Int32(padding))
  }

  func flatten(_ unit: FusedUnit, window: Int) -> rk_flatten {
    rk_flatten(
      channels: Int32(channels(unit.input)), in_h: Int32(extent(unit.input).height),
      in_w: Int32(extent(unit.input).width), window: Int32(window), images: Int32(batch))
  }

  /// The mean over the positions of each image.
  func averagePool(_ unit: FusedUnit) -> AveragePool {
    // Vectors of one image follow each other, block by block: as if each block of each were an image.
    isVectors(unit.input)
      ? AveragePool(
        images: 1, blocks: blocks(unit.input) * batch, pixels: pixels(unit.input) / batch)
      : AveragePool(images: batch, blocks: blocks(unit.input), pixels: pixels(unit.input))
  }

  func notPlanned(_ value: Int) -> ResNetError {
    ResNetError(
      .invalidArgument,
      "layer \(graph.layers[value].name) is read before it is computed; the engine cannot run "
        + "this graph")
  }
}

/// The global average pooling as the kernels see it.
struct AveragePool {
  let images: Int
  let blocks: Int
  let pixels: Int

  var tasks: Int { images * blocks }
}
