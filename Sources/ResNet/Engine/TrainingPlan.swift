import CKernels

/// Everything decided before the first training step: units with their kernels and buffers.
///
/// A convolution's output y is kept as it is; BN, shortcut and ReLU are applied either in one pass
/// that stores the activation, or, where a single convolution reads it, on load of that
/// convolution. Without BN, y is the activation: bias, shortcut and ReLU are in the epilogue.
///
/// Where y is not some convolution's input and 1x1 convolutions made it (the expansions of bottlenecks
/// and the projections, a third of all activations), it is given up after the forward half and
/// computed again, to the same bits, in the backward half: that is a tenth more arithmetic for a third
/// less memory (vectors take too little to save). Likewise the images are loaded once more when the
/// first convolution's gradient needs them.
///
/// Layers may be frozen. Their BN takes its running statistics, and what only frozen layers come
/// before has no backward half.
///
/// Time runs forward through the units, then backward: unit i works at time 1 + i and again at
/// 2U + 1 - i, and a buffer lives from its first to its last use.
struct TrainingPlan {
  /// A value as its readers find it: stored, or to be normalised (and rectified) on load.
  struct Operand {
    let buffer: Buffer
    let statistics: NormBuffers?
    let relu: Bool
  }

  /// Per-channel results of BN's forward pass, each padded to whole blocks.
  struct NormBuffers {
    let mean: Buffer
    let inverseDeviation: Buffer
    /// Biased variance of the batch.
    let variance: Buffer
    let scale: Buffer
    let shift: Buffer
  }

  struct ConvolutionUnit {
    let forward: ConvolutionPass
    /// Nil where the input needs no gradient.
    let backward: ConvolutionPass?
    /// Nil for frozen weights.
    let wgrad: WeightGradientPass?
    let tensors: WeightTensors
    let images: Int
    let blocks: Int
    let pixels: Int
    let relu: Bool

    let source: Operand
    /// The same in the backward half.
    let backwardSource: Operand
    let packed: Buffer
    let y: Buffer
    let addend: Operand?
    /// Nil without BN.
    let norm: Norm?

    /// Nil without a backward half.
    var gradients: ConvolutionGradients?

    /// Tasks of a pass over the output: one per image and block.
    var tasks: Int { images * blocks }
  }

  /// What BN adds to a convolution.
  struct Norm {
    let tensors: BatchNormTensors
    /// Whether it takes its running statistics.
    let isFrozen: Bool
    let slots: Buffer
    let factors: NormBuffers
    /// Where y is computed again for the backward half, if it was given up.
    let again: (packed: Buffer, y: Buffer)?
    /// Where the activation is stored, unless its reader applies BN on load.
    let activation: Buffer?
    let coefficients: Buffer
  }

  struct ConvolutionGradients {
    /// Of the unit's output. With a shortcut it becomes the shortcut's gradient, in place.
    let output: Buffer
    let feedsShortcut: Bool
    /// Of the convolution's output; the same buffer as `output` where nothing else needs that.
    let y: Buffer
    let sums: Buffer
    let partials: Buffer
    let packed: Buffer
    /// Of the unit's input; nil where it needs none.
    let input: Buffer?
    /// Whether another unit has put its share there already.
    let accumulate: Bool
  }

  /// What a unit other than a convolution reads and writes, forward and backward. A gradient is nil
  /// where none is needed.
  struct Route {
    let source: Buffer
    let destination: Buffer
    var outputGradient: Buffer?
    var inputGradient: Buffer?
  }

  /// What a gate reads and writes. The images, as x, need no gradient.
  struct GateUnit {
    let h: Buffer
    let g: Buffer
    let x: Buffer
    /// The same in the backward half.
    let backwardX: Buffer
    let y: Buffer
    let pixels: Int
    let tasks: Int
    /// Nil where none is needed.
    let gradients: (y: Buffer, h: Buffer, g: Buffer, x: Buffer?)?
  }

