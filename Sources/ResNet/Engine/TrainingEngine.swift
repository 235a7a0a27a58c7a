import CKernels
import Glibc

/// Forward, loss, backward and update of one network on batches of one shape.
package final class TrainingEngine {
  package let batch: Int
  package let extent: Extent
  /// Gradient of the mean loss with respect to every trainable tensor, laid out as the model's.
  package let gradients: UnsafeMutablePointer<Float>
  /// Bytes of the plan's memory: activations, gradients of activations and scratch.
  package var planBytes: Int { arena.bytes }

  /// Keeps counts of images within the kernels' 32 bits.
  private static let maximumBatch = 1 << 24

  private let model: Model
  private let parameters: ParameterStore
  let target: PlanTarget
  private let plan: TrainingPlan
  private let arena: Arena
  private let updates: [Update]
  /// With the other ranks of a distributed training, or nil.
  private var exchange: GradientExchange?

  /// A piece of the trainable parameters that one task updates.
  private struct Update {
    let offset: Int
    let count: Int
    /// Whether weight decay applies even if BN and biases are spared.
    let isWeight: Bool
  }

  /// - Parameter batch: Images of a step; in a distributed training, of this rank's share of it.
  package convenience init(
    _ model: Model, batch: Int, extent: Extent, frozen: Set<Int> = []
  ) throws(ResNetError) {
    try self.init(model, batch: batch, extent: extent, frozen: frozen, group: nil)
  }

  init(
    _ model: Model, batch: Int, extent: Extent, frozen: Set<Int>, group: RankGroup?
  ) throws(ResNetError) {
    self.model = model
    parameters = try model.parameters
    self.batch = batch
    self.extent = extent
    target = try .current()
    plan = try Self.plan(
      model, batch: batch, extent: extent, target: target, frozen: frozen,
      ranks: group?.ranksOfBatchNorm ?? 1)
    arena = try Arena(plan.arena)
    for (unit, _) in plan.normalized { unit.forward.countSlots() }
    updates = Self.updates(model.layout, frozen: frozen)
    gradients = try allocateFloats(model.layout.trainableFloats)
    if let group {
      let ownStatistics = plan.normalized.lazy.filter { !$1.isFrozen }
      exchange = try GradientExchange(
        group, tensors: try plan.trained(model.layout, frozen: frozen), gradients: gradients,
        statistics: 2 * ownStatistics.reduce(0) { $0 + $1.1.tensors.channels },
        channels: (plan.normalized.map { $0.0.blocks }.max() ?? 0) * Int(RK_LANES))
    }
    Log.debug {
      "training \(model.network.name) on \(batch) images of \(extent.height)x\(extent.width): "
        + "\(arena.bytes + model.layout.trainableFloats * MemoryLayout<Float>.stride) bytes to compute in"
    }
  }

  /// The plan of such an engine. Throws for batches that cannot be trained on.
  static func plan(
    _ model: Model, batch: Int, extent: Extent, target: PlanTarget, frozen: Set<Int> = [],
    ranks: Int = 1
  ) throws(ResNetError) -> TrainingPlan {
    _ = try ImagesView.pixelCount(
      count: batch, channels: model.network.inputChannels, height: extent.height,
      width: extent.width)
    guard batch <= Self.maximumBatch else {
      throw ResNetError(
        .shapeMismatch, "a batch of \(batch) images; at most \(Self.maximumBatch) can be trained on"
      )
    }
    try model.graph.validateTraining(batch: batch * ranks, extent: extent, frozen: frozen)
    return try TrainingPlan(
      model.graph, layout: model.layout, extent: extent, batch: batch, target: target,
      frozen: frozen)
  }

  deinit { free(gradients) }

  /// Computes the mean softmax cross-entropy of a batch, with BN on the batch's statistics, and
  /// its gradients. Neither weights nor running statistics change.
  ///
  /// The images must be `batch` of `extent`, the labels valid classes. A loss that is not finite
  /// is returned as it is; the gradients then have no meaning.
  ///
  /// In a distributed training loss and gradients are those of the whole batch, and `correct` is of all of its
  /// images.
  ///
  /// - Parameter tag: Must be the same on all ranks.
  package func forwardBackward(
    _ images: ImagesView, normalization: Normalization, labels: UnsafePointer<Int32>, tag: Int = 0
  ) throws(ResNetError) -> (loss: Double, correct: Int) {
    let classes = model.network.classes
    try validate(images, normalization: normalization)
    for index in 0..<batch where !(0..<classes).contains(Int(labels[index])) {
      throw ResNetError(
        .invalidArgument,
        "label \(labels[index]) of image \(index) is not one of the \(classes) classes "
          + "(0 to \(classes - 1))")
    }
    let context = try loadImages(images, normalization: normalization)
    if let exchange {
      var step = CRC32()
      for number in [batch, extent.height, extent.width, tag] { step.add(number) }
      try exchange.begin(step)
    }
    for step in plan.steps { context.forward(step) }
    let ranks = exchange?.group.ranks ?? 1
    var result = Softmax.crossEntropy(
      scores: arena[plan.scores], labels: labels, count: batch, classes: classes, of: batch * ranks,
      gradient: arena[plan.scoreGradient])
    shareStatistics { $0 = $1 }
    exchange?.startStatistics()
    // What fails from here on must not keep this rank from the sums that others wait for.
    var late: ResNetError?
    for (index, step) in plan.steps.enumerated().reversed() {
      if let again = plan.inputAgain, again.step == index {
        do throws(ResNetError) {
          try images.load(
            normalization: normalization, into: arena[again.buffer], pool: context.pool,
            workers: arena.workers)
        } catch {
          late = error
        }
      }
      context.backward(step)
      exchange?.finished(step: index)
    }
    exchange?.finish()
    if let late { throw late }
    if let exchange {
      result = try exchange.result(result)
      shareStatistics { $1 = $0 / Float(ranks) }
    }
    if result.loss.isFinite { try checkStatistics() }
    return result
  }

  /// The forward half alone, for the sake of BN's statistics; see ``forEachStatistic(_:)``. Throws
  /// `notFinite` if one of them is not finite.
  func forward(_ images: ImagesView, normalization: Normalization) throws(ResNetError) {
    try validate(images, normalization: normalization)
    let context = try loadImages(images, normalization: normalization)
    for step in plan.steps { context.forward(step) }
    try checkStatistics()
  }

  /// The statistics of the last batch: of each channel of each BN layer, where its running mean and
  /// variance are in the parameters, the batch's mean and biased variance, and of how many values.
  func forEachStatistic(
    _ body: (
      _ running: (mean: Int, variance: Int), _ batch: (mean: Double, variance: Double, values: Int)
    ) -> Void
  ) {
    for (unit, norm) in plan.normalized {
      for channel in 0..<norm.tensors.channels {
        body(
          (mean: norm.tensors.mean + channel, variance: norm.tensors.variance + channel),
          (
            mean: Double(arena[norm.factors.mean][channel]),
            variance: Double(arena[norm.factors.variance][channel]),
            values: unit.images * unit.pixels
          ))
      }
    }
  }

  private func validate(_ images: ImagesView, normalization: Normalization) throws(ResNetError) {
    try images.validate(channels: model.network.inputChannels, normalization: normalization)
    guard images.count == batch, images.extent == extent else {
      throw ResNetError(
        .shapeMismatch,
        "got \(images.count) images of \(images.extent.height)x\(images.extent.width), expected "
          + "\(batch) of \(extent.height)x\(extent.width)")
    }
  }

  private func loadImages(_ images: ImagesView, normalization: Normalization)
    throws(ResNetError) -> TrainingContext
  {
    let context = TrainingContext(
      arena: arena, kernels: target.kernels, pool: .shared, batch: batch,
      parameters: parameters.values, gradients: gradients, exchange: exchange)
    try images.load(
      normalization: normalization, into: arena[plan.input], pool: context.pool,
      workers: arena.workers)
    return context
  }

  /// Hands the numbers that ranks share of BN's statistics, and where the engine has them, to `body`: none if
  /// there are no other ranks, or they are synchronised.
  private func shareStatistics(_ body: (_ shared: inout Float, _ own: inout Float) -> Void) {
    guard let exchange, !exchange.statistics.isEmpty else { return }
    var index = 0
    for (_, norm) in plan.normalized where !norm.isFrozen {
      for own in [norm.factors.mean, norm.factors.variance] {
        for channel in 0..<norm.tensors.channels {
          body(&exchange.statistics[index], &arena[own][channel])
          index += 1
        }
      }
    }
  }

  /// Throws if a layer's batch statistics overflowed, which huge pixels can do without the loss
  /// showing it: the channel is then constant. In the running statistics it would stay for ever.
  private func checkStatistics() throws(ResNetError) {
    for (_, norm) in plan.normalized {
      for channel in 0..<norm.tensors.channels
      where !(arena[norm.factors.mean][channel] + arena[norm.factors.variance][channel])
        .isFinite
      {
        throw ResNetError(
          .notFinite,
          "the values before \(model.graph.layers[norm.tensors.layer].name) are too large: their "
            + "variance over the batch is not finite; scale the images down, or lower the learning "
            + "rate")
      }
    }
  }

  /// One SGD step with the gradients of the last batch, in the paper's form
  /// (v = momentum v + rate (g + decay w), w = w - v), then BN's running statistics.
  package func update(
    velocity: UnsafeMutablePointer<Float>, rate: Float, momentum: Float, decay: Float,
    spareBNAndBiases: Bool
  ) {
    let values = parameters.values
    ThreadPool.shared.run(updates.count, workers: arena.workers) { task, _ in
      let update = updates[task]
      target.kernels.pointee.sgd(
        values + update.offset, gradients + update.offset, velocity + update.offset,
        Int64(update.count), rate, momentum, update.isWeight || !spareBNAndBiases ? decay : 0)
    }
    for (unit, norm) in plan.normalized where !norm.isFrozen {
      updateRunningStatistics(unit, norm)
    }
    parameters.noteChange()
  }

  /// running = 0.9 running + 0.1 batch, with the unbiased variance.
  private func updateRunningStatistics(
    _ unit: TrainingPlan.ConvolutionUnit, _ norm: TrainingPlan.Norm
  ) {
    let values = Float(unit.images * unit.pixels * (exchange?.group.ranksOfBatchNorm ?? 1))
    let keep = 1 - BatchNorm.momentum
    let means = parameters.values + norm.tensors.mean
    let variances = parameters.values + norm.tensors.variance
    for channel in 0..<norm.tensors.channels {
      let variance = arena[norm.factors.variance][channel] * (values / (values - 1))
      means[channel] =
        keep * means[channel] + BatchNorm.momentum * arena[norm.factors.mean][channel]
      variances[channel] = keep * variances[channel] + BatchNorm.momentum * variance
    }
  }

  /// The tensors that are trained, in pieces of at most 64K values.
  private static func updates(_ layout: ParameterLayout, frozen: Set<Int>) -> [Update] {
    let piece = 65_536
    let trained = layout.tensors.filter { $0.kind.isTrainable && !frozen.contains($0.layer) }
    return trained.flatMap { tensor in
      stride(from: 0, to: tensor.count, by: piece).map { start in
        Update(
          offset: tensor.offset + start, count: min(piece, tensor.count - start),
          isWeight: tensor.kind == .convolutionWeight || tensor.kind == .linearWeight)
      }
    }
  }
}
