import Testing

@testable import ResNet
@testable import ResNetData

extension StorageTests {
  @Suite struct Checkpoints {
    /// A training with everything that a checkpoint has to keep.
    private static let options = FitOptions(
      epochs: 4, batchSize: 8, augmentation: Augmentation(padding: 2, mirror: true),
      schedule: StepSchedule(milestones: [9, 17], gamma: 0.5),
      warmUp: WarmUp(rate: 0.02, untilError: 0.6), plateau: Plateau(patience: 1, threshold: 0.5),
      seed: 7)

    private struct Outcome: Equatable {
      let weights: [UInt32]
      let momentum: [UInt32]
      let history: [EpochMetrics]
      let iterations: Int

      init(_ trainer: Trainer, _ history: [EpochMetrics]) throws {
        weights = try TrainingSupport.bits(trainer.model)
        momentum = trainer.model.layout.tensors.filter(\.kind.isTrainable).flatMap { tensor in
          (0..<tensor.count).map { trainer.velocity[tensor.offset + $0].bitPattern }
        }
        // How fast it was is no matter.
        self.history = history.map { epoch in
          var epoch = epoch
          epoch.imagesPerSecond = 0
          return epoch
        }
        iterations = trainer.iterations
      }
    }

    private static func withFile(_ body: (String) throws -> Void) throws {
      try StorageTests.withDirectory { try body("\($0)/checkpoint.h5") }
    }

    private static func data() throws -> (training: ImageDataset, validation: ImageDataset) {
      (try TrainingSupport.data(count: 60), try TrainingSupport.data(count: 20, seed: 2))
    }

    private static func trainer() throws -> Trainer {
      let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
      try trainer.freeze(["layer1.0.conv1", "bn1"])
      return trainer
    }

    private static func uninterrupted() throws -> Outcome {
      let (training, validation) = try Self.data()
      let trainer = try Self.trainer()
      return try Outcome(
        trainer, try trainer.fit(training, validation: validation, options: Self.options))
    }

    /// Trains until report number `stop`, saves there, and goes on from the file.
    private static func interrupted(at stop: Int, path: String) throws -> Outcome {
      let (training, validation) = try Self.data()
      let first = try Self.trainer()
      var reports = 0
      let error = thrownError {
        try first.fit(training, validation: validation, options: Self.options) { _ in
          reports += 1
          return reports < stop
        }
      }
      #expect(error?.kind == .cancelled)
      try first.save(to: path)

      let second = try Trainer.load(from: path)
      var options = Self.options
      options.resumes = true
      options.workers = stop % 3
      return try Outcome(
        second, try second.fit(training, validation: validation, options: options))
    }

    @Test(
      "A training that is stopped anywhere and resumed from its checkpoint ends with the same bits")
    func resuming() throws {
      try Self.withFile { path in
        let expected = try Self.uninterrupted()
        // Seven steps an epoch, each of which is reported, and its end.
        for stop in 1..<4 * 8 {
          let outcome = try Self.interrupted(at: stop, path: path)
          #expect(outcome == expected, "stopped at report \(stop)")
        }
      }
    }

    @Test("A checkpoint saved while training goes on is that of its step")
    func savingMeanwhile() throws {
      let (training, validation) = try Self.data()
      try Self.withFile { path in
        let first = try Self.trainer()
        var reports = 0
        let history = try first.fit(training, validation: validation, options: Self.options) { _ in
          reports += 1
          if reports == 12 { #expect(throws: Never.self) { try first.save(to: path) } }
          return true
        }
        let second = try Trainer.load(from: path)
        #expect(second.iterations == 11)
        var options = Self.options
        options.resumes = true
        let resumed = try second.fit(training, validation: validation, options: options)
        #expect(try Outcome(second, resumed) == Outcome(first, history))
      }
    }

    @Test("A training is resumed without a file, too, and made longer")
    func resumingInPlace() throws {
      let (training, validation) = try Self.data()
      let expected = try Self.uninterrupted()
      let trainer = try Self.trainer()
      var options = Self.options
      options.epochs = 2
      let error = thrownError {
        try trainer.fit(training, validation: validation, options: options) { $0.iteration < 10 }
      }
      #expect(error?.kind == .cancelled)
      options = Self.options
      options.resumes = true
      let history = try trainer.fit(training, validation: validation, options: options)
      #expect(try Outcome(trainer, history) == expected)
    }

    @Test("A checkpoint is a model file, and the same each time")
    func isModelFile() throws {
      let (training, _) = try Self.data()
      try Self.withFile { path in
        let trainer = try Self.trainer()
        try trainer.fit(training, options: FitOptions(batchSize: 8))
        try trainer.save(to: path)
        let bytes = try StorageTests.bytes(path)
        #expect(
          try TrainingSupport.bits(Model.load(from: path)) == TrainingSupport.bits(trainer.model))
        try Trainer.load(from: path).save(to: path)
        #expect(try StorageTests.bytes(path) == bytes)
      }
    }

    @Test("A model file is no checkpoint, and says so")
    func modelFile() throws {
      try Self.withFile { path in
        try Self.trainer().model.save(to: path)
        let error = thrownError { try Trainer.load(from: path) }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("no checkpoint") == true)
      }
    }
  }
}
