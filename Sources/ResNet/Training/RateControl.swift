/// A lower learning rate until the network has begun to learn: the paper's ResNet-110 takes 0.01
/// until its training error is below 80% (section 4.2).
public struct WarmUp: Hashable, Sendable {
  /// The error is that of the last so many steps; the warm-up is no shorter.
  public static let steps = 100

  /// The rate meanwhile, instead of the initial one; finite and not negative.
  public var rate: Float
  /// The training error (1 - accuracy, of images as they are trained on) below which it ends.
  public var untilError: Double

  public init(rate: Float = 0.01, untilError: Double = 0.8) {
    self.rate = rate
    self.untilError = untilError
  }
}

/// The learning rate drops when the validation error has stopped falling (section 3.4: "divided by
/// 10 when the error plateaus"), by the schedule's factor.
public struct Plateau: Hashable, Sendable {
  /// Epochs in a row without an improvement after which the rate drops; at least 1.
  public var patience: Int
  /// By how much the validation error (1 - accuracy) must be below the lowest so far to count as an
  /// improvement; 0 or more.
  public var threshold: Double

  public init(patience: Int = 5, threshold: Double = 0.001) {
    self.patience = patience
    self.threshold = threshold
  }
}

/// What the learning rate of each step of a training is: the schedule's, lowered by what training
/// and validation showed.
struct RateControl {
  private let options: FitOptions
  /// Nil once it is over.
  var warmUp: WarmUp?
  /// Images trained on and recognised in the last steps, as long as the warm-up lasts.
  var recent: [(images: Int, correct: Int)] = []
  var lowestError = Double.infinity
  var epochsWithout = 0
  var drops = 0

  init(_ options: FitOptions) {
    self.options = options
    warmUp = options.warmUp
  }

  /// Of the step that follows `steps` steps, where `base` is the initial rate.
  func rate(base: Float, after steps: Int) -> Float {
    let base = warmUp?.rate ?? base
    let factor = options.scaling?.factor(batchSize: options.batchSize, after: steps) ?? 1
    var rate = options.schedule.rate(base: Float(Double(base) * factor), after: steps)
    for _ in 0..<drops { rate *= options.schedule.gamma }
    return rate
  }

  mutating func noteStep(images: Int, correct: Int) {
    guard let warmUp else { return }
    if recent.count == WarmUp.steps { recent.removeFirst() }
    recent.append((images, correct))
    guard recent.count == WarmUp.steps else { return }
    let total = recent.reduce(0) { $0 + $1.images }
    let right = recent.reduce(0) { $0 + $1.correct }
    if 1 - Double(right) / Double(total) < warmUp.untilError {
      self.warmUp = nil
      recent = []
    }
  }

  mutating func noteEpoch(validationError error: Double) {
    guard let plateau = options.plateau else { return }
    if error < lowestError - plateau.threshold {
      epochsWithout = 0
    } else {
      epochsWithout += 1
    }
    lowestError = min(lowestError, error)
    if epochsWithout == plateau.patience {
      drops += 1
      epochsWithout = 0
    }
  }
}
