import Glibc
import Testing

@testable import ResNet

/// Scores, probabilities and predictions against the reference, and what a model may be asked
/// between them.
@Suite struct InferenceTests {
  /// Of the largest score. Each of up to 50 layers rounds sums of some hundred products in float32
  /// (2^-24), and folding batch normalisation into the weights rounds once more: measured
  /// errors are up to 1e-6.
  static let tolerance = 1e-5

  @Test("Scores agree with the reference", arguments: InferenceCases.all)
  func scores(_ test: ReferenceCase) throws {
    let model = try test.model()
    let images = try test.images()
    let run = try ReferenceNetwork(model).run(
      ReferenceNetwork.Maps(images, model.normalization), count: test.count, statistics: .running)
    let logits = try model.logits(images)
    #expect(logits.count == test.count * test.network.classes)
    #expect(relativeError(logits.map(Double.init), run.scores) <= Self.tolerance)
    #expect(try model.logits(images) == logits, "a repeated call")
  }

  @Test("Images that are already normalised skip the normalisation")
  func preparedImages() throws {
    let test = InferenceCases.cifar[1]
    let model = try test.model()
    let images = try test.images()
    let normalized = ReferenceNetwork.Maps(images, model.normalization).values.map(Float.init)
    let prepared = try Images(
      .float(normalized), count: test.count, channels: images.channels,
      height: test.extent.height, width: test.extent.width)
    let expected = try model.logits(images).map(Double.init)
    let logits = try prepared.withView { view throws(ResNetError) in
      try written(expected.count) { buffer throws(ResNetError) in
        try model.logits(prepared: view, target: .current(), into: buffer)
      }
    }
    #expect(relativeError(logits.map(Double.init), expected) <= Self.tolerance)
  }

  @Test("Probabilities are the softmax of the scores, and the prediction is the largest score")
  func probabilitiesAndPredictions() throws {
    for test in [InferenceCases.cifar[1], InferenceCases.imageNet[8]] {
      let model = try test.model()
      let images = try test.images()
      let classes = test.network.classes
      let logits = try model.logits(images).map(Double.init)
      let probabilities = try model.probabilities(images).map(Double.init)
      #expect(probabilities.count == logits.count)
      for image in 0..<test.count {
        let row = probabilities[image * classes..<(image + 1) * classes]
        #expect(abs(row.reduce(0, +) - 1) < 1e-6)
        for (label, probability) in row.enumerated() {
          let scores = Array(logits[image * classes..<(image + 1) * classes])
          let expected = softmax(scores)[label]
          #expect(abs(probability - expected) < 1e-6)
        }
      }
      let expected = ReferenceNetwork.predictions(logits, count: test.count)
      #expect(try model.predict(images) == expected)
    }
  }

  @Test("Huge scores give probabilities, not NaN")
  func hugeScores() throws {
    let test = InferenceCases.cifar[1]
    let model = try test.model()
    try model.setTensor(
      named: "fc.bias", to: (0..<test.network.classes).map { $0 == 3 ? 3e38 : -3e38 })
    let probabilities = try model.probabilities(try test.images())
    for (index, probability) in probabilities.enumerated() {
      #expect(probability == (index % test.network.classes == 3 ? 1 : 0))
    }
  }

  @Test(
    "A changed tensor changes the next result",
    arguments: [
      "conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
      "layer2.0.conv2.weight", "layer3.2.bn2.running_var", "fc.weight", "fc.bias",
    ])
  func changedTensor(_ name: String) throws {
    let test = InferenceCases.cifar[1]
    let model = try test.model()
    let images = try test.images()
    let before = try model.logits(images)
    let old = try model.tensor(named: name)
    try model.setTensor(named: name, to: old.map { $0 * 1.5 + 0.01 })
    let changed = try model.logits(images)
    let expected = try ReferenceNetwork(model).run(
      ReferenceNetwork.Maps(images, model.normalization), count: test.count, statistics: .running)
    #expect(changed != before)
    #expect(relativeError(changed.map(Double.init), expected.scores) <= Self.tolerance)
    try model.setTensor(named: name, to: old)
    #expect(try model.logits(images) == before, "after changing it back")
  }

  @Test("A changed normalisation changes the next result")
  func changedNormalization() throws {
    let test = InferenceCases.cifar[1]
    let model = try test.model()
    let images = try test.images()
    let before = try model.logits(images)
    try model.setNormalization(Normalization(mean: [0.25, -0.5, 1], scale: [2, 1, 0.5]))
    let changed = try model.logits(images)
    let expected = try ReferenceNetwork(model).run(
      ReferenceNetwork.Maps(images, model.normalization), count: test.count, statistics: .running)
    #expect(changed != before)
    #expect(relativeError(changed.map(Double.init), expected.scores) <= Self.tolerance)
  }

  @Test("One model takes batches and extents in any order")
  func changingShapes() throws {
    var test = InferenceCases.cifar[0]
    test.means = .perChannel
    let model = try test.model()
    let reference = try ReferenceNetwork(model)
    for (count, height, width) in [(2, 9, 13), (5, 16, 8), (1, 32, 32), (2, 9, 13), (40, 4, 4)] {
      test.count = count
      test.extent = Extent(height: height, width: width)
      let images = try test.images()
      let run = reference.run(
        ReferenceNetwork.Maps(images, model.normalization), count: count, statistics: .running)
      let logits = try model.logits(images).map(Double.init)
      #expect(
        relativeError(logits, run.scores) <= Self.tolerance, "\(count) of \(height)x\(width)")
    }
  }

  @Test("Images do not influence each other: scores alone are the scores in a batch")
  func independentImages() throws {
    let test = InferenceCases.imageNet[8]
    let model = try test.model()
    let images = try test.images()
    let together = try model.logits(images).map(Double.init)
    let classes = test.network.classes
    for image in [0, 7, test.count - 1] {
      let alone = try images.withView { view throws(ResNetError) in
        try written(classes) { buffer throws(ResNetError) in
          try model.logits(view[image..<image + 1], into: buffer)
        }
      }
      let expected = together[image * classes..<(image + 1) * classes]
      #expect(relativeError(alone.map(Double.init), expected) <= Self.tolerance)
    }
  }

  private func softmax(_ scores: [Double]) -> [Double] {
    // By the loss alone: p = exp(-loss), so that there is one definition of the softmax.
    scores.indices.map { exp(-ReferenceNetwork.loss(scores, labels: [$0])) }
  }
}
