import CKernels
import Glibc

/// The weights of inference: BN folded into each convolution, packed once for the kernels.
///
/// With scale = gamma / sqrt(running_var + eps), the weights become scale * w and the bias
/// beta + scale * (b - running_mean), where b is the convolution's own bias, if any. Without BN, and
/// where a convolution's own output is asked for, they are packed as they are. How weights are packed
/// depends on the algorithm that a plan chose, so plans of other batches or extents may need some of
/// them packed another way; each is packed when the first plan asks for it.
///
/// Of a model whose weights stay in their file, the first answer packs them layer by layer in one
/// place, which is then freed: a program that wants one answer touches little memory, and each
/// layer's weights are in a cache when it computes. From the second on they are kept.
final class FoldedWeights {
  /// Whose weights: a layer's, and the BN that is folded into them, if any.
  struct Key: Hashable {
    let layer: Int
    let batchNorm: Int?

    /// Its place in an array.
    fileprivate var index: Int { 2 * layer + (batchNorm == nil ? 0 : 1) }
  }

  /// The weights of a convolution or of the fully connected layer.
  private struct Unit {
    /// Offset in the parameters, and how many there are.
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
  private let layout: ParameterLayout
  /// By the keys' indices.
  private var units: [Unit?]
  /// What the packed weights lie in: what one plan was the first to need.
  private struct Block {
    let memory: UnsafeMutablePointer<Float>
    let bytes: Int
    let packings: Set<Packing>
  }

  private struct Packing: Hashable {
    let key: Key
    let algorithm: Int32

    init(_ weighted: (key: Key, pass: ConvolutionPass)) {
      key = weighted.key
      algorithm = weighted.pass.conv.pointee.algorithm
    }
  }

  private var blocks: [Block] = []
  /// Where the first answer's weights are packed, layer by layer.
  private var passage: UnsafeMutablePointer<Float>?
  private var isKept: Bool

  init(layout: ParameterLayout, weights: Model.Weights) {
    self.layout = layout
    self.weights = weights
    version = weights.version
    isKept =
      switch weights {
      case .memory: true
      case .file: false
      }
    let layers = (layout.tensors.map(\.layer).max() ?? 0) + 1
    units = [Unit?](repeating: nil, count: 2 * layers)
  }

  /// Takes up some weights: their scale and bias.
  private func fold(_ key: Key) throws(ResNetError) {
    guard let weight = layout.weight(ofLayer: key.layer) else { return }
    let channels = weight.shape[0]
    let padded = PlanShapes.blocks(channels) * Int(RK_LANES)
    let floats = Self.foldedFloats(key, layout)
    let bias = try allocateFloats(floats)
    let scale = key.batchNorm == nil ? nil : bias + padded
    do throws(ResNetError) {
      if let batchNorm = key.batchNorm {
        try fold(
          BatchNormTensors(layout, layer: batchNorm), own: layout.bias(ofLayer: key.layer),
          scale: bias + padded, bias: bias)
      } else if let own = layout.bias(ofLayer: key.layer) {
        try weights.copy(
          at: own.offset, to: UnsafeMutableBufferPointer(start: bias, count: channels))
      }
    } catch {
      free(bias)
      throw error
    }
    units[key.index] = Unit(weight: weight.offset, count: weight.count, scale: scale, bias: bias)
    bytes += floats * MemoryLayout<Float>.stride
  }

