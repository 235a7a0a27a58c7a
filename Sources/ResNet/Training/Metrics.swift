/// How well a model does on a dataset.
public struct Metrics: Hashable, Sendable {
  /// Mean cross-entropy, in nats. Not finite if a score is not.
  public var loss: Double
  /// Top-1 accuracy: the share, 0 to 1, of images whose highest score is their label's.
  public var accuracy: Double
  /// The share of images whose label is among the five highest scores (Table 3 counts the others).
  public var top5Accuracy: Double
  /// How many images were evaluated.
  public var count: Int

  public init(loss: Double, accuracy: Double, top5Accuracy: Double, count: Int) {
    self.loss = loss
    self.accuracy = accuracy
    self.top5Accuracy = top5Accuracy
    self.count = count
  }
}

/// What one epoch of ``Trainer/fit(_:validation:options:progress:)`` came to.
public struct EpochMetrics: Hashable, Sendable {
  /// From 1.
  public var epoch: Int
  /// Mean cross-entropy of the training batches, each before its step, in nats.
  public var loss: Double
  /// Top-1 accuracy on the training batches, as they were trained on.
  public var accuracy: Double
  /// Of the epoch's last step.
  public var learningRate: Float
  /// Training images per second; evaluation is not counted.
  public var imagesPerSecond: Double
  /// On the validation data after the epoch, if there is any.
  public var validation: Metrics?
}

/// What ``Trainer/fit(_:validation:options:progress:)`` reports while it runs: after every step,
/// and once more at the end of each epoch.
public struct Progress: Hashable, Sendable {
  /// From 1, of `epochs`.
  public var epoch: Int
  public var epochs: Int
  /// Within the epoch, from 1, of `steps`.
  public var step: Int
  public var steps: Int
  /// Steps that the trainer has taken so far, earlier calls included.
  public var iteration: Int
  /// Mean cross-entropy over the epoch so far, in nats.
  public var loss: Double
  /// Top-1 accuracy on the training images, as they were trained on, over the epoch so far.
  public var accuracy: Double
  /// Over the epoch so far.
  public var imagesPerSecond: Double
  /// Of the last step.
  public var learningRate: Float
  /// Whether this report ends an epoch.
  public var epochEnded: Bool
  /// On the validation data, if there is any and the epoch has ended.
  public var validation: Metrics?
}
