import Testing

@testable import ResNet

/// Networks of which layers are frozen.
@Suite struct GradientFrozenTests {
  /// By the names that ``Trainer/freeze(_:)`` takes.
  static let freezings: [[String]] = [
    ["conv1", "bn1"], ["conv1", "bn1", "layer1"], ["conv1", "bn1", "layer1", "layer2"],
    ["layer1"], ["layer2.0.bn1"], ["layer1.0.conv2", "layer2.0.bn2"], ["fc"], ["bn1", "layer2"],
    ["layer1", "layer2", "fc"],
  ]

  static func test(_ shortcut: Network.Shortcut, block: Network.Block) -> ReferenceCase {
    ReferenceCase(
      title: "frozen",
      network: Network(
        name: "frozen", stem: .imageNet, stemWidth: 5, block: block,
        stages: [.init(blocks: 2, width: 5, stride: 1), .init(blocks: 1, width: 9, stride: 2)],
        shortcut: shortcut, classes: 4), count: 4, extent: Extent(height: 17, width: 14))
  }

  static func layers(_ names: [String], of model: Model) -> Set<Int> {
    Set(
      model.layout.tensors.map(\.layer).filter { index in
        let layer = model.graph.layers[index].name
        return names.contains { layer == $0 || layer.hasPrefix($0 + ".") }
      })
  }

  @Test(
    "Gradients of what is trained agree with finite differences",
    arguments: freezings, [Network.Shortcut.a, .b, .none])
  func agreesWithFiniteDifferences(_ names: [String], _ shortcut: Network.Shortcut) throws {
    for block in [Network.Block.basic, .bottleneck] {
      let test = Self.test(shortcut, block: block)
      let model = try test.model()
      let frozen = Self.layers(names, of: model)
      let images = try test.images()
      let labels = test.labels()
      let engine = try TrainingEngine(
        model, batch: test.count, extent: test.extent, frozen: frozen)
      let result = try images.withView { view throws(ResNetError) in
        try engine.forwardBackward(view, normalization: model.normalization, labels: labels)
      }
      var reference = try ReferenceNetwork(model)
      reference.frozen = Set(frozen.map { model.graph.layers[$0].name })
      let classes = labels.map(Int.init)
      let inputs = ReferenceNetwork.Maps(images, model.normalization)
      let base = reference.run(inputs, count: test.count, statistics: .batch)
      let loss = ReferenceNetwork.loss(base.scores, labels: classes)
      #expect(abs(result.loss - loss) <= 1e-5 * loss)

      var random = ReferenceRandom(7)
      for tensor in model.layout.tensors
      where tensor.kind.isTrainable && !frozen.contains(tensor.layer) {
        let values = try #require(reference.tensors[tensor.name])
        let gradient = UnsafeBufferPointer(
          start: engine.gradients + tensor.offset, count: tensor.count
        ).map(Double.init)
        // A random direction, in which every element has a part.
        let signs = (0..<tensor.count).map { _ in random.below(2) == 0 ? -1.0 : 1.0 }
        let step = GradientTests.step / Double(tensor.count).squareRoot()
        let losses = [step, -step].map { step in
          reference.tensors[tensor.name] = zip(values, signs).map { $0 + step * $1 }
          return ReferenceNetwork.loss(
            reference.rerun(base, from: tensor.layer).scores, labels: classes)
        }
        reference.tensors[tensor.name] = values
        let difference = (losses[0] - losses[1]) / (2 * step)
        let combined = zip(gradient, signs).reduce(0) { $0 + $1.0 * $1.1 }
        let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(
          abs(combined - difference) <= GradientTests.tolerance * norm, "\(tensor.name), \(block)")
      }
    }
  }

  @Test func frozenTensorsAndStatisticsStayAndOthersMove() throws {
    for names in Self.freezings {
      let model = try Self.test(.b, block: .basic).model()
      let frozen = Self.layers(names, of: model)
      let trainer = try Trainer(model, options: SGDOptions(weightDecay: 0.1))
      try trainer.freeze(names)
      let before = try model.layout.tensors.map { try model.tensor(named: $0.name) }
      let test = Self.test(.b, block: .basic)
      for _ in 0..<2 { try trainer.step(try test.images(), labels: test.labels().map { Int($0) }) }
      for (tensor, values) in zip(model.layout.tensors, before) {
        let isSame = try model.tensor(named: tensor.name) == values
        #expect(isSame == frozen.contains(tensor.layer), "\(tensor.name), \(names)")
      }
    }
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    var results: [[UInt32]] = []
    defer { try? Engine.setThreads(0) }
    for threads in [1, 2, 3] {
      try Engine.setThreads(threads)
      let test = Self.test(.b, block: .bottleneck)
      let trainer = try Trainer(try test.model())
      try trainer.freeze(["bn1", "layer1.0"])
      for _ in 0..<3 { try trainer.step(try test.images(), labels: test.labels().map { Int($0) }) }
      results.append(try TrainingSupport.bits(trainer.model))
    }
    #expect(results[1] == results[0] && results[2] == results[0])
  }

  @Test func freezingFromTheInputOnTakesLessMemory() throws {
    let model = try Model(try Network.preset("resnet20"))
    let extent = Extent(height: 32, width: 32)
    let whole = try TrainingEngine(model, batch: 16, extent: extent)
    let part = try TrainingEngine(
      model, batch: 16, extent: extent,
      frozen: Self.layers(["conv1", "bn1", "layer1", "layer2"], of: model))
    #expect(part.planBytes < whole.planBytes / 2)
  }

  @Test func freezingIsUndoneAndChecked() throws {
    let trainer = try TrainingFitTests.trainer()
    let (images, labels) = try TrainingSupport.images(count: 8)
    try trainer.freeze(["conv1"])
    try trainer.freeze([])
    let before = try trainer.model.tensor(named: "conv1.weight")
    try trainer.step(images, labels: labels)
    let after = try trainer.model.tensor(named: "conv1.weight")
    #expect(after != before)
    for name in ["conv", "layer3", "", "relu", "fc.weight"] {
      let error = thrownError { try trainer.freeze([name]) }
      #expect(error?.kind == .notFound, "\(name)")
    }
    let all = thrownError { try trainer.freeze(["conv1", "bn1", "layer1", "layer2", "fc"]) }
    #expect(all?.kind == .invalidArgument)
  }
}
