import Glibc

/// What a model keeps from one call to the next: folded weights and the plans last used.
struct InferenceCache {
  private struct Key: Equatable {
    let extent: Extent
    let batch: Int
    let output: Int
    let target: PlanTarget
  }

  /// Plans kept at most. A whole batch and its remainder need two.
  private static let capacity = 4

  private var plans: [(key: Key, plan: InferencePlan, arena: Arena)] = []
  /// Of all plans, as only one of them runs at a time.
  private var memory: Arena.Memory?
  private var weights: FoldedWeights?

  /// What it keeps, in bytes.
  var bytes: Int { (weights?.bytes ?? 0) + (memory?.bytes ?? 0) }

  /// A plan to the layer `output` with its memory and current weights, which are kept at once if
  /// `moreFollow`.
  mutating func prepared(
    _ model: Model, extent: Extent, batch: Int, output: Int, moreFollow: Bool, target: PlanTarget,
    pool: ThreadPool
  ) throws(ResNetError) -> (InferencePlan, Arena, FoldedWeights) {
    let folded = currentWeights(model)
    if moreFollow { folded.keep() }
    let key = Key(extent: extent, batch: batch, output: output, target: target)
    if let index = plans.firstIndex(where: { $0.key == key }) {
      let entry = plans.remove(at: index)
      plans.append(entry)
      try folded.prepare(entry.plan, target: target, pool: pool)
      return (entry.plan, entry.arena, folded)
    }
    let plan = try InferencePlan(
      model.graph, layout: model.layout, extent: extent, batch: batch, target: target,
      output: output)
    try folded.prepare(plan, target: target, pool: pool)
    if plans.count == Self.capacity {
      plans.removeFirst()
      folded.drop(unusedBy: plans.map(\.plan) + [plan])
    }
    let arena = Arena(plan.layout, in: try room(for: plan.layout))
    plans.append((key, plan, arena))
    Log.debug {
      "\(model.network.name) on \(batch) images of \(extent.height)x\(extent.width): "
        + "\(arena.bytes) bytes to compute in, \(bytes) kept with the weights"
    }
    return (plan, arena, folded)
  }

  /// The model's weights as they are now.
  mutating func currentWeights(_ model: Model) -> FoldedWeights {
    if let weights, weights.version == model.weights.version { return weights }
    // The old ones' memory goes first.
    weights = nil
    let folded = FoldedWeights(layout: model.layout, weights: model.weights)
    weights = folded
    return folded
  }

  /// Memory for a plan and for those that are kept, of which it is no more than twice as large as the
  /// largest needs.
  private mutating func room(for layout: ArenaLayout) throws(ResNetError) -> Arena.Memory {
    let layouts = plans.map(\.plan.layout) + [layout]
    if let memory, memory.hasRoom(for: layout),
      memory.bytes <= 2 * Arena.Memory.bytes(layouts)
    {
      return memory
    }
    // The old one goes first: nothing in it is needed any more, but its plans are.
    let kept = plans.map { ($0.key, $0.plan) }
    plans = []
    memory = nil
    let new = try Arena.Memory(layouts)
    memory = new
    plans = kept.map { ($0, $1, Arena($1.layout, in: new)) }
    return new
  }
}

extension Model {
  /// Scores before the softmax, `images.count * network.classes` values, with BN on its running
  /// statistics.
  ///
  /// Throws `shapeMismatch` for images that the network cannot take, `notFinite` for pixels that
  /// are NaN or infinite.
  public func logits(_ images: Images) throws(ResNetError) -> [Float] {
    try filled(images.count * network.classes, with: 0) { (scores) throws(ResNetError) in
      try images.withView { (view) throws(ResNetError) in try logits(view, into: scores) }
    }
  }

  /// The softmax of the scores, `images.count * network.classes` values.
  public func probabilities(_ images: Images) throws(ResNetError) -> [Float] {
    try filled(images.count * network.classes, with: 0) { (scores) throws(ResNetError) in
      try images.withView { (view) throws(ResNetError) in try probabilities(view, into: scores) }
    }
  }

  /// The class with the highest score of each image (the first of equals).
  public func predict(_ images: Images) throws(ResNetError) -> [Int] {
    try filled(images.count, with: Int32(0)) { (labels) throws(ResNetError) in
      try images.withView { (view) throws(ResNetError) in try predict(view, into: labels) }
    }.map { Int($0) }
  }

  package func logits(_ images: ImagesView, into scores: UnsafeMutableBufferPointer<Float>)
    throws(ResNetError)
  {
    try forward(images, normalization: normalization, target: .current(), into: scores)
  }

  /// The same with a normalisation other than the model's own.
  package func logits(
    _ images: ImagesView, normalization: Normalization,
    into scores: UnsafeMutableBufferPointer<Float>
  ) throws(ResNetError) {
    try forward(images, normalization: normalization, target: .current(), into: scores)
  }