  private func fold(
    _ bn: BatchNormTensors, own: ParameterLayout.Tensor?, scale: UnsafeMutablePointer<Float>,
    bias: UnsafeMutablePointer<Float>
  ) throws(ResNetError) {
    let gamma = try channels(bn.channels, at: bn.weight)
    let beta = try channels(bn.channels, at: bn.bias)
    let mean = try channels(bn.channels, at: bn.mean)
    let variance = try channels(bn.channels, at: bn.variance)
    // Nobody but a file can have made it so.
    guard !variance.contains(where: { $0 < 0 }) else {
      throw ResNetError(.badFormat, "the model's file has a negative running variance")
    }
    let own = try own.map { tensor throws(ResNetError) in
      try channels(tensor.count, at: tensor.offset)
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

  deinit {
    for unit in units { free(unit?.bias) }  // and scale
    for block in blocks { free(block.memory) }
    free(passage)
  }

  /// Makes ready for an answer: packs what the passes of a plan need and is not packed yet, in one
  /// block; or makes room for the largest of them.
  func prepare(_ plan: InferencePlan, target: PlanTarget, pool: ThreadPool) throws(ResNetError) {
    for (key, _) in plan.weighted where units[key.index] == nil { try fold(key) }
    guard isKept else {
      free(passage)
      passage = nil
      passage = try allocateFloats(
        plan.weighted.map(\.pass.packedFloats).max() ?? 0, zeroed: false)
      return
    }
    let missing = plan.weighted.filter {
      units[$0.key.index]?.packed[$0.pass.conv.pointee.algorithm] == nil
    }
    guard !missing.isEmpty else { return }
    let floats = missing.reduce(0) { $0 + $1.pass.packedFloats }
    let memory = try allocateFloats(floats, zeroed: false)
    var packed = memory
    do throws(ResNetError) {
      for (key, pass) in missing {
        try pack(key, pass, into: packed, target: target, pool: pool)
        packed += pass.packedFloats
      }
    } catch {
      free(memory)
      throw error
    }
    packed = memory
    for (key, pass) in missing {
      units[key.index]?.packed[pass.conv.pointee.algorithm] = UnsafePointer(packed)
      packed += pass.packedFloats
    }
    let block = Block(
      memory: memory, bytes: floats * MemoryLayout<Float>.stride,
      packings: Set(missing.map(Packing.init)))
    blocks.append(block)
    bytes += block.bytes
  }

  private func pack(
    _ key: Key, _ pass: ConvolutionPass, into packed: UnsafeMutablePointer<Float>,
    target: PlanTarget, pool: ThreadPool
  ) throws(ResNetError) {
    guard let unit = units[key.index] else { return }
    let channels = Int(pass.conv.pointee.out_channels)
    try weights.forEachBlock(
      at: unit.weight, count: unit.count, blockFloats: unit.count / channels * Int(RK_LANES),
      pool: pool, workers: target.workers
    ) { block, tensor in
      target.kernels.pointee.conv_pack(pass.conv, tensor, unit.scale, 0, packed, Int64(block))
    }
  }

  /// The weights of a unit as this pass reads them, until the next unit's are asked for.
  func packed(_ key: Key, _ pass: ConvolutionPass, target: PlanTarget, pool: ThreadPool)
    throws(ResNetError) -> UnsafePointer<Float>?
  {
    guard let passage else { return units[key.index]?.packed[pass.conv.pointee.algorithm] }
    try pack(key, pass, into: passage, target: target, pool: pool)
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
    let used = Set(plans.flatMap { $0.weighted.map(Packing.init) })
    blocks.removeAll { block in
      guard block.packings.isDisjoint(with: used) else { return false }
      for packing in block.packings { units[packing.key.index]?.packed[packing.algorithm] = nil }
      bytes -= block.bytes
      free(block.memory)
      return true
    }
  }

  /// Scale and bias.
  private static func foldedFloats(_ key: Key, _ layout: ParameterLayout) -> Int {
    let channels = layout.weight(ofLayer: key.layer)?.shape[0] ?? 0
    return (key.batchNorm == nil ? 1 : 2) * PlanShapes.blocks(channels) * Int(RK_LANES)
  }

  /// The memory of a network's folded weights once these plans have packed theirs, in bytes.
  static func bytes(_ layout: ParameterLayout, plans: [InferencePlan]) -> Int {
    var folded: [Key: Int] = [:]
    var packed: [Packing: Int] = [:]
    for (key, pass) in plans.flatMap(\.weighted) {
      folded[key] = foldedFloats(key, layout)
      packed[Packing((key, pass))] = pass.packedFloats
    }
    return (folded.values.reduce(0, +) + packed.values.reduce(0, +)) * MemoryLayout<Float>.stride
  }

  /// One value per channel, padded to blocks.
  func bias(_ key: Key) -> UnsafePointer<Float>? {
    units[key.index].map { UnsafePointer($0.bias) }
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
