import CKernels

/// The classifier: scores = x W^T + b, with W of shape (classes, features).
///
/// To the kernels it is a 1x1 convolution of one image, whose pixels are the images of the batch:
/// features come blocked as [block][image][16], as the average pooling writes them. Scores leave as
/// plain rows, one per image. What this layer makes of an image's features does not depend on its
/// batch, as no pixel of a direct convolution depends on how many there are.
struct FullyConnected {
  let features: Int
  let classes: Int
  let batch: Int
  let tensors: WeightTensors
  let forward: ConvolutionPass
  private let target: PlanTarget

  init(
    _ layout: ParameterLayout, layer: Int, features: Int, classes: Int, batch: Int,
    target: PlanTarget
  ) {
    self.features = features
    self.classes = classes
    self.batch = batch
    self.target = target
    tensors = WeightTensors(layout, layer: layer)
    let pixels = Extent(height: batch, width: 1)
    forward = .forward(
      target, channels: (in: features, out: classes), kernel: 1, stride: 1, padding: 0,
      input: pixels, output: pixels, images: 1)
  }

  func backwardDataPass() -> ConvolutionPass {
    let pixels = Extent(height: batch, width: 1)
    return .backwardData(
      target, channels: (in: features, out: classes), kernel: 1, stride: 1, padding: 0,
      input: pixels, output: pixels, images: 1)
  }

  func weightGradientPass() -> WeightGradientPass {
    let pixels = Extent(height: batch, width: 1)
    return WeightGradientPass(
      target, channels: (in: features, out: classes), kernel: 1, stride: 1, padding: 0,
      input: pixels, output: pixels, images: 1)
  }

  /// Scores of `x`, which the layer's `packed` weights and `bias` (padded to whole blocks) make
  /// first in `blocked`, as [block][image][16].
  func scores(
    x: UnsafePointer<Float>, packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?,
    blocked: UnsafeMutablePointer<Float>, into scores: UnsafeMutablePointer<Float>, arena: Arena,
    pool: ThreadPool
  ) {
    forward.run(
      target.kernels, source: x, packed: packed, bias: bias, destination: blocked, arena: arena,
      pool: pool)
    copyRows(
      of: blocked, count: batch, channels: classes, to: scores, pool: pool, workers: arena.workers)
  }

  /// Plain rows, one per image, as [block][image][16], with zeros in the lanes beyond.
  func block(
    _ rows: UnsafePointer<Float>, into blocked: UnsafeMutablePointer<Float>, pool: ThreadPool,
    workers: Int
  ) {
    let lanes = Int(RK_LANES)
    pool.run(batch, workers: workers) { image, _ in
      for first in stride(from: 0, to: classes, by: lanes) {
        let to = blocked + first * batch + image * lanes
        let count = min(lanes, classes - first)
        to.update(from: rows + image * classes + first, count: count)
        (to + count).update(repeating: 0, count: lanes - count)
      }
    }
  }
}

/// Vectors of `count` images, blocked as [block][image][16], as plain rows.
func copyRows(
  of blocked: UnsafePointer<Float>, count: Int, channels: Int,
  to rows: UnsafeMutablePointer<Float>, pool: ThreadPool, workers: Int
) {
  let lanes = Int(RK_LANES)
  pool.run(count, workers: workers) { image, _ in
    for first in stride(from: 0, to: channels, by: lanes) {
      (rows + image * channels + first).update(
        from: blocked + first * count + image * lanes, count: min(lanes, channels - first))
    }
  }
}

extension ConvolutionPass {
  /// Runs all tasks on a source as it is, with nothing but a bias at the end.
  func run(
    _ kernels: UnsafePointer<rk_kernels>, source: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?,
    destination: UnsafeMutablePointer<Float>, arena: Arena, pool: ThreadPool
  ) {
    var from = rk_source(data: source, scale: nil, shift: nil, relu: 0)
    var epilogue = rk_epilogue(
      accumulate: 0, relu: 0, bias: bias, addend: nil, statistics: nil)
    withUnsafePointer(to: &from) { from in
      withUnsafePointer(to: &epilogue) { epilogue in
        pool.run(Int(conv.pointee.tasks), workers: arena.workers) { task, worker in
          kernels.pointee.conv_run(
            conv, from, packed, destination, epilogue, Int64(task), arena.scratch(worker))
        }
      }
    }
  }
}