  /// Images that were normalised already.
  func logits(
    prepared images: ImagesView, target: PlanTarget,
    into scores: UnsafeMutableBufferPointer<Float>
  ) throws(ResNetError) {
    try forward(images, normalization: .identity, target: target, into: scores)
  }

  package func probabilities(_ images: ImagesView, into scores: UnsafeMutableBufferPointer<Float>)
    throws(ResNetError)
  {
    try logits(images, into: scores)
    guard let base = scores.baseAddress else { return }
    Softmax.probabilities(scores: base, count: images.count, classes: network.classes, into: base)
  }

  package func predict(_ images: ImagesView, into labels: UnsafeMutableBufferPointer<Int32>)
    throws(ResNetError)
  {
    let classes = network.classes
    try images.validate(channels: network.inputChannels, normalization: normalization)
    // In parts, as the scores of all images may be much larger than their labels.
    let part = min(images.count, try imagesPerPlan(images.extent))
    let target = try PlanTarget.current()
    let memory = try allocateFloats(part * classes, zeroed: false)
    defer { free(memory) }
    var steps = Steps(.running, of: images.count)
    for start in stride(from: 0, to: images.count, by: part) {
      let range = start..<min(start + part, images.count)
      try forward(
        images[range], normalization: normalization, target: target, firstImage: start,
        moreFollow: range.upperBound < images.count,
        into: UnsafeMutableBufferPointer(start: memory, count: range.count * classes))
      for image in range {
        labels[image] = Int32(
          Softmax.indexOfMaximum(memory + (image - start) * classes, classes: classes))
      }
      try steps.advance(by: range.count)
    }
  }

  /// The target holds for the whole of what a user calls, whatever other threads set meanwhile. The
  /// images may be part of what a user gave: the first is its `firstImage`, and more may follow.
  private func forward(
    _ images: ImagesView, normalization: Normalization, target: PlanTarget, firstImage: Int = 0,
    moreFollow: Bool = false, into scores: UnsafeMutableBufferPointer<Float>
  ) throws(ResNetError) {
    let classes = network.classes
    try images.validate(channels: network.inputChannels, normalization: normalization)
    guard scores.count >= images.count * classes, let base = scores.baseAddress else {
      throw ResNetError(
        .shapeMismatch,
        "\(images.count) images have \(images.count * classes) scores, but there is room for "
          + "\(scores.count)")
    }
    try forward(
      images, normalization: normalization, target: target, firstImage: firstImage,
      moreFollow: moreFollow, to: graph.layers.count - 1
    ) { range, output in
      (base + range.lowerBound * classes).update(from: output, count: range.count * classes)
    }
  }

  /// Computes the layer `output` and hands it over in parts, each for a range of the images, as the
  /// engine lays it out.
  func forward(
    _ images: ImagesView, normalization: Normalization, target: PlanTarget, firstImage: Int = 0,
    moreFollow: Bool = false, to output: Int, _ body: (Range<Int>, UnsafePointer<Float>) -> Void
  ) throws(ResNetError) {
    let part = min(images.count, try imagesPerPlan(images.extent, to: output))
    var steps = Steps(.running, of: images.count)
    for start in stride(from: 0, to: images.count, by: part) {
      let range = start..<min(start + part, images.count)
      let pool = ThreadPool.shared
      let (plan, arena, weights) = try inference.prepared(
        self, extent: images.extent, batch: range.count, output: output,
        moreFollow: moreFollow || range.upperBound < images.count, target: target, pool: pool)
      try images[range].load(
        normalization: normalization, into: arena[plan.input], firstImage: firstImage + start,
        pool: pool, workers: arena.workers)
      try plan.run(weights, in: arena, target: target, pool: pool)
      weights.keep()
      body(range, arena[plan.output])
      try steps.advance(by: range.count)
    }
  }

  /// How many images to run through the network together: as many as keep the largest activations
  /// within 64 MB: more would take memory, fewer would read the weights more often.
  func imagesPerPlan(_ extent: Extent, to output: Int? = nil) throws(ResNetError) -> Int {
    let last = output ?? graph.layers.count - 1
    let shapes = try PlanShapes(
      graph, extents: try graph.extents(input: extent, to: last), batch: 1)
    let largest = (0...last).map { shapes.activationFloats($0) }.max() ?? 1
    return min(max(16_777_216 / largest, 1), 256)
  }
}

/// An array of `count` values that `body` fills.
func filled<Element>(
  _ count: Int, with value: Element,
  _ body: (UnsafeMutableBufferPointer<Element>) throws(ResNetError) -> Void
) throws(ResNetError) -> [Element] {
  var array = [Element](repeating: value, count: count)
  let outcome = array.withUnsafeMutableBufferPointer { buffer in
    Result { () throws(ResNetError) in try body(buffer) }
  }
  try outcome.get()
  return array
}
