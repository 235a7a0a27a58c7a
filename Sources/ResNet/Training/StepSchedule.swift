/// When the learning rate drops: it is multiplied by `gamma` at each milestone.
///
/// The paper's CIFAR-10 schedule (section 4.2) is `StepSchedule(milestones: [32_000, 48_000])`.
public struct StepSchedule: Hashable, Sendable {
  /// Steps that are taken before each drop, increasing, each at least 1: with milestone 32,000
  /// the 32,001st step is the first at the lower rate.
  public var milestones: [Int]
  /// The factor, finite and above 0.
  public var gamma: Float

  public init(milestones: [Int] = [], gamma: Float = 0.1) {
    self.milestones = milestones
    self.gamma = gamma
  }

  /// The rate of the step that follows `steps` steps, from the initial rate `base`.
  public func rate(base: Float, after steps: Int) -> Float {
    var rate = Double(base)
    for milestone in milestones where milestone <= steps { rate *= Double(gamma) }
    return Float(rate)
  }

  /// Throws `invalidArgument` if a milestone or the factor is out of range.
  public func validate() throws(ResNetError) {
    var previous = 0
    for milestone in milestones {
      guard milestone > previous else {
        throw ResNetError(
          .invalidArgument,
          "the milestones of the learning rate must be increasing and at least 1, got "
            + "\(milestone) after \(previous)")
      }
      previous = milestone
    }
    guard gamma.isFinite, gamma > 0 else {
      throw ResNetError(
        .invalidArgument,
        "gamma, the factor of the learning rate at each milestone, must be finite and above 0, "
          + "got \(gamma)")
    }
  }
}
