/// Mean and sum of squared deviations of some values, which can be merged with those of others (Chan,
/// Golub and LeVeque, 1979).
struct Moments {
  private(set) var mean = 0.0
  private(set) var squares = 0.0
  private(set) var values = 0.0

  /// Of no values.
  init() {}

  /// Of `values` values with that mean and biased variance.
  init(mean: Double, variance: Double, values: Int) {
    self.mean = mean
    self.values = Double(values)
    squares = variance * self.values
  }

  mutating func add(_ other: Moments) {
    let total = values + other.values
    guard total > 0 else { return }
    let distance = other.mean - mean
    squares += other.squares + distance * distance * values * other.values / total
    mean += distance * other.values / total
    values = total
  }

  var variance: Double { squares / values }
  var unbiasedVariance: Double { squares / (values - 1) }
}
