import Glibc

/// Softmax and its cross-entropy on plain scores, one row of `classes` values per image.
///
/// Rows are short beside the network that made them, so everything is computed in double
/// precision and in order: the results do not depend on threads or instruction set.
package enum Softmax {
  /// Writes the softmax of each row of `scores` to `probabilities`, which may be `scores` itself.
  ///
  /// Subtracting the row's maximum keeps the exponentials from overflowing. A row with a score
  /// that is NaN or +infinity gives NaN.
  package static func probabilities(
    scores: UnsafePointer<Float>, count: Int, classes: Int,
    into probabilities: UnsafeMutablePointer<Float>
  ) {
    for image in 0..<count {
      let row = scores + image * classes
      let (maximum, sum) = normalizer(row, classes: classes)
      let result = probabilities + image * classes
      for index in 0..<classes {
        result[index] = Float(exp(Double(row[index]) - maximum) / sum)
      }
    }
  }

  /// The mean cross-entropy, in nats, of the softmax of `scores` with the true classes, and how
  /// many rows have their highest score (the first of equals) at their label.
  ///
  /// `labels` must be in `0..<classes`. `gradient`, if not nil, receives the derivative of the
  /// mean loss by each score, (softmax - onehot) / total, where the rows are `count` of `total` whose mean
  /// that is (nil for no others). Scores that are not finite make the
  /// loss NaN or infinite.
  package static func crossEntropy(
    scores: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, classes: Int,
    of total: Int? = nil, gradient: UnsafeMutablePointer<Float>?
  ) -> (loss: Double, correct: Int) {
    let divisor = Double(total ?? count)
    var sum = 0.0
    var correct = 0
    for image in 0..<count {
      let row = scores + image * classes
      let label = Int(labels[image])
      let (maximum, exponentials) = normalizer(row, classes: classes)
      sum += log(exponentials) - (Double(row[label]) - maximum)
      if indexOfMaximum(row, classes: classes) == label { correct += 1 }
      guard let gradient else { continue }
      let result = gradient + image * classes
      for index in 0..<classes {
        let probability = exp(Double(row[index]) - maximum) / exponentials
        result[index] = Float((probability - (index == label ? 1 : 0)) / divisor)
      }
    }
    return (sum / Double(count), correct)
  }

  /// Adds the softmax of one row of scores to `sums`.
  package static func add<Score: BinaryFloatingPoint>(
    _ row: UnsafePointer<Score>, classes: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    let (maximum, sum) = normalizer(row, classes: classes)
    for index in 0..<classes { sums[index] += exp(Double(row[index]) - maximum) / sum }
  }

  /// The cross-entropy of the softmax of one row of scores with the true class, as in
  /// ``crossEntropy(scores:labels:count:classes:gradient:)``.
  package static func loss<Score: BinaryFloatingPoint>(
    of label: Int, _ row: UnsafePointer<Score>, classes: Int
  ) -> Double {
    let (maximum, sum) = normalizer(row, classes: classes)
    return log(sum) - (Double(row[label]) - maximum)
  }

  /// The index of the highest of `classes` scores, the first of equals; any index if one is NaN.
  package static func indexOfMaximum<Score: BinaryFloatingPoint>(
    _ row: UnsafePointer<Score>, classes: Int
  ) -> Int {
    var best = 0
    for index in 1..<max(classes, 1) where row[index] > row[best] { best = index }
    return best
  }

  /// How many scores come before that of `label`: higher ones, and equal ones of lower index. A
  /// score that is NaN comes last.
  package static func rank<Score: BinaryFloatingPoint>(
    of label: Int, _ row: UnsafePointer<Score>, classes: Int
  ) -> Int {
    let own = row[label]
    var rank = 0
    for index in 0..<classes {
      let other = row[index]
      if other > own || (other == own && index < label) || (own.isNaN && !other.isNaN) { rank += 1 }
    }
    return rank
  }

  /// The highest score, and the sum of the exponentials of all scores relative to it: NaN if one
  /// of them is NaN or +infinity.
  private static func normalizer<Score: BinaryFloatingPoint>(
    _ row: UnsafePointer<Score>, classes: Int
  ) -> (maximum: Double, sum: Double) {
    let maximum = Double(row[indexOfMaximum(row, classes: classes)])
    var sum = 0.0
    for index in 0..<classes { sum += exp(Double(row[index]) - maximum) }
    return (maximum, sum)
  }
}
