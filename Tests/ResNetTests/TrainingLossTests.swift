import Foundation
import Testing

@testable import ResNet

@Suite struct TrainingLossTests {
  struct Outcome {
    var loss: Double
    var correct: Int
    var gradient: [Float]
  }

  static func crossEntropy(_ scores: [Float], _ labels: [Int32]) -> Outcome {
    let classes = scores.count / labels.count
    var gradient = [Float](repeating: 99, count: scores.count)
    let (loss, correct) = Softmax.crossEntropy(
      scores: scores, labels: labels, count: labels.count, classes: classes, gradient: &gradient)
    return Outcome(loss: loss, correct: correct, gradient: gradient)
  }

  /// By the definition, without care for overflow.
  static func definition(_ scores: [Double], _ labels: [Int32]) -> Double {
    let classes = scores.count / labels.count
    var total = 0.0
    for (image, label) in labels.enumerated() {
      let row = scores[image * classes..<(image + 1) * classes].map(exp)
      total -= log(row[Int(label)] / row.reduce(0, +))
    }
    return total / Double(labels.count)
  }

  static func example(count: Int, classes: Int) -> (scores: [Float], labels: [Int32]) {
    var random = Philox(seed: 8, stream: .weights)
    let scores = (0..<count * classes).map { _ in Float(random.normals().0 * 3) }
    return (scores, (0..<count).map { _ in Int32(random.integer(below: classes)) })
  }

  @Test(arguments: [(1, 1), (1, 2), (5, 3), (32, 10), (3, 1000)])
  func lossFollowsItsDefinition(_ count: Int, _ classes: Int) {
    let (scores, labels) = Self.example(count: count, classes: classes)
    let expected = Self.definition(scores.map(Double.init), labels)
    #expect(abs(Self.crossEntropy(scores, labels).loss - expected) <= 1e-12 * max(1, expected))
  }

  @Test func gradientIsTheDerivativeOfTheLoss() {
    let (scores, labels) = Self.example(count: 4, classes: 5)
    let gradient = Self.crossEntropy(scores, labels).gradient
    let step = 1e-5
    for index in scores.indices {
      var above = scores.map(Double.init)
      var below = above
      above[index] += step
      below[index] -= step
      let slope =
        (Self.definition(above, labels) - Self.definition(below, labels)) / (2 * step)
      #expect(abs(Double(gradient[index]) - slope) < 1e-8)
    }
  }

  @Test func lossWithoutGradientIsTheSame() {
    let (scores, labels) = Self.example(count: 4, classes: 5)
    let (loss, correct) = Softmax.crossEntropy(
      scores: scores, labels: labels, count: 4, classes: 5, gradient: nil)
    let outcome = Self.crossEntropy(scores, labels)
    #expect(loss == outcome.loss && correct == outcome.correct)
  }

  @Test func uniformScoresCostTheLogarithmOfTheClasses() {
    let outcome = Self.crossEntropy([Float](repeating: 7, count: 20), [0, 9])
    #expect(abs(outcome.loss - log(10)) < 1e-15)
  }

  @Test func largeScoresDoNotOverflow() {
    let outcome = Self.crossEntropy([3e38, -3e38, 1000, 999], [0, 1])
    #expect(abs(outcome.loss - (0 + log(1 + exp(1))) / 2) < 1e-12)
    #expect(outcome.gradient.allSatisfy { $0.isFinite })
    #expect(outcome.gradient[0] == 0 && outcome.gradient[1] == 0)
  }

  @Test func firstOfEqualScoresIsThePrediction() {
    #expect(Self.crossEntropy([1, 2, 2, 0], [1]).correct == 1)
    #expect(Self.crossEntropy([1, 2, 2, 0], [2]).correct == 0)
    #expect(Self.crossEntropy([0, 0, 1, 0, 0, 1], [0, 2]).correct == 1)
    #expect(Softmax.indexOfMaximum([-2, -1, -1], classes: 3) == 1)
  }

  @Test(arguments: [Float.nan, .infinity])
  func scoresThatAreNotFiniteShowInTheLoss(_ value: Float) {
    for position in 0..<3 {
      var scores: [Float] = [0, 1, 2]
      scores[position] = value
      for label in 0..<3 {
        #expect(!Self.crossEntropy(scores, [Int32(label)]).loss.isFinite)
      }
    }
    #expect(!Self.crossEntropy([-.infinity, -.infinity], [0]).loss.isFinite)
    #expect(Self.crossEntropy([-.infinity, 0], [0]).loss == .infinity)
    #expect(Self.crossEntropy([-.infinity, 0], [1]).loss == 0)
  }

  @Test func probabilitiesFollowTheirDefinitionInPlace() {
    let (scores, _) = Self.example(count: 3, classes: 7)
    var separate = [Float](repeating: 0, count: scores.count)
    Softmax.probabilities(scores: scores, count: 3, classes: 7, into: &separate)
    for image in 0..<3 {
      let row = scores[image * 7..<(image + 1) * 7].map { exp(Double($0)) }
      for index in 0..<7 {
        let expected = row[index] / row.reduce(0, +)
        #expect(abs(Double(separate[image * 7 + index]) - expected) < 1e-7)
      }
      let sum = separate[image * 7..<(image + 1) * 7].reduce(0) { $0 + Double($1) }
      #expect(abs(sum - 1) < 1e-6)
    }
    var inPlace = scores
    inPlace.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress {
        Softmax.probabilities(scores: start, count: 3, classes: 7, into: start)
      }
    }
    #expect(inPlace == separate)
  }
}
