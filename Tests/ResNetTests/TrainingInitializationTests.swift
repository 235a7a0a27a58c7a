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
