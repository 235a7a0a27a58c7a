import CKernels
import COpenBLAS

/// The fully connected layer: scores = x W^T + b, with W of shape (classes, features).
///
/// x has one row per image, padded to whole blocks of channels; scores are plain rows.
struct FullyConnected {
  let features: Int
  let classes: Int
  let batch: Int
  private let weight: Int
  private let bias: Int

  init(_ layout: ParameterLayout, layer: Int, features: Int, classes: Int, batch: Int) {
    self.features = features
    self.classes = classes
    self.batch = batch
    let own = layout.tensors.filter { $0.layer == layer }
    weight = own.first { $0.kind == .linearWeight }?.offset ?? 0
    bias = own.first { $0.kind == .linearBias }?.offset ?? 0
  }

  /// Floats from one image's features to the next.
  private var featureStride: Int { PlanShapes.blocks(features) * Int(RK_LANES) }

  /// Products that one call of OpenBLAS's matrix-vector routine makes at most. Below 9,216 it stays
  /// on the calling thread, whatever the host's BLAS threads.
  private static let vectorProducts = 9_000

  /// A matrix-vector product per image, so that an image's scores do not depend on its batch. The
  /// weights are read once per image; from the cache, for all but the first.
  func forward(
    x: UnsafePointer<Float>, parameters: UnsafePointer<Float>, scores: UnsafeMutablePointer<Float>,
    pool: ThreadPool, workers: Int
  ) {
    let depth = min(features, Self.vectorProducts)
    let tile = min(classes, max(1, Self.vectorProducts / depth))
    let tiles = (classes + tile - 1) / tile
    pool.run(batch * tiles, workers: workers) { task, _ in
      let (image, part) = task.quotientAndRemainder(dividingBy: tiles)
      let first = part * tile
      let count = min(tile, classes - first)
      let row = scores + image * classes + first
      row.update(from: parameters + bias + first, count: count)
      for start in stride(from: 0, to: features, by: depth) {
        cblas_sgemv(
          CblasRowMajor, CblasNoTrans, blasint(count), blasint(min(depth, features - start)), 1,
          parameters + weight + first * features + start, blasint(features),
          x + image * featureStride + start, 1, 1, row, 1)
      }
    }
  }

  /// dx = dscores W, dW = dscores^T x, db = sum of dscores over the images.
  func backward(
    dscores: UnsafePointer<Float>, x: UnsafePointer<Float>, parameters: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, pool: ThreadPool,
    workers: Int
  ) {
    // Lanes beyond the real features stay zero, as everywhere.
    for image in 0..<batch {
      (dx + image * featureStride + features).update(
        repeating: 0, count: featureStride - features)
    }
    MatrixProduct.run(
      rows: batch, columns: features, depth: classes,
      left: .init(values: dscores, rowStride: classes, transposed: false),
      right: .init(
        values: parameters + weight, rowStride: features, transposed: false),
      result: dx, resultStride: featureStride, pool: pool, workers: workers)
    MatrixProduct.run(
      rows: classes, columns: features, depth: batch,
      left: .init(values: dscores, rowStride: classes, transposed: true),
      right: .init(values: x, rowStride: featureStride, transposed: false),
      result: gradients + weight, resultStride: features, pool: pool,
      workers: workers)
    for index in 0..<classes {
      var sum = 0.0
      for image in 0..<batch { sum += Double(dscores[image * classes + index]) }
      gradients[bias + index] = Float(sum)
    }
  }
}
