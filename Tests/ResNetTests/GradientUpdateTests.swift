import Testing

@testable import ResNet

/// What a training step does with the gradients: SGD with momentum and weight decay, and the
/// running statistics of batch normalisation.
@Suite struct GradientUpdateTests {
  static let cases = [
    GradientCases.basic[3], GradientCases.bottleneck[2], GradientCases.imageNet[1],
  ]

  @Test("SGD is v = momentum*v + rate*(g + decay*w), w -= v", arguments: cases, [false, true])
  func sgd(_ test: ReferenceCase, spareBNAndBiases: Bool) throws {
    let model = try test.model()
    let images = try test.images()
    let engine = try TrainingEngine(model, batch: test.count, extent: test.extent)
    var random = ReferenceRandom(7)
    var velocity = random.floats(model.layout.trainableFloats, -0.1...0.1)
    let oldVelocity = velocity
    let (rate, momentum, decay) = (0.25, 0.875, 0.0625)  // exact in float32

    _ = try images.withView { view throws(ResNetError) in
      try engine.forwardBackward(
        view, normalization: model.normalization, labels: test.labels())
    }
    let parameters = try model.parameters.values
    let old = Array(
      UnsafeBufferPointer(start: parameters, count: model.layout.totalFloats))
    let gradients = Array(
      UnsafeBufferPointer(start: engine.gradients, count: model.layout.trainableFloats))
    engine.update(
      velocity: &velocity, rate: Float(rate), momentum: Float(momentum), decay: Float(decay),
      spareBNAndBiases: spareBNAndBiases)

    for tensor in model.layout.tensors where tensor.kind.isTrainable {
      let isWeight = tensor.kind == .convolutionWeight || tensor.kind == .linearWeight
      let tensorDecay = spareBNAndBiases && !isWeight ? 0 : decay
      for index in tensor.offset..<tensor.offset + tensor.count {
        let gradient = Double(gradients[index]) + tensorDecay * Double(old[index])
        let v = momentum * Double(oldVelocity[index]) + rate * gradient
        let w = Double(old[index]) - v
        let newV = Double(velocity[index])
        let newW = Double(parameters[index])
        guard abs(newV - v) <= 1e-6, abs(newW - w) <= 1e-6 else {
          let element = "\(tensor.name), element \(index - tensor.offset)"
          Issue.record("\(element): v \(newV), expected \(v); w \(newW), expected \(w)")
          break
        }
      }
    }
  }

  @Test(
    "Running statistics move by a tenth towards the batch's mean and unbiased variance",
    arguments: GradientCases.all)
  func runningStatistics(_ test: ReferenceCase) throws {
    let model = try test.model()
    let images = try test.images()
    let reference = try ReferenceNetwork(model)
    let run = reference.run(
      ReferenceNetwork.Maps(images, model.normalization), count: test.count, statistics: .batch)

    let engine = try TrainingEngine(model, batch: test.count, extent: test.extent)
    _ = try images.withView { view throws(ResNetError) in
      try engine.forwardBackward(
        view, normalization: model.normalization, labels: test.labels())
    }
    for tensor in model.layout.tensors where !tensor.kind.isTrainable {
      let values = try model.tensor(named: tensor.name).map(Double.init)
      #expect(values == reference.tensors[tensor.name], "\(tensor.name) before the update")
    }

    // Rate 0: the weights must stay, so that only the statistics are seen to move.
    var velocity = [Float](repeating: 0, count: model.layout.trainableFloats)
    engine.update(velocity: &velocity, rate: 0, momentum: 0, decay: 0, spareBNAndBiases: false)
    for tensor in model.layout.tensors {
      let old = try #require(reference.tensors[tensor.name])
      let new = try model.tensor(named: tensor.name).map(Double.init)
      if tensor.kind.isTrainable {
        #expect(new == old, "\(tensor.name) at rate 0")
        continue
      }
      let batch = reference.batchStatistics(of: tensor.layer, in: run)
      let seen = tensor.kind == .runningMean ? batch.mean : batch.unbiasedVariance
      let expected = zip(old, seen).map { 0.9 * $0 + 0.1 * $1 }
      #expect(relativeError(new, expected) <= 1e-5, "\(tensor.name)")
    }
  }

  @Test("A step lowers the loss by rate times the gradient's square, to first order")
  func descends() throws {
    let test = GradientCases.basic[9]
    let model = try test.model()
    let images = try test.images()
    let engine = try TrainingEngine(model, batch: test.count, extent: test.extent)
    func loss() throws -> Double {
      try images.withView { view throws(ResNetError) in
        try engine.forwardBackward(
          view, normalization: model.normalization, labels: test.labels())
      }.loss
    }
    let before = try loss()
    var velocity = [Float](repeating: 0, count: model.layout.trainableFloats)
    let square = (0..<model.layout.trainableFloats).reduce(0.0) {
      $0 + Double(engine.gradients[$1]) * Double(engine.gradients[$1])
    }
    let rate = 1e-3 / square
    engine.update(
      velocity: &velocity, rate: Float(rate), momentum: 0.9, decay: 0, spareBNAndBiases: false)
    let drop = try before - loss()
    #expect(drop > 0.9e-3 && drop < 1.1e-3, "expected 1e-3, got \(drop)")
  }
}
