/// The memory that a model takes to run or to train, in bytes, known before it is allocated.
///
/// It holds for the settings of ``Engine`` and the instruction set in use. Images, labels and
/// scores belong to the caller and are not counted.
public struct MemoryNeeds: Equatable, Sendable {
  /// The model's tensors, which are there already.
  public let parameters: Int
  /// The weights once more, with BN folded in, as the kernels read them: more than there are
  /// parameters where Winograd's algorithm transforms them. Training packs them layer by layer, in
  /// `workspace`.
  public let packedWeights: Int
  /// Of all trainable tensors; 0 for inference.
  public let gradients: Int
  /// A trainer's, which is there once the trainer is; 0 for inference.
  public let momentum: Int
  /// Activations, their gradients when training, and the scratch of each thread.
  public let workspace: Int

  /// The sum.
  public var total: Int { parameters + packedWeights + gradients + momentum + workspace }
}

extension Model {
  /// What running the network on `count` images of height x width pixels takes: what the model
  /// keeps afterwards for the next call. Allocates nothing.
  ///
  /// Throws `shapeMismatch` for images that the network cannot take.
  public func inferenceMemory(count: Int, height: Int, width: Int) throws(ResNetError)
    -> MemoryNeeds
  {
    let extent = Extent(height: height, width: width)
    _ = try ImagesView.pixelCount(
      count: count, channels: network.inputChannels, height: height, width: width)
    let target = try PlanTarget.current()
    // Many images run in parts, whose last may be smaller and then has a plan of its own.
    let part = min(count, try imagesPerPlan(extent))
    var plans: [InferencePlan] = []
    for batch in Set([part, count % part]) where batch > 0 {
      plans.append(
        try InferencePlan(
          graph, layout: layout, extent: extent, batch: batch, target: target))
    }
    return MemoryNeeds(
      parameters: weights.bytes,
      packedWeights: FoldedWeights.bytes(layout, plans: plans), gradients: 0, momentum: 0,
      workspace: Arena.Memory.bytes(plans.map(\.layout)))
  }

  /// What a trainer's steps on batches of `batch` images of height x width pixels take. Allocates
  /// nothing.
  ///
  /// Throws `shapeMismatch` or `invalidArgument` for batches that the network cannot train on.
  public func trainingMemory(batch: Int, height: Int, width: Int) throws(ResNetError)
    -> MemoryNeeds
  {
    let plan = try TrainingEngine.plan(
      self, batch: batch, extent: Extent(height: height, width: width), target: .current())
    let trainable = layout.trainableFloats * MemoryLayout<Float>.stride
    return MemoryNeeds(
      parameters: layout.totalFloats * MemoryLayout<Float>.stride, packedWeights: 0,
      gradients: trainable, momentum: trainable,
      workspace: plan.arena.bytes)
  }
}
