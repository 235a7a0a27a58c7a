extension Model {
  /// Replaces BN's running statistics by exact ones: mean and unbiased variance, of every channel,
  /// over all values that it takes on a sample of the training images. The running statistics of
  /// training are averages over its last batches only, while weights still changed; the paper's
  /// released models have such as these.
  ///
  /// The sample goes through the network in batches, as in training: BN normalises each batch by
  /// its own statistics. Images are not augmented. A network without BN stays as it is.
  ///
  /// - Parameters:
  ///   - data: Training images.
  ///   - batchSize: Images to a batch; nil for all up to 128, or else the largest of the numbers from 64 to
  ///     128 that leave the fewest images out.
  ///   - images: How many of them, in full batches; nil for all that fill batches.
  ///   - seed: Of their random order.
  /// - Returns: How many images the statistics are of.
  /// - Throws: `invalidArgument` or `shapeMismatch` if the data, the numbers and the network do not
  ///   fit together or the model was opened to be run; `notFinite` if a statistic is not finite;
  ///   `cancelled` if a step watcher stopped it; and what the data's own reading throws. The model then is as it was.
  @discardableResult
  public func recomputeStatistics(
    on data: any TrainingData, batchSize: Int? = nil, images: Int? = nil, seed: UInt64 = 0
  ) throws(ResNetError) -> Int {
    try validate(data, normalization: normalization, role: "training")
    let readable = try data.readable()
    let sample = min(images ?? readable.count, readable.count)
    let batchSize = batchSize ?? Self.batchSize(forStatisticsOf: sample)
    guard batchSize >= 1, sample >= batchSize else {
      throw ResNetError(
        .invalidArgument,
        "\(sample) of the data's \(readable.count) images in batches of \(batchSize) are no batch; lower "
          + "the batch size or take more images")
    }
    let parameters = try parameters
    guard layout.tensors.contains(where: { !$0.kind.isTrainable }) else { return 0 }
    let used = sample / batchSize * batchSize
    let engine = try TrainingEngine(self, batch: batchSize, extent: data.extent)
    let loader = try BatchLoader(
      .init(data: data, normalization: normalization), batchSize: batchSize,
      requests: SequentialBatches(
        shuffledIndices(count: readable.count, seed: seed, epoch: 0)
          .prefix(used).map { readable[$0] }, batchSize: batchSize))
    /// Of each channel, and where they go.
    var pooled: [(running: (mean: Int, variance: Int), moments: Moments)] = []
    var steps = Steps(.statistics, of: used)
    while let batch = try loader.next() {
      try engine.forward(batch.view, normalization: .identity)
      var index = 0
      engine.forEachStatistic { running, batch in
        if index == pooled.count { pooled.append((running, Moments())) }
        pooled[index].moments.add(
          Moments(mean: batch.mean, variance: batch.variance, values: batch.values))
        index += 1
      }
      try steps.advance(by: batch.count)
    }
    for (running, moments) in pooled {
      parameters.values[running.mean] = Float(moments.mean)
      // Every layer has two values or more.
      parameters.values[running.variance] = Float(moments.unbiasedVariance)
    }
    parameters.noteChange()
    return used
  }

  /// Of so many images: the fewer are left out the better, as they would not count.
  private static func batchSize(forStatisticsOf images: Int) -> Int {
    images <= 128 ? images : (64...128).min { (images % $0, -$0) < (images % $1, -$1) } ?? 128
  }
}
