import Glibc
import Testing

@testable import ResNet

@Suite struct TrainingInitializationTests {
  @Test func weightsAreNormalWithVarianceTwoOverFanIn() throws {
    let model = try Model(.preset("resnet20"), seed: 3)
    var checked = 0
    for tensor in model.layout.tensors
    where tensor.kind == .convolutionWeight || tensor.kind == .linearWeight {
      let values = try model.tensor(named: tensor.name).map(Double.init)
      let count = Double(values.count)
      let variance = 2 / Double(tensor.shape.dropFirst().reduce(1, *))
      let mean = values.reduce(0, +) / count
      let square = values.reduce(0) { $0 + $1 * $1 } / count
      // Five standard errors of the mean and of the variance of normal numbers.
      #expect(abs(mean) < 5 * (variance / count).squareRoot(), "\(tensor.name)")
      #expect(abs(square / variance - 1) < 5 * (2 / count).squareRoot(), "\(tensor.name)")
      #expect(Set(values).count > values.count * 99 / 100, "\(tensor.name)")
      checked += 1
    }
    #expect(checked == 20)
  }

  /// By the trapezoidal rule, which is exact to rounding here, and by simulation.
  @Test(arguments: 2...8) func theLargestOfSeveralNormalNumbers(_ pieces: Int) {
    let step = 1e-2
    var integral = 0.0
    for point in -1200...1200 {
      let x = Double(point) * step
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      integral +=
        x * x * Double(pieces) * density
        * pow(0.5 * erfc(-x / 2.0.squareRoot()), Double(pieces - 1))
        * step
    }
    let expected = Model.largestSquares[pieces - 2]
    #expect(abs(integral - expected) < 1e-12)
    var random = Philox(seed: 1, stream: .weights, index: pieces)
    let draws = 20_000
    var sum = 0.0
    for _ in 0..<draws {
      let largest = (0..<pieces).map { _ in random.normals().0 }.max() ?? 0
      sum += largest * largest
    }
    #expect(abs(sum / Double(draws) - expected) < 0.05)
  }

  @Test func scoresOfMaxoutNetworksStartAtASaneSize() throws {
    for pieces in [2, 5] {
      var network = try Network.preset("fitnet19")
      network.activation = .maxout(pieces: pieces)
      if pieces == 5 {
        network.stages = network.stages.map { stage in
          var stage = stage
          stage.width /= 4
          return stage
        }
      }
      let model = try Model(network, seed: 3)
      var random = Philox(seed: 2, stream: .augmentation, index: 0)
      let pixels = (0..<4 * 3072).map { _ in Float(random.normals().0) }
      let images = try Images(.float(pixels), count: 4, channels: 3, height: 32, width: 32)
      let scores = try model.logits(images).map(Double.init)
      let size = (scores.reduce(0) { $0 + $1 * $1 } / Double(scores.count)).squareRoot()
      #expect(size > 0.1 && size < 20, "\(pieces): \(size)")
    }
  }

  @Test func aFreshFitNetLearns() throws {
    // With the variance for ReLU its scores would begin at thousands, and the loss would diverge.
    let trainer = try Trainer(
      Model(.preset("fitnet19", classes: 4), seed: 3), options: SGDOptions(learningRate: 0.001))
    var (pixels, labels): ([Float], [Int]) = ([], [])
    for image in 0..<16 {
      var random = Philox(seed: 2, stream: .augmentation, index: image)
      labels.append(image % 4)
      for _ in 0..<3 {
        for pixel in 0..<1024 {
          let quadrant = pixel / 512 * 2 + pixel % 32 / 16
          pixels.append(Float(random.normals().0) + (quadrant == image % 4 ? 1 : -1))
        }
      }
    }
    let images = try Images(.float(pixels), count: 16, channels: 3, height: 32, width: 32)
    let losses = try (0..<18).map { _ in try trainer.step(images, labels: labels) }
    #expect(losses[0] < 20)
    #expect(losses.suffix(3).allSatisfy { $0 < 0.3 }, "\(losses)")
  }

  @Test func normalizationStartsAsIdentityAndBiasesAtZero() throws {
    let model = try Model(.preset("resnet20"), seed: 3)
    for tensor in model.layout.tensors {
      let expected: Float
      switch tensor.kind {
      case .batchNormWeight, .runningVariance: expected = 1
      case .batchNormBias, .runningMean, .bias: expected = 0
      case .convolutionWeight, .linearWeight: continue
      }
      let values = try model.tensor(named: tensor.name)
      #expect(values.allSatisfy { $0 == expected }, "\(tensor.name)")
    }
  }

  @Test func sameSeedGivesTheSameBitsAndOthersDoNot() throws {
    let network = TrainingSupport.network()
    let bits = try TrainingSupport.bits(Model(network, seed: 3))
    #expect(try bits == TrainingSupport.bits(Model(network, seed: 3)))
    #expect(try bits != TrainingSupport.bits(Model(network, seed: 4)))
  }

  @Test func tensorsDoNotDependOnOthers() throws {
    // The stem differs in its inputs; what follows is the same.
    let colour = try Model(TrainingSupport.network(channels: 3), seed: 3)
    let grey = try Model(TrainingSupport.network(channels: 1), seed: 3)
    for tensor in colour.layout.tensors.dropFirst() {
      #expect(
        try colour.tensor(named: tensor.name) == grey.tensor(named: tensor.name),
        "\(tensor.name)")
    }
    let first = try colour.tensor(named: "layer1.0.conv1.weight")
    #expect(try first != colour.tensor(named: "layer1.0.conv2.weight"))
  }

  @Test func initializingAgainInvalidatesPreparedCopies() throws {
    let model = try Model(TrainingSupport.network(), seed: 3)
    let version = model.weights.version
    try model.initializeWeights(seed: 4)
    #expect(model.weights.version != version)
  }
}
