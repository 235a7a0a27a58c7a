import Glibc

extension Model {
  /// Mean loss, top-1 and top-5 accuracy on a dataset, in inference mode (BN on its running
  /// statistics), on one view of each image, with the model's normalisation. Where both the model and
  /// the data have class names, labels are matched by name: the data may have some of the model's
  /// classes, in any order.
  ///
  /// Throws `invalidArgument` if the data has classes that the model does not have; `shapeMismatch` if the images or classes do not fit the model, `cancelled` if a step watcher
  /// stopped it, and what the data's own reading throws. Weights that are not finite show as a loss that is not.
  public func evaluate(_ data: any TrainingData) throws(ResNetError) -> Metrics {
    try evaluate(data) { _, _ in }
  }

  /// The same, and which of the model's classes were taken for which. Throws `invalidArgument` for a model with
  /// more classes than ``ConfusionMatrix/maximumClasses``, too.
  public func evaluateByClass(_ data: any TrainingData)
    throws(ResNetError) -> (metrics: Metrics, confusion: ConfusionMatrix)
  {
    var confusion = try ConfusionMatrix(of: self)
    let metrics = try evaluate(data) { confusion.add($0, takenFor: $1) }
    return (metrics, confusion)
  }

  /// Hands every image's class and the one it was taken for to `body`.
  ///
  /// - Parameters:
  ///   - labels: Nil for those of the model's class names.
  ///   - group: Ranks that evaluate the same data, each a part of it. The metrics are of all.
  func evaluate(
    _ data: any TrainingData, labels: LabelMap? = nil, workers: Int? = nil,
    group: RankGroup? = nil,
    _ body: (_ label: Int, _ predicted: Int) -> Void
  ) throws(ResNetError) -> Metrics {
    let labels =
      if let labels { labels } else { try self.labels(of: data.classNames, role: "evaluation") }
    try validate(data, normalization: normalization, role: "evaluation")
    let indices: [Int]
    if let group {
      let (count, rank, ranks) = (data.count, group.rank, group.ranks)
      indices = try data.readable(Array(count * rank / ranks..<count * (rank + 1) / ranks))
    } else {
      indices = try data.readable()
    }
    let size = max(1, min(evaluationBatch(data), indices.count))
    let loader = try BatchLoader(
      .init(data: data, labels: labels, normalization: normalization), batchSize: size,
      requests: SequentialBatches(indices, batchSize: size), workers: workers)
    let classes = network.classes
    let memory = try allocateFloats(size * classes)
    defer { free(memory) }

    let target = try PlanTarget.current()
    var loss = 0.0
    var correct = 0
    var amongFive = 0
    var steps = Steps(.evaluating, of: indices.count)
    while let batch = try loader.next() {
      try network.validate(labels: batch.labels, of: batch.count)
      let scores = UnsafeMutableBufferPointer(start: memory, count: batch.count * classes)
      try logits(prepared: batch.view, target: target, into: scores)
      guard let labels = batch.labels.baseAddress else { continue }
      let outcome = Softmax.crossEntropy(
        scores: memory, labels: labels, count: batch.count, classes: classes, gradient: nil)
      loss += outcome.loss * Double(batch.count)
      correct += outcome.correct
      for image in 0..<batch.count {
        let row = memory + image * classes
        let label = Int(labels[image])
        body(label, Softmax.indexOfMaximum(row, classes: classes))
        if Softmax.rank(of: label, row, classes: classes) < 5 { amongFive += 1 }
      }
      try steps.advance(by: batch.count)
    }
    var sums = [loss, Double(correct), Double(amongFive), Double(indices.count)]
    if let group { sums = try group.meet(.evaluation, sums) }
    guard let count = RankGroup.whole(sums[3]), count > 0 else {
      throw ResNetError(.badFormat, "none of the \(data.count) images can be read")
    }
    return Metrics(
      loss: sums[0] / sums[3], accuracy: sums[1] / sums[3], top5Accuracy: sums[2] / sums[3],
      count: count)
  }

  /// From labels of classes with those names, if they have any, to the model's classes.
  package func labels(of names: [String], role: String) throws(ResNetError) -> LabelMap {
    try LabelMap(names, to: classNames, role: role, of: network.name)
  }

  /// Images to read at a time: enough for the engine to work on, while large images stay within some
  /// 16 MB.
  func evaluationBatch(_ data: any TrainingData) -> Int {
    let pixels = data.channels * data.extent.height * data.extent.width
    return min(data.count, max(1, min(256, 4_000_000 / pixels)))
  }

  /// Throws unless the network can take the dataset's images, normalised, and has its classes.
  func validate(_ data: any TrainingData, normalization: Normalization, role: String)
    throws(ResNetError)
  {
    guard data.count >= 1 else {
      throw ResNetError(.invalidArgument, "the \(role) data has no images")
    }
    _ = try ImagesView.pixelCount(
      count: data.count, channels: data.channels, height: data.extent.height,
      width: data.extent.width)
    guard data.channels == network.inputChannels else {
      throw ResNetError(
        .shapeMismatch,
        "the \(role) images have \(data.channels) channels, \(network.name) takes "
          + "\(network.inputChannels)")
    }
    guard data.classes <= network.classes else {
      throw ResNetError(
        .shapeMismatch,
        "the \(role) data has \(data.classes) classes, \(network.name) has \(network.classes): make the network "
          + "for as many")
    }
    if let mean = normalization.meanExtent, mean != data.extent {
      throw ResNetError(
        .shapeMismatch,
        "the \(role) images are \(data.extent.height)x\(data.extent.width), the per-pixel mean is "
          + "of \(mean.height)x\(mean.width): give images of that size, or calibrate the model anew, by channels, "
          + "for any size")
    }
    _ = try graph.extents(input: data.extent)
  }
}
