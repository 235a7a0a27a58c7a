import CKernels
import Glibc

/// The weights of inference: BN folded into each convolution, packed once for the kernels.
///
/// With scale = gamma / sqrt(running_var + eps), the weights become scale * w and the bias
/// beta - scale * running_mean. The fully connected layer's are packed as they are. How
/// weights are packed depends on the algorithm that a plan chose, so plans of other batches may
/// need some of them packed another way; each is packed when the first plan asks for it.
final class FoldedWeights {
  /// A unit with weights: a convolution or the fully connected layer.
  private struct Weights {
    /// Offset of the weights in the parameters.
    let weight: Int
    /// Nil for 1.
    let scale: UnsafeMutablePointer<Float>?
    let bias: UnsafeMutablePointer<Float>
    /// By algorithm.
    var packed: [Int32: UnsafePointer<Float>] = [:]
  }

  private let parameters: ParameterStore
  /// `parameters.version` of what was folded.
  let version: UInt64
  /// Size of the whole, so far.
  private(set) var bytes = 0
  /// In the order of the units.
  private var weights: [Weights] = []
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

  init(units: [FusedUnit], parameters: ParameterStore) throws(ResNetError) {
    self.parameters = parameters
    version = parameters.version
    for unit in units {
      switch unit.operation {
      case .convolution(let convolution): try fold(convolution)
      case .linear(let layer): try copy(LinearTensors(parameters.layout, layer: layer))
      case .maxPool, .padShortcut, .averagePool: break
      }
    }
  }

  private func fold(_ convolution: FusedUnit.Convolution) throws(ResNetError) {
    let bn = BatchNormTensors(parameters.layout, layer: convolution.batchNorm)
    let padded = PlanShapes.blocks(bn.channels) * Int(RK_LANES)
    let bias = try allocateFloats(2 * padded)
    bytes += Self.foldedBytes(bn)
    let scale = bias + padded
    weights.append(
      Weights(weight: convolution.weightOffset(parameters.layout), scale: scale, bias: bias))
    for channel in 0..<bn.channels {
      let inverse =
        1
        / (Double(parameters.values[bn.variance + channel]) + BatchNorm.epsilon)
        .squareRoot()
      let factor = Double(parameters.values[bn.weight + channel]) * inverse
      scale[channel] = Float(factor)
      bias[channel] = Float(
        Double(parameters.values[bn.bias + channel])
          - factor * Double(parameters.values[bn.mean + channel]))
    }
  }

  private func copy(_ linear: LinearTensors) throws(ResNetError) {
    let bias = try allocateFloats(PlanShapes.blocks(linear.classes) * Int(RK_LANES))
    bytes += Self.foldedBytes(linear)
    bias.update(from: parameters.values + linear.bias, count: linear.classes)
    weights.append(Weights(weight: linear.weight, scale: nil, bias: bias))
  }

  deinit {
    for unit in weights { free(unit.bias) }  // and scale
    for block in blocks { free(block.memory) }
  }

  /// Packs what the passes of a plan need and is not packed yet, in one block.
  func pack(_ passes: [ConvolutionPass], target: PlanTarget, pool: ThreadPool)
    throws(ResNetError)
  {
    let missing = Self.packings(passes).filter { weights[$0.ordinal].packed[$0.algorithm] == nil }
      .sorted { $0.ordinal < $1.ordinal }
    guard !missing.isEmpty else { return }
    let floats = missing.reduce(0) { $0 + passes[$1.ordinal].packedFloats }
    var packed = try allocateFloats(floats, zeroed: false)
    let block = Block(
      memory: packed, bytes: floats * MemoryLayout<Float>.stride, packings: Set(missing))
    blocks.append(block)
    bytes += block.bytes
    for packing in missing {
      let pass = passes[packing.ordinal]
      let weight = parameters.values + weights[packing.ordinal].weight
      let scale = weights[packing.ordinal].scale
      pool.run(Int(pass.conv.pointee.out_blocks), workers: target.workers) { task, _ in
        target.kernels.pointee.conv_pack(pass.conv, weight, scale, 0, packed, Int64(task))
      }
      weights[packing.ordinal].packed[packing.algorithm] = UnsafePointer(packed)
      packed += pass.packedFloats
    }
  }

  /// Frees what none of these plans needs.
  func drop(unusedBy plans: [InferencePlan]) {
    let used = plans.reduce(into: Set<Packing>()) {
      $0.formUnion(Self.packings($1.convolutions))
    }
    blocks.removeAll { block in
      guard block.packings.isDisjoint(with: used) else { return false }
      for packing in block.packings { weights[packing.ordinal].packed[packing.algorithm] = nil }
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

  /// The weights of a unit, packed before for this pass's algorithm.
  func packed(_ ordinal: Int, _ pass: ConvolutionPass) -> UnsafePointer<Float>? {
    weights[ordinal].packed[pass.conv.pointee.algorithm]
  }

  /// One value per channel, padded to blocks.
  func bias(_ ordinal: Int) -> UnsafePointer<Float> {
    UnsafePointer(weights[ordinal].bias)
  }
}

extension FusedUnit.Convolution {
  /// Offset of the weights in the flat array of parameters.
  func weightOffset(_ layout: ParameterLayout) -> Int {
    layout.tensors.first { $0.layer == layer }?.offset ?? 0
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
