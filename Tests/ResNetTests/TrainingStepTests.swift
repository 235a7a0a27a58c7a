import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct TrainingStepTests {
  /// Their variance overflows, the loss does not; the running statistics must not keep it.
  @Test func hugePixelsLeaveTheModelAsItWas() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    let trainer = try Trainer(model)
    let before = try model.layout.tensors.map { try model.tensor(named: $0.name) }
    let pixels = (0..<4 * 3 * 8 * 8).map { Float($0 % 7) * 1e30 }
    let images = try Images(.float(pixels), count: 4, channels: 3, height: 8, width: 8)
    let error = thrownError { try trainer.step(images, labels: [0, 1, 2, 3]) }
    #expect(error?.kind == .notFinite)
    #expect(try model.layout.tensors.map { try model.tensor(named: $0.name) } == before)
  }

  @Test func aMeanOfNegativeExtentIsRefused() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    let mean = Normalization(
      mean: [Float](repeating: 0, count: 18), meanExtent: Extent(height: -2, width: -3))
    let error = thrownError { try model.setNormalization(mean) }
    #expect(error?.kind == .invalidArgument)
  }

  @Test func stepsOnOneBatchLearnIt() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    try model.setNormalization(
      Normalization(mean: [80, 80, 80], scale: [1.0 / 64, 1.0 / 64, 1.0 / 64]))
    let trainer = try Trainer(model, options: SGDOptions(learningRate: 0.05))
    let (images, labels) = try TrainingSupport.images(count: 32)
    let first = try trainer.step(images, labels: labels)
    var last = first
    for _ in 0..<40 { last = try trainer.step(images, labels: labels) }
    // A fresh network is near the loss of guessing, ln 4.
    #expect(first > 0.7 && first < 4)
    #expect(last < 0.05)
    #expect(trainer.iterations == 41)
    let predictions = try model.predict(images)
    #expect(zip(predictions, labels).filter { $0 == $1 }.count >= 30)
  }

  @Test func aStepIsTheGradientWithMomentumAndDecay() throws {
    let network = TrainingSupport.network()
    let (images, labels) = try TrainingSupport.images(count: 8)
    let options = SGDOptions(learningRate: 0.01, momentum: 0.5, weightDecay: 0.25)
    let model = try Model(network, seed: 1)
    let twin = try Model(network, seed: 1)
    let unit = Normalization(scale: [1 / 255, 1 / 255, 1 / 255])
    try model.setNormalization(unit)
    try twin.setNormalization(unit)
    let trainer = try Trainer(model, options: options)
    let engine = try TrainingEngine(twin, batch: 8, extent: images.extent)
    let narrow = labels.map { Int32($0) }
    let count = model.layout.trainableFloats
    var velocity = [Float](repeating: 0, count: count)
    for _ in 0..<3 {
      let loss = try trainer.step(images, labels: labels)
      let expected = try images.withView { view throws(ResNetError) in
        try engine.forwardBackward(view, normalization: twin.normalization, labels: narrow).loss
      }
      #expect(abs(loss - expected) < 1e-5)
      for index in 0..<count {
        let weight = try twin.parameters.values[index]
        let slope = engine.gradients[index] + options.weightDecay * weight
        velocity[index] = options.momentum * velocity[index] + options.learningRate * slope
        try twin.parameters.values[index] = weight - velocity[index]
      }
      try twin.parameters.noteChange()
      for tensor in model.layout.tensors where tensor.kind.isTrainable {
        let given = try model.tensor(named: tensor.name)
        let computed = try twin.tensor(named: tensor.name)
        #expect(
          zip(given, computed).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) },
          "\(tensor.name)")
      }
    }
  }

  @Test func batchAndExtentMayChangeFromStepToStep() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    let trainer = try Trainer(model, options: SGDOptions(learningRate: 0.001))
    let (images, labels) = try TrainingSupport.images(count: 6)
    let wide = try Images(
      .float([Float](repeating: 0.5, count: 2 * 3 * 4 * 10)), count: 2, channels: 3, height: 4,
      width: 10)
    let before = try trainer.step(images, labels: labels)
    let other = try trainer.step(wide, labels: [0, 1])
    let after = try trainer.step(images, labels: labels)
    #expect(before.isFinite && other.isFinite && after.isFinite && trainer.iterations == 3)
  }

  @Test func aLossThatIsNotFiniteChangesNothing() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    let twin = try Model(TrainingSupport.network(), seed: 1)
    let trainer = try Trainer(model, options: SGDOptions(learningRate: 0.5))
    let witness = try Trainer(twin, options: SGDOptions(learningRate: 0.5))
    let (images, labels) = try TrainingSupport.images(count: 8)
    try trainer.step(images, labels: labels)
    try witness.step(images, labels: labels)

    let weights = try model.tensor(named: "fc.weight")
    try model.setTensor(
      named: "fc.weight",
      to: weights.indices.map { $0.isMultiple(of: 2) ? Float.greatestFiniteMagnitude : -3e38 })
    let before = try TrainingSupport.bits(model)
    let error = thrownError { try trainer.step(images, labels: labels) }
    #expect(error?.kind == .notFinite)
    for words in ["the loss is", "iteration 1", "learning rate 0.5", "lower learning rate"] {
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
    #expect(try TrainingSupport.bits(model) == before && trainer.iterations == 1)

    // The momentum is as it was too: from the old weights it goes on as if nothing had happened.
    try model.setTensor(named: "fc.weight", to: weights)
    try trainer.step(images, labels: labels)
    try witness.step(images, labels: labels)
    #expect(try TrainingSupport.bits(model) == TrainingSupport.bits(twin))
  }

  @Test func pixelsThatAreNotFiniteChangeNothing() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    let trainer = try Trainer(model)
    let before = try TrainingSupport.bits(model)
    var pixels = [Float](repeating: 0.5, count: 2 * 3 * 64)
    pixels[200] = .nan
    let images = try Images(.float(pixels), count: 2, channels: 3, height: 8, width: 8)
    let error = thrownError { try trainer.step(images, labels: [0, 1]) }
    #expect(error?.kind == .notFinite)
    #expect(try TrainingSupport.bits(model) == before && trainer.iterations == 0)
  }

  @Test func imagesAndLabelsThatDoNotFitAreRefused() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    let trainer = try Trainer(model)
    let before = try TrainingSupport.bits(model)
    let (images, _) = try TrainingSupport.images(count: 3)
    func refused(
      _ images: Images, _ labels: [Int], _ kind: ResNetError.Kind, _ words: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = thrownError { try trainer.step(images, labels: labels) }
      #expect(error?.kind == kind, sourceLocation: sourceLocation)
      #expect(
        error?.message.contains(words) == true, "\(error?.message ?? "")",
        sourceLocation: sourceLocation)
    }
    refused(images, [0, 1], .shapeMismatch, "got 2 labels for 3 images")
    refused(images, [0, 1, 4], .invalidArgument, "label 2 is 4; tiny has 4 classes")
    refused(images, [0, -1, 1], .invalidArgument, "label 1 is -1")
    refused(images, [1 << 32, 0, 0], .invalidArgument, "label 0 is 4294967296")
    let grey = try Images(
      .bytes([UInt8](repeating: 0, count: 128)), count: 2, channels: 1, height: 8, width: 8)
    refused(grey, [0, 0], .shapeMismatch, "1 channels, tiny takes 3")
    let point = try Images(.bytes([1, 2, 3]), count: 1, channels: 3, height: 1, width: 1)
    refused(point, [0], .invalidArgument, "one value per channel")
    #expect(try TrainingSupport.bits(model) == before && trainer.iterations == 0)

    let nowhere = ImagesView(
      pixels: nil, isBytes: true, count: 1, channels: 3, extent: TrainingSupport.extent)
    let error = thrownError {
      try [Int32(0)].withUnsafeBufferPointer { try trainer.step(nowhere, labels: $0) }
    }
    #expect(error?.kind == .invalidArgument)
  }
}
