/// Stochastic gradient descent with momentum and weight decay, in the paper's form:
/// `v = momentum * v + rate * (gradient + weightDecay * w)`, `w = w - v`.
///
/// The defaults are the paper's (sections 3.4 and 4.2).
public struct SGDOptions: Hashable, Sendable {
  /// Finite and not negative.
  public var learningRate: Float
  /// In [0, 1).
  public var momentum: Float
  /// Finite and not negative.
  public var weightDecay: Float
  /// Whether weight decay leaves BN's weights and all biases alone. The paper decays them all.
  public var spareBatchNormAndBiases: Bool

  public init(
    learningRate: Float = 0.1, momentum: Float = 0.9, weightDecay: Float = 1e-4,
    spareBatchNormAndBiases: Bool = false
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.spareBatchNormAndBiases = spareBatchNormAndBiases
  }

  /// Throws `invalidArgument` if a value is out of its range.
  public func validate() throws(ResNetError) {
    guard learningRate.isFinite, learningRate >= 0 else {
      throw ResNetError(
        .invalidArgument,
        "the learning rate must be finite and not negative, got \(learningRate)")
    }
    guard momentum >= 0, momentum < 1 else {
      throw ResNetError(
        .invalidArgument, "the momentum must be at least 0 and below 1, got \(momentum)")
    }
    guard weightDecay.isFinite, weightDecay >= 0 else {
      throw ResNetError(
        .invalidArgument, "the weight decay must be finite and not negative, got \(weightDecay)")
    }
  }
}