  /// The fully connected layer's passes and the buffers of its own.
  struct LinearUnit {
    let layer: FullyConnected
    /// Nil where the features need no gradient.
    let backward: ConvolutionPass?
    /// Nil for frozen weights.
    let wgrad: WeightGradientPass?

    let packed: Buffer
    /// The scores, blocked.
    let blocked: Buffer
    let gradients: LinearGradients
  }

  struct LinearGradients {
    /// Of the scores, blocked.
    let blocked: Buffer
    let packed: Buffer
    let partials: Buffer
  }

  enum Step {
    case convolution(ConvolutionUnit)
    case maxPool(shape: rk_pool, tasks: Int, argmax: Buffer, Route)
    /// Its input's gradient has another unit's share already if the block has a single layer.
    case padShortcut(
      channels: (in: Int, out: Int), zerosBefore: Int, stride: Int, input: Extent,
      accumulate: Bool, Route)
    /// `channels` are those of the output.
    case maxout(channels: Int, pieces: Int, images: Int, pixels: Int, winners: Buffer, Route)
    case gate(GateUnit)
    /// Without a route back where its input is the images.
    case flatten(shape: rk_flatten, source: Buffer, destination: Buffer, Route?)
    case averagePool(AveragePool, Route)
    case linear(LinearUnit, Route)
  }

  let steps: [Step]
  /// The images; and those of the backward half, where they are loaded before the first of the
  /// steps, in reverse, that reads them.
  let input: Buffer
  let inputAgain: (buffer: Buffer, step: Int)?
  let scores: Buffer
  let scoreGradient: Buffer
  let arena: ArenaLayout

  init(
    _ graph: Graph, layout: ParameterLayout, extent: Extent, batch: Int,
    target: PlanTarget, frozen: Set<Int>
  ) throws(ResNetError) {
    let extents = try graph.extents(input: extent)
    let units = try graph.fusedUnits()
    var builder = TrainingPlanBuilder(
      shapes: try PlanShapes(graph, extents: extents, batch: batch), layout: layout, units: units,
      target: target, frozen: frozen)
    input = builder.input
    steps = try builder.build()
    (scores, scoreGradient) = try builder.ends()
    inputAgain = builder.inputAgain
    arena = ArenaLayout(builder.planner, scratchFloats: builder.scratch, workers: target.workers)
  }

  /// The trained tensors, with the step whose backward half gives their gradients.
  func trained(_ layout: ParameterLayout, frozen: Set<Int>) throws(ResNetError) -> [(
    tensor: ParameterLayout.Tensor, step: Int
  )] {
    var stepOfOffset: [Int: Int] = [:]
    for (index, step) in steps.enumerated() {
      var weights: WeightTensors?
      switch step {
      case .convolution(let unit):
        weights = unit.tensors
        for offset in [unit.norm?.tensors.weight, unit.norm?.tensors.bias] {
          if let offset { stepOfOffset[offset] = index }
        }
      case .linear(let unit, _): weights = unit.layer.tensors
      default: break
      }
      for offset in [weights?.weight, weights?.bias] {
        if let offset { stepOfOffset[offset] = index }
      }
    }
    return try layout.tensors.filter { $0.kind.isTrainable && !frozen.contains($0.layer) }.map {
      tensor throws(ResNetError) in
      guard let step = stepOfOffset[tensor.offset] else {
        throw ResNetError(.invalidArgument, "no step of the plan trains \(tensor.name)")
      }
      return (tensor, step)
    }
  }

  /// The units that have BN.
  var normalized: [(ConvolutionUnit, Norm)] {
    steps.compactMap { step in
      guard case .convolution(let unit) = step, let norm = unit.norm else { return nil }
      return (unit, norm)
    }
  }
}

/// Where the tensors of a convolution or a fully connected layer are in the flat array of parameters.
struct WeightTensors {
  let weight: Int
  let outputs: Int
  let bias: Int?

  init(_ layout: ParameterLayout, layer: Int) {
    let weight = layout.weight(ofLayer: layer)
    self.weight = weight?.offset ?? 0
    outputs = weight?.shape.first ?? 0
    bias = layout.bias(ofLayer: layer)?.offset
  }
}
