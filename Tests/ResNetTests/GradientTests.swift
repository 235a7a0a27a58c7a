import Testing

@testable import ResNet

/// Every gradient that training computes, against central differences of the reference's loss.
@Suite struct GradientTests {
  /// The engine computes in float32 (2^-24 relative per operation) and sums up to some thousand
  /// terms, with cancellation where batch normalisation's backward pass subtracts means: measured
  /// errors are up to 4e-6 of a tensor's largest gradient. A wrong formula, a missed tap, edge
  /// pixel or channel is off by 1e-3 or more.
  static let tolerance = 5e-5

  /// Differences of a double-precision loss: 1e-6 leaves an error near 1e-16/1e-6 = 1e-10 by
  /// rounding and 1e-12 by curvature, and makes it improbable that a ReLU or a max-pool changes
  /// sides within the step.
  static let step = 1e-6

  @Test("Loss and gradients agree with finite differences", arguments: GradientCases.all)
  func agreesWithFiniteDifferences(_ test: ReferenceCase) throws {
    let model = try test.model()
    let images = try test.images()
    let labels = test.labels()
    let engine = try TrainingEngine(model, batch: test.count, extent: test.extent)
    let result = try images.withView { view throws(ResNetError) in
      try engine.forwardBackward(view, normalization: model.normalization, labels: labels)
    }

    var reference = try ReferenceNetwork(model)
    let inputs = ReferenceNetwork.Maps(images, model.normalization)
    let base = reference.run(inputs, count: test.count, statistics: .batch)
    let classes = labels.map(Int.init)
    let loss = ReferenceNetwork.loss(base.scores, labels: classes)
    #expect(abs(result.loss - loss) <= 1e-5 * loss)
    let predictions = ReferenceNetwork.predictions(base.scores, count: test.count)
    #expect(result.correct == zip(predictions, classes).count(where: ==))

    var random = ReferenceRandom(test.seed ^ 0x77)
    for tensor in model.layout.tensors where tensor.kind.isTrainable {
      let values = try #require(reference.tensors[tensor.name])
      let gradient = UnsafeBufferPointer(
        start: engine.gradients + tensor.offset, count: tensor.count
      ).map(Double.init)

      /// The loss's slope along a direction, given as (element, component).
      func slope(_ direction: [(Int, Double)], _ step: Double) -> Double {
        func loss(_ step: Double) -> Double {
          var moved = values
          for (element, component) in direction { moved[element] += step * component }
          reference.tensors[tensor.name] = moved
          let run = reference.rerun(base, from: tensor.layer)
          return ReferenceNetwork.loss(run.scores, labels: classes)
        }
        defer { reference.tensors[tensor.name] = values }
        return (loss(step) - loss(-step)) / (2 * step)
      }

      // Before batch normalisation a bias changes nothing.
      if model.graph.isFollowedByBatchNorm(tensor.layer), tensor.kind == .bias {
        #expect(gradient.allSatisfy { $0 == 0 }, "\(tensor.name)")
        let signs = (0..<tensor.count).map { ($0, random.below(2) == 0 ? -1.0 : 1.0) }
        let difference = slope(signs, Self.step)
        #expect(abs(difference) < 1e-7, "\(tensor.name)")
        continue
      }

      let elements =
        tensor.count <= 24
        ? Array(0..<tensor.count) : (0..<12).map { _ in random.below(tensor.count) }
      let differences = elements.map { slope([($0, 1)], Self.step) }
      let error = relativeError(elements.map { gradient[$0] }, differences)
      #expect(error <= Self.tolerance, "\(tensor.name): elements \(elements) of \(tensor.shape)")

      // One random combination of all elements: an element that the sample missed shows here.
      let signs = (0..<tensor.count).map { ($0, random.below(2) == 0 ? -1.0 : 1.0) }
      let combined = signs.reduce(0) { $0 + $1.1 * gradient[$1.0] }
      let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let difference = slope(signs, Self.step / Double(tensor.count).squareRoot())
      #expect(
        abs(combined - difference) <= Self.tolerance * norm,
        "\(tensor.name): all elements at once, norm \(norm)")
    }
  }
}

extension Graph {
  fileprivate func isFollowedByBatchNorm(_ index: Int) -> Bool {
    layers.contains { $0.operation == .batchNorm && $0.inputs == [index] }
  }
}
