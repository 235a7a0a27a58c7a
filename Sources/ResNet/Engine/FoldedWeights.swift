import CKernels
import Glibc

/// The weights of inference: BN folded into each convolution, packed once for the kernels.
///
/// With scale = gamma / sqrt(running_var + eps), the weights become scale * w and the bias
/// beta - scale * running_mean. The fully connected layer uses the parameters as they are.
final class FoldedWeights {
  struct Convolution {
    let packed: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
  }

  let parameters: ParameterStore
  /// `parameters.version` of what was folded.
  let version: UInt64
  private let memory: UnsafeMutablePointer<Float>
  /// In the order of the units.
  private(set) var convolutions: [Convolution] = []

  init(
    _ graph: Graph, units: [FusedUnit], parameters: ParameterStore,
    kernels: UnsafePointer<rk_kernels>, pool: ThreadPool
  ) throws(ResNetError) {
    self.parameters = parameters
    version = parameters.version
    // Packing does not depend on extent or batch, so any extent does.
    let shapes = PlanShapes(
      graph, extents: graph.layers.map { _ in Extent(height: 1, width: 1) }, batch: 1)
    var passes: [(FusedUnit.Convolution, ConvolutionPass, offset: Int)] = []
    var floats = 0
    var widest = 0
    for unit in units {
      guard case .convolution(let convolution) = unit.operation else { continue }
      let pass = shapes.forwardPass(kernels, unit: unit, convolution)
      passes.append((convolution, pass, floats))
      let channels = shapes.paddedChannels(unit.output)
      floats += (pass.packedFloats + 15) / 16 * 16 + channels
      widest = max(widest, channels)
    }
    memory = try allocateFloats(floats)
    var scale = [Float](repeating: 0, count: widest)
    for (convolution, pass, offset) in passes {
      let channels = Int(pass.conv.pointee.out_channels)
      let bn = BatchNormTensors(parameters.layout, layer: convolution.batchNorm)
      let packed = memory + offset
      let bias = packed + (pass.packedFloats + 15) / 16 * 16
      for channel in 0..<channels {
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
      let weight = parameters.values + convolution.weightOffset(parameters.layout)
      scale.withUnsafeBufferPointer { scale in
        pool.run(Int(pass.conv.pointee.out_blocks), workers: ThreadPool.maximumThreads) { task, _ in
          kernels.pointee.conv_pack(pass.conv, weight, scale.baseAddress, 0, packed, Int64(task))
        }
      }
      convolutions.append(Convolution(packed: packed, bias: bias))
    }
  }

  deinit { free(memory) }
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
