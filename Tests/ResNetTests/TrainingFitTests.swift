import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct TrainingFitTests {
  static func trainer(rate: Float = 0.05) throws -> Trainer {
    try Trainer(
      try Model(TrainingSupport.network(), seed: 1), options: SGDOptions(learningRate: rate))
  }

  @Test func fittingLearnsWhatTheImagesShow() throws {
    let trainer = try Self.trainer()
    let history = try trainer.fit(
      try TrainingSupport.data(count: 256),
      validation: try TrainingSupport.data(count: 100, seed: 2),
      options: FitOptions(
        epochs: 6, batchSize: 16, augmentation: Augmentation(padding: 1, mirror: false)))
    #expect(history.map(\.epoch) == [1, 2, 3, 4, 5, 6])
    let first = try #require(history.first)
    let last = try #require(history.last)
    #expect(last.loss < first.loss / 2 && last.accuracy > 0.95)
    #expect(last.validation?.count == 100)
    #expect(last.validation?.accuracy ?? 0 > 0.95)
    #expect(history.allSatisfy { $0.imagesPerSecond > 0 })
  }

  @Test func fittingIsTheSameAsSteppingThroughTheShuffledImages() throws {
    let (pixels, labels) = TrainingSupport.pixels(count: 20)
    let data = try TrainingSupport.data(count: 20)
    let fitted = try Self.trainer()
    let options = FitOptions(
      epochs: 3, batchSize: 6, schedule: StepSchedule(milestones: [2, 7], gamma: 0.5), seed: 9)
    try fitted.fit(data, options: options)

    let stepped = try Self.trainer()
    try stepped.model.setNormalization(fitted.model.normalization)
    var step = 0
    for epoch in 0..<3 {
      let order = shuffledIndices(count: 20, seed: 9, epoch: epoch)
      for batch in 0..<3 {
        let chosen = order[batch * 6..<(batch + 1) * 6]
        let images = try Images(
          .bytes(chosen.flatMap { pixels[$0 * 192..<($0 + 1) * 192] }), count: 6, channels: 3,
          height: 8, width: 8)
        try stepped.setLearningRate(step < 2 ? 0.05 : step < 7 ? 0.025 : 0.0125)
        try stepped.step(images, labels: chosen.map { labels[$0] })
        step += 1
      }
    }
    #expect(fitted.iterations == 9)
    #expect(fitted.learningRate == 0.05)
    for tensor in fitted.model.layout.tensors {
      // Not the bits: there, the engine normalises the pixels.
      let given = try fitted.model.tensor(named: tensor.name)
      let expected = try stepped.model.tensor(named: tensor.name)
      #expect(
        zip(given, expected).allSatisfy { abs($0 - $1) <= 1e-3 * max(1, abs($1)) },
        "\(tensor.name)")
    }
  }

  @Test func everyEpochReadsItsShuffleInFullBatches() throws {
    let data = WatchedData(try TrainingSupport.data(count: 21))
    var readings: [[Int]] = []
    data.onRead = { (indices, epoch) throws(ResNetError) in
      #expect(epoch == readings.count / 4)
      readings.append(indices)
    }
    // Workers would read in pieces.
    try Self.trainer().fit(data, options: FitOptions(epochs: 2, batchSize: 5, seed: 4, workers: 0))
    let expected = (0..<2).flatMap { epoch in
      let order = shuffledIndices(count: 21, seed: 4, epoch: epoch)
      return (0..<4).map { Array(order[$0 * 5..<($0 + 1) * 5]) }
    }
    #expect(readings == expected)
  }

  @Test func progressTellsEveryStepAndEveryEpochsEnd() throws {
    let data = try TrainingSupport.data(count: 17)
    let validation = try TrainingSupport.data(count: 9, seed: 2)
    let trainer = try Self.trainer()
    try trainer.step(
      try Images(
        .float([Float](repeating: 0.1, count: 384)), count: 2, channels: 3, height: 8, width: 8),
      labels: [0, 1])
    var reports: [Progress] = []
    let history = try trainer.fit(
      data, validation: validation,
      options: FitOptions(
        epochs: 2, batchSize: 8, schedule: StepSchedule(milestones: [3], gamma: 0.5))
    ) { progress in
      reports.append(progress)
      return true
    }
    #expect(reports.map(\.epoch) == [1, 1, 1, 2, 2, 2])
    #expect(reports.map(\.step) == [1, 2, 2, 1, 2, 2])
    #expect(reports.map(\.iteration) == [2, 3, 3, 4, 5, 5])
    #expect(reports.map(\.epochEnded) == [false, false, true, false, false, true])
    #expect(reports.map(\.learningRate) == [0.05, 0.05, 0.05, 0.05, 0.025, 0.025])
    #expect(reports.allSatisfy { $0.epochs == 2 && $0.steps == 2 && $0.imagesPerSecond > 0 })
    #expect(reports.allSatisfy { ($0.validation != nil) == $0.epochEnded })
    #expect(history.map(\.loss) == [reports[2].loss, reports[5].loss])
    #expect(history.map(\.validation) == [reports[2].validation, reports[5].validation])
    #expect(history.map(\.learningRate) == [0.05, 0.025])
    #expect(history.last?.validation == (try trainer.model.evaluate(validation)))
  }

  @Test func iterationsEndInTheMiddleOfAnEpoch() throws {
    let data = try TrainingSupport.data(count: 40)
    let validation = try TrainingSupport.data(count: 9, seed: 2)
    let trainer = try Self.trainer()
    var reports: [Progress] = []
    let history = try trainer.fit(
      data, validation: validation, options: FitOptions(epochs: 9, iterations: 12, batchSize: 8)
    ) { progress in
      reports.append(progress)
      return true
    }
    #expect(trainer.iterations == 12)
    #expect(history.map(\.epoch) == [1, 2, 3])
    #expect(reports.map(\.steps) == [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 2, 2, 2])
    #expect(reports.allSatisfy { $0.epochs == 3 })
    #expect(history.last?.validation == (try trainer.model.evaluate(validation)))

    // The steps are those of whole epochs.
    let whole = try Self.trainer()
    var weights: [UInt32]?
    try whole.fit(data, options: FitOptions(epochs: 3, batchSize: 8)) { progress in
      if progress.iteration == 12 { weights = try? TrainingSupport.bits(whole.model) }
      return true
    }
    #expect(try TrainingSupport.bits(trainer.model) == weights)

    // More than an epoch count can say.
    let long = thrownError {
      try Self.trainer().fit(data, options: FitOptions(epochs: .max, batchSize: 8)) { _ in false }
    }
    #expect(long?.kind == .cancelled)
    for iterations in [0, -1, .min] {
      let error = thrownError {
        try Self.trainer().fit(data, options: FitOptions(iterations: iterations, batchSize: 8))
      }
      #expect(error?.kind == .invalidArgument && error?.message.contains("iterations") == true)
    }
  }

  @Test func progressCanStopTheTraining() throws {
    let data = try TrainingSupport.data(count: 40)
    let options = FitOptions(batchSize: 8)
    let stopped = try Self.trainer()
    let error = thrownError { try stopped.fit(data, options: options) { $0.step < 3 } }
    #expect(error?.kind == .cancelled)
    #expect(error?.message.contains("epoch 1, after step 3 of 5") == true)
    #expect(stopped.iterations == 3)

    var weights: [UInt32]?
    let whole = try Self.trainer()
    try whole.fit(data, options: options) { progress in
      if progress.step == 3 { weights = try? TrainingSupport.bits(whole.model) }
      return true
    }
    #expect(try TrainingSupport.bits(stopped.model) == weights)

    let atEnd = try Self.trainer()
    let late = thrownError { try atEnd.fit(data, options: options) { !$0.epochEnded } }
    #expect(late?.kind == .cancelled && atEnd.iterations == 5)
  }

  @Test func progressCanChangeTheLearningRate() throws {
    let trainer = try Self.trainer()
    var rates: [Float] = []
    try trainer.fit(try TrainingSupport.data(count: 32), options: FitOptions(batchSize: 8)) {
      rates.append($0.learningRate)
      return (try? trainer.setLearningRate(0.5)) != nil
    }
    #expect(rates == [0.05, 0.5, 0.5, 0.5, 0.5])
  }

  @Test func automaticNormalizationIsThePerPixelMeanAtUnitScale() throws {
    let data = try TrainingSupport.data(count: 16)
    let trainer = try Self.trainer()
    let options = FitOptions(batchSize: 8)
    try trainer.fit(data, options: options)
    let expected = Normalization(
      mean: try data.perPixelMean(), meanExtent: data.extent, scale: [1 / 255, 1 / 255, 1 / 255])
    #expect(trainer.model.normalization == expected)
    // Further data does not change it.
    try trainer.fit(try TrainingSupport.data(count: 16, seed: 7), options: options)
    #expect(trainer.model.normalization == expected)

    let kept = try Self.trainer(rate: 1e-6)
    try kept.fit(data, options: FitOptions(batchSize: 8, normalize: .keep))
    #expect(kept.model.normalization == .identity)
  }

  @Test func classNamesComeFromTheDataUnlessTheModelHasSome() throws {
    let names = ["one", "two", "three", "four"]
    let data = try TrainingSupport.data(count: 8, names: names)
    let options = FitOptions(batchSize: 8)
    let trainer = try Self.trainer()
    try trainer.fit(data, options: options)
    #expect(trainer.model.classNames == names)
    let named = try Self.trainer()
    try named.model.setClassNames(names.reversed())
    try named.fit(data, options: options)
    #expect(named.model.classNames == names.reversed())
  }

  @Test func labelsThatTheDataGotWrongAreCaught() throws {
    let data = WatchedData(try TrainingSupport.data(count: 32))
    data.replacedLabel = 77
    let trainer = try Self.trainer()
    let error = thrownError { try trainer.fit(data, options: FitOptions(batchSize: 8)) }
    #expect(error?.kind == .invalidArgument && trainer.iterations == 0)
    let evaluation = thrownError { try trainer.model.evaluate(data) }
    #expect(evaluation?.kind == .invalidArgument)
  }

  @Test func divergingIsAnErrorThatLeavesFiniteWeights() throws {
    let trainer = try Self.trainer(rate: 1e20)
    let error = thrownError {
      try trainer.fit(
        try TrainingSupport.data(count: 64), options: FitOptions(epochs: 20, batchSize: 8))
    }
    #expect(error?.kind == .notFinite)
    #expect(error?.message.contains("iteration \(trainer.iterations) ") == true)
    let message = error?.message ?? ""
    #expect(message.contains("loss is not a number at") || message.contains("loss is infinite at"))
  }

  @Test func dataThatDoesNotFitIsRefusedBeforeAnythingChanges() throws {
    let trainer = try Self.trainer()
    let before = try TrainingSupport.bits(trainer.model)
    let good = try TrainingSupport.data(count: 8)
    func dataset(channels: Int, extent: Int) throws -> ImageDataset {
      try ImageDataset(
        Images(
          .bytes([UInt8](repeating: 1, count: 8 * channels * extent * extent)), count: 8,
          channels: channels, height: extent, width: extent),
        labels: [Int](repeating: 0, count: 8), classes: 2)
    }
    let manyClasses = WatchedData(good)
    manyClasses.claimedClasses = 5
    let cases: [(any TrainingData, (any TrainingData)?, String)] = [
      (try dataset(channels: 1, extent: 8), nil, "training images have 1 channels, tiny takes 3"),
      (manyClasses, nil, "training data has 5 classes, tiny has 4"),
      (good, try dataset(channels: 1, extent: 8), "validation images have 1 channels"),
      (good, manyClasses, "validation data has 5 classes"),
      (
        good, try dataset(channels: 3, extent: 6),
        "validation images are 6x6, the per-pixel mean is of 8x8"
      ),
    ]
    for (data, validation, words) in cases {
      let error = thrownError {
        try trainer.fit(data, validation: validation, options: FitOptions(batchSize: 8))
      }
      #expect(error?.kind == .shapeMismatch)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
    let point = try dataset(channels: 3, extent: 1)
    let single = thrownError { try trainer.fit(point, options: FitOptions(batchSize: 1)) }
    #expect(single?.message.contains("batch normalisation needs at least 2") == true)
    #expect(try TrainingSupport.bits(trainer.model) == before)
    #expect(trainer.model.normalization == .identity && trainer.model.classNames.isEmpty)
  }
}
