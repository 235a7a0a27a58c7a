/// The learning rate grows with the batch (Goyal et al. 2017, "Accurate, Large Minibatch SGD: Training
/// ImageNet in 1 Hour", sections 2.1 and 2.2): a batch k times as large takes a rate k times as high, which
/// is reached by a gradual warm-up.
public struct LinearScaling: Hashable, Sendable {
  /// Images of the batch that the learning rate is meant for, at least 1: 256 there and in the paper.
  public var batchSize: Int
  /// Steps over which the factor rises evenly from 1 to k, 0 or more: those of 5 epochs there.
  public var warmUpSteps: Int

  public init(batchSize: Int = 256, warmUpSteps: Int = 0) {
    self.batchSize = batchSize
    self.warmUpSteps = warmUpSteps
  }

  /// What the rate of the step that follows `steps` steps, of batches of so many images, is multiplied by.
  func factor(batchSize actual: Int, after steps: Int) -> Double {
    let k = Double(actual) / Double(batchSize)
    guard steps < warmUpSteps else { return k }
    return 1 + (k - 1) * Double(steps) / Double(warmUpSteps)
  }

  /// Throws `invalidArgument` if a number is out of range.
  func validate() throws(ResNetError) {
    guard batchSize >= 1, warmUpSteps >= 0 else {
      throw ResNetError(
        .invalidArgument,
        "the learning rate is scaled from a batch of 1 image or more over 0 steps or more, got "
          + "\(batchSize) and \(warmUpSteps)")
    }
  }
}
