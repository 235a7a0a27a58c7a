/// Sums over the steps of an epoch.
struct EpochTally: Equatable {
  /// From 1, of `epochs`.
  let epoch: Int
  let epochs: Int
  /// All that it has.
  let steps: Int
  var validation: Metrics?
  /// Those that are taken.
  private(set) var step = 0
  private(set) var loss = 0.0
  private(set) var correct = 0
  private(set) var images = 0
  private(set) var seconds = 0.0
  /// Of the last step.
  private(set) var rate: Float = 0

  init(epoch: Int, epochs: Int, steps: Int) {
    self.epoch = epoch
    self.epochs = epochs
    self.steps = steps
  }

  /// Sets the sums over the steps so far.
  mutating func restore(
    step: Int, loss: Double, correct: Int, images: Int, seconds: Double, rate: Float
  ) {
    (self.step, self.loss, self.correct) = (step, loss, correct)
    (self.images, self.seconds, self.rate) = (images, seconds, rate)
  }

  mutating func add(
    _ outcome: (loss: Double, correct: Int), images: Int, rate: Float, seconds: Double
  ) {
    step += 1
    loss += outcome.loss
    correct += outcome.correct
    self.images += images
    self.rate = rate
    self.seconds += seconds
  }

  var metrics: EpochMetrics {
    EpochMetrics(
      epoch: epoch, loss: loss / Double(step), accuracy: Double(correct) / Double(images),
      learningRate: rate, imagesPerSecond: Double(images) / max(seconds, 1e-9),
      validation: validation)
  }

  /// For the log.
  var line: String {
    func result(_ loss: Double, _ accuracy: Double) -> String {
      "loss \(Log.decimals(loss, 4)), accuracy \(Log.decimals(100 * accuracy, 2))%"
    }
    let metrics = metrics
    let held = validation.map { "; validation " + result($0.loss, $0.accuracy) } ?? ""
    return "epoch \(epoch) of \(epochs): \(result(metrics.loss, metrics.accuracy))\(held); "
      + "\(Log.decimals(metrics.imagesPerSecond, 1)) images/s"
  }

  func progress(iteration: Int, epochEnded: Bool = false) -> Progress {
    let metrics = metrics
    return Progress(
      epoch: epoch, epochs: epochs, step: step, steps: steps, iteration: iteration,
      loss: metrics.loss, accuracy: metrics.accuracy, imagesPerSecond: metrics.imagesPerSecond,
      learningRate: rate, epochEnded: epochEnded, validation: validation)
  }
}
