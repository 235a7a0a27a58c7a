import CKernels
import Glibc

/// The weights of inference: BN folded into each convolution, packed once for the kernels.
///
/// With scale = gamma / sqrt(running_var + eps), the weights become scale * w and the bias
/// beta + scale * (b - running_mean), where b is the convolution's own bias, if any. Without BN, and
/// of the fully connected layer, they are packed as they are. How
/// weights are packed depends on the algorithm that a plan chose, so plans of other batches may
/// need some of them packed another way; each is packed when the first plan asks for it.
///
/// Of a model whose weights stay in their file, the first answer packs them layer by layer in one
/// place, which is then freed: a program that wants one answer touches little memory, and each
/// layer's weights are in a cache when it computes.
final class FoldedWeights {
  /// A unit with weights: a convolution or the fully connected layer.
  private struct Unit {
    /// Offset of the weights in the parameters, and how many there are.
    let weight: Int
    let count: Int
    /// Nil for 1.
    let scale: UnsafeMutablePointer<Float>?
    let bias: UnsafeMutablePointer<Float>
    /// By algorithm.
    var packed: [Int32: UnsafePointer<Float>] = [:]
  }

  private let weights: Model.Weights
  /// `weights.version` of what was folded.
  let version: UInt64
  /// Size of the whole, so far.
  private(set) var bytes = 0
  private var units: [Unit] = []
  /// What the packed weights lie in: what one plan was the first to need.
  private struct Block {
    let memory: UnsafeMutablePointer<Float>
    let bytes: Int
    let packings: Set<Packing>
  }

  private struct Packing: Hashable {
    let ordinal: Int
    let algorithm: Int32
  }

  private var blocks: [Block] = []
  /// Where the first answer's weights are packed, layer by layer.
  private var passage: UnsafeMutablePointer<Float>?
  private var hasAnswered: Bool

  init(units: [FusedUnit], layout: ParameterLayout, weights: Model.Weights) throws(ResNetError) {
    self.weights = weights
    version = weights.version
    hasAnswered =
      switch weights {
      case .memory: true
      case .file: false
      }
    for unit in units {
      switch unit.operation {
      case .convolution(let convolution): try fold(convolution, layout)
      case .linear(let layer): try copy(layout, layer: layer)
      case .maxPool, .padShortcut, .maxout, .gate, .flatten, .averagePool: break
      }
    }
  }

  private func fold(_ convolution: FusedUnit.Convolution, _ layout: ParameterLayout)
    throws(ResNetError)
  {
    guard let layer = convolution.batchNorm else {
      return try copy(layout, layer: convolution.layer)
    }
    let bn = BatchNormTensors(layout, layer: layer)
    let tensors = WeightTensors(layout, layer: convolution.layer)
    let padded = PlanShapes.blocks(bn.channels) * Int(RK_LANES)
    let bias = try allocateFloats(2 * padded)
    bytes += Self.foldedBytes(channels: bn.channels, hasScale: true)
    let scale = bias + padded
    units.append(
      Unit(weight: tensors.weight, count: tensors.count, scale: scale, bias: bias))
    let gamma = try channels(bn.channels, at: bn.weight)
    let beta = try channels(bn.channels, at: bn.bias)
    let mean = try channels(bn.channels, at: bn.mean)
    let variance = try channels(bn.channels, at: bn.variance)
    let own = try tensors.bias.map { offset throws(ResNetError) in
      try channels(bn.channels, at: offset)
    }
    for channel in 0..<bn.channels {
      let inverse = 1 / (Double(variance[channel]) + BatchNorm.epsilon).squareRoot()
      let factor = Double(gamma[channel]) * inverse
      let distance = Double(mean[channel]) - Double(own?[channel] ?? 0)
      scale[channel] = Float(factor)
      bias[channel] = Float(Double(beta[channel]) - factor * distance)
    }
  }

  private func channels(_ count: Int, at offset: Int) throws(ResNetError) -> [Float] {
    try filled(count, with: 0) { (values) throws(ResNetError) in
      try weights.copy(at: offset, to: values)
    }
  }

  private func copy(_ layout: ParameterLayout, layer: Int) throws(ResNetError) {
    let tensors = WeightTensors(layout, layer: layer)
    let bias = try allocateFloats(PlanShapes.blocks(tensors.outputs) * Int(RK_LANES))
    bytes += Self.foldedBytes(channels: tensors.outputs, hasScale: false)
    units.append(Unit(weight: tensors.weight, count: tensors.count, scale: nil, bias: bias))
    guard let offset = tensors.bias else { return }
    try weights.copy(
      at: offset, to: UnsafeMutableBufferPointer(start: bias, count: tensors.outputs))
  }

  deinit {
    for unit in units { free(unit.bias) }  // and scale
    for block in blocks { free(block.memory) }
    free(passage)
  }

