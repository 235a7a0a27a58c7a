import CKernels
import Glibc

/// The weights of inference: BN folded into each convolution, packed once for the kernels.
///
/// With scale = gamma / sqrt(running_var + eps), the weights become scale * w and the bias
/// beta - scale * running_mean. The fully connected layer's are packed as they are. How
/// weights are packed depends on the algorithm that a plan chose, so plans of other batches may
/// need some of them packed another way; each is packed when the first plan asks for it.
///
/// Of a model whose weights stay in their file, the first answer packs them layer by layer in one
/// place, which is then freed: a program that wants one answer touches little memory, and each
/// layer's weights are in a cache when it computes. From the second on they are kept.
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
  private var isKept: Bool

  init(units: [FusedUnit], layout: ParameterLayout, weights: Model.Weights) throws(ResNetError) {
    self.weights = weights
    version = weights.version
    isKept =
      switch weights {
      case .memory: true
      case .file: false
      }
    for unit in units {
      switch unit.operation {
      case .convolution(let convolution): try fold(convolution, layout)
      case .linear(let layer): try copy(LinearTensors(layout, layer: layer))
      case .maxPool, .padShortcut, .averagePool: break
      }
    }
  }

  private func fold(_ convolution: FusedUnit.Convolution, _ layout: ParameterLayout)
    throws(ResNetError)
  {
    let bn = BatchNormTensors(layout, layer: convolution.batchNorm)
    let weight = convolution.weight(layout)
    let padded = PlanShapes.blocks(bn.channels) * Int(RK_LANES)
    let bias = try allocateFloats(2 * padded)
    bytes += Self.foldedBytes(bn)
    let scale = bias + padded
    units.append(Unit(weight: weight.offset, count: weight.count, scale: scale, bias: bias))
    let gamma = try channels(bn.channels, at: bn.weight)
    let beta = try channels(bn.channels, at: bn.bias)
    let mean = try channels(bn.channels, at: bn.mean)
    let variance = try channels(bn.channels, at: bn.variance)
    for channel in 0..<bn.channels {
      let inverse = 1 / (Double(variance[channel]) + BatchNorm.epsilon).squareRoot()
      let factor = Double(gamma[channel]) * inverse
      scale[channel] = Float(factor)
      bias[channel] = Float(Double(beta[channel]) - factor * Double(mean[channel]))
    }
  }

  private func channels(_ count: Int, at offset: Int) throws(ResNetError) -> [Float] {
    try filled(count, with: 0) { (values) throws(ResNetError) in
      try weights.copy(at: offset, to: values)
    }
  }

  private func copy(_ linear: LinearTensors) throws(ResNetError) {
    let bias = try allocateFloats(PlanShapes.blocks(linear.classes) * Int(RK_LANES))
    bytes += Self.foldedBytes(linear)
    units.append(
      Unit(
        weight: linear.weight, count: linear.classes * linear.features, scale: nil, bias: bias))
    try weights.copy(
      at: linear.bias, to: UnsafeMutableBufferPointer(start: bias, count: linear.classes))
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
    guard isKept else {
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

  /// Keeps weights from the next answer on.
  func keep() {
    isKept = true
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

  private static func foldedBytes(_ bn: BatchNormTensors) -> Int {
    2 * PlanShapes.blocks(bn.channels) * Int(RK_LANES) * MemoryLayout<Float>.stride
  }

  private static func foldedBytes(_ linear: LinearTensors) -> Int {
    PlanShapes.blocks(linear.classes) * Int(RK_LANES) * MemoryLayout<Float>.stride
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
        total + foldedBytes(BatchNormTensors(layout, layer: convolution.batchNorm))
      case .linear(let layer): total + foldedBytes(LinearTensors(layout, layer: layer))
      case .maxPool, .padShortcut, .averagePool: total
      }
    }
  }

  /// One value per channel, padded to blocks.
  func bias(_ ordinal: Int) -> UnsafePointer<Float> {
    UnsafePointer(units[ordinal].bias)
  }
}

extension FusedUnit.Convolution {
  /// Where the weights are in the flat array of parameters.
  func weight(_ layout: ParameterLayout) -> (offset: Int, count: Int) {
    let tensor = layout.tensors.first { $0.layer == layer }
    return (tensor?.offset ?? 0, tensor?.count ?? 0)
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
      case .convolutionWeight, .linearWeight, .linearBias: break
      }
    }
  }
}