  /// Makes ready for an answer: packs what the passes of a plan need and is not packed yet, in one
  /// block; or makes room for the largest of them.
  func prepare(_ passes: [ConvolutionPass], target: PlanTarget, pool: ThreadPool)
    throws(ResNetError)
  {
    guard hasAnswered else {
      free(passage)
      passage = nil
      passage = try allocateFloats(passes.map(\.packedFloats).max() ?? 0, zeroed: false)
      return
    }
    let missing = Self.packings(passes).filter { units[$0.ordinal].packed[$0.algorithm] == nil }
      .sorted { $0.ordinal < $1.ordinal }
    guard !missing.isEmpty else { return }
    let floats = missing.reduce(0) { $0 + passes[$1.ordinal].packedFloats }
    let memory = try allocateFloats(floats, zeroed: false)
    var packed = memory
    do throws(ResNetError) {
      for packing in missing {
        let pass = passes[packing.ordinal]
        try pack(packing.ordinal, pass, into: packed, target: target, pool: pool)
        packed += pass.packedFloats
      }
    } catch {
      free(memory)
      throw error
    }
    packed = memory
    for packing in missing {
      units[packing.ordinal].packed[packing.algorithm] = UnsafePointer(packed)
      packed += passes[packing.ordinal].packedFloats
    }
    let block = Block(
      memory: memory, bytes: floats * MemoryLayout<Float>.stride, packings: Set(missing))
    blocks.append(block)
    bytes += block.bytes
  }

  private func pack(
    _ ordinal: Int, _ pass: ConvolutionPass, into packed: UnsafeMutablePointer<Float>,
    target: PlanTarget, pool: ThreadPool
  ) throws(ResNetError) {
    let unit = units[ordinal]
    let channels = Int(pass.conv.pointee.out_channels)
    try weights.forEachBlock(
      at: unit.weight, count: unit.count, blockFloats: unit.count / channels * Int(RK_LANES),
      pool: pool, workers: target.workers
    ) { block, tensor in
      target.kernels.pointee.conv_pack(pass.conv, tensor, unit.scale, 0, packed, Int64(block))
    }
  }

  /// The weights of a unit as this pass reads them, until the next unit's are asked for.
  func packed(_ ordinal: Int, _ pass: ConvolutionPass, target: PlanTarget, pool: ThreadPool)
    throws(ResNetError) -> UnsafePointer<Float>?
  {
    guard let passage else { return units[ordinal].packed[pass.conv.pointee.algorithm] }
    try pack(ordinal, pass, into: passage, target: target, pool: pool)
    return UnsafePointer(passage)
  }

  /// The answer was given; from the next one on, weights are kept.
  func finish() {
    hasAnswered = true
    free(passage)
    passage = nil
  }

  /// Frees what none of these plans needs.
  func drop(unusedBy plans: [InferencePlan]) {
    let used = plans.reduce(into: Set<Packing>()) {
      $0.formUnion(Self.packings($1.convolutions))
    }
    blocks.removeAll { block in
      guard block.packings.isDisjoint(with: used) else { return false }
      for packing in block.packings { units[packing.ordinal].packed[packing.algorithm] = nil }
      bytes -= block.bytes
      free(block.memory)
      return true
    }
  }

  private static func packings(_ passes: [ConvolutionPass]) -> Set<Packing> {
    Set(
      passes.enumerated().map {
        Packing(ordinal: $0.offset, algorithm: $0.element.conv.pointee.algorithm)
      })
  }

  private static func foldedBytes(channels: Int, hasScale: Bool) -> Int {
    (hasScale ? 2 : 1) * PlanShapes.blocks(channels) * Int(RK_LANES) * MemoryLayout<Float>.stride
  }

  /// The memory of a network's folded weights once these plans have packed theirs, in bytes.
  static func bytes(_ units: [FusedUnit], _ layout: ParameterLayout, plans: [InferencePlan]) -> Int
  {
    var packed: [Packing: Int] = [:]
    for plan in plans {
      for (ordinal, pass) in plan.convolutions.enumerated() {
        packed[Packing(ordinal: ordinal, algorithm: pass.conv.pointee.algorithm)] =
          pass.packedFloats * MemoryLayout<Float>.stride
      }
    }
    return units.reduce(packed.values.reduce(0, +)) { total, unit in
      switch unit.operation {
      case .convolution(let convolution):
        total
          + foldedBytes(
            channels: WeightTensors(layout, layer: convolution.layer).outputs,
            hasScale: convolution.batchNorm != nil)
      case .linear(let layer):
        total + foldedBytes(channels: WeightTensors(layout, layer: layer).outputs, hasScale: false)
      case .maxPool, .padShortcut, .maxout, .gate, .flatten, .averagePool: total
      }
    }
  }

  /// One value per channel, padded to blocks.
  func bias(_ ordinal: Int) -> UnsafePointer<Float> {
    UnsafePointer(units[ordinal].bias)
  }
}

/// Where the tensors of a convolution or a fully connected layer are in the flat array of parameters.
struct WeightTensors {
  let weight: Int
  /// Values of the weight.
  let count: Int
  let outputs: Int
  let bias: Int?

  init(_ layout: ParameterLayout, layer: Int) {
    let own = layout.tensors.filter { $0.layer == layer }
    let weight = own.first { $0.kind != .bias }
    self.weight = weight?.offset ?? 0
    count = weight?.count ?? 0
    outputs = weight?.shape.first ?? 0
    bias = own.first { $0.kind == .bias }?.offset
  }
}

/// Offsets of a BN layer's tensors in the flat array of parameters.
struct BatchNormTensors {
  var weight = 0
  var bias = 0
  var mean = 0
  var variance = 0
  let channels: Int
  /// The graph's layer.
  let layer: Int

  init(_ layout: ParameterLayout, layer: Int) {
    self.layer = layer
    let own = layout.tensors.filter { $0.layer == layer }
    channels = own.first?.count ?? 0
    for tensor in own {
      switch tensor.kind {
      case .batchNormWeight: weight = tensor.offset
      case .batchNormBias: bias = tensor.offset
      case .runningMean: mean = tensor.offset
      case .runningVariance: variance = tensor.offset
      case .convolutionWeight, .linearWeight, .bias: break
      }
    }
  }
}
