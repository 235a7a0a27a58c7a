import Testing

@testable import ResNet
@testable import ResNetData

extension StorageTests {
  /// What is compared when a training is resumed, and what is told of one that can be.
  @Suite struct Resuming {
    private static let options = FitOptions(
      epochs: 3, batchSize: 8, augmentation: Augmentation(padding: 2, mirror: true),
      schedule: StepSchedule(milestones: [9, 17], gamma: 0.5),
      warmUp: WarmUp(rate: 0.02, untilError: 0.6), plateau: Plateau(patience: 1, threshold: 0.5),
      seed: 7)

    private let training: ImageDataset
    private let validation: ImageDataset
    private let trainer: Trainer

    init() throws {
      training = try TrainingSupport.data(count: 60)
      validation = try TrainingSupport.data(count: 20, seed: 2)
      trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
    }

    /// Trains until so many reports were made; returns those that ended epochs.
    private func stop(after reports: Int = 4) throws -> [Progress] {
      var all: [Progress] = []
      let error = thrownError {
        try trainer.fit(training, validation: validation, options: Self.options) {
          all.append($0)
          return all.count < reports
        }
      }
      #expect(error?.kind == .cancelled)
      return all.filter(\.epochEnded)
    }

    /// What is said when a trainer is to go on with other data or options; nil if it does.
    private func refusal(
      of trainer: Trainer, _ data: (any TrainingData)? = nil,
      validation other: (any TrainingData)?? = .none,
      _ change: (inout FitOptions) -> Void = { _ in }
    ) throws -> String? {
      var options = Self.options
      options.resumes = true
      change(&options)
      do throws(ResNetError) {
        try trainer.fit(data ?? training, validation: other ?? validation, options: options) { _ in
          false
        }
      } catch {
        #expect(error.kind == .cancelled || error.kind == .invalidArgument)
        return error.kind == .invalidArgument ? error.message : nil
      }
      return nil
    }

    @Test("Options and data that are others are refused, and it is said what was another")
    func otherTraining() throws {
      #expect(try refusal(of: trainer)?.contains("no training to resume") == true)
      _ = try stop()
      let before = try TrainingSupport.bits(trainer.model)
      let messages = [
        try refusal(of: trainer, try TrainingSupport.data(count: 61)),
        try refusal(of: trainer, validation: try TrainingSupport.data(count: 21, seed: 2)),
        try refusal(of: trainer) { $0.batchSize = 9 },
        try refusal(of: trainer) { $0.seed = 1 },
        try refusal(of: trainer) { $0.normalize = .keep },
        try refusal(of: trainer) { $0.augmentation = nil },
        try refusal(of: trainer) { $0.schedule.milestones = [9] },
        try refusal(of: trainer) { $0.schedule.gamma = 0.1 },
        try refusal(of: trainer) { $0.warmUp = nil },
        try refusal(of: trainer) { $0.plateau?.patience = 2 },
      ]
      for message in messages {
        #expect(message?.contains("was begun with") == true, "\(message ?? "no error")")
      }
      #expect(messages[1]?.contains("validation images, in number 20, not 21") == true)
      let longer = try refusal(of: trainer) {
        $0.epochs = 4
        $0.schedule.milestones = [12]
      }
      #expect(
        longer?.contains("21 steps in all and milestones [9, 17], not 28 and [12]") == true,
        "\(longer ?? "no error")")
      #expect(try TrainingSupport.bits(trainer.model) == before)
      // Without a plateau there need be no validation data.
      var options = Self.options
      options.plateau = nil
      _ = thrownError {
        try trainer.fit(training, validation: validation, options: options) { _ in false }
      }
      let unvalidated = try refusal(of: trainer, validation: .some(nil)) { $0.plateau = nil }
      #expect(unvalidated?.contains("validation data given, not none") == true)
      // Another step, and it is no longer the same training.
      let (images, labels) = try TrainingSupport.images(count: 8)
      try trainer.step(images, labels: labels)
      #expect(try refusal(of: trainer)?.contains("no training to resume") == true)
    }

    @Test("As many images, but others, are refused: by pixels, labels or order")
    func otherImages() throws {
      let (pixels, labels) = TrainingSupport.pixels(count: 60)
      func data(_ pixels: [UInt8], _ labels: [Int], bytes: Bool = true) throws -> ImageDataset {
        try ImageDataset(
          try Images(
            bytes ? .bytes(pixels) : .float(pixels.map { Float($0) }), count: 60, channels: 3,
            height: 8, width: 8), labels: labels, classes: TrainingSupport.classes)
      }
      var brighter = pixels
      brighter[0] += 1
      var relabelled = labels
      relabelled[31] = (relabelled[31] + 1) % TrainingSupport.classes
      let size = pixels.count / 60
      let turned = (0..<60).reversed().flatMap { pixels[$0 * size..<($0 + 1) * size] }
      _ = try stop()
      try withDirectory { directory in
        try trainer.save(to: directory + "/checkpoint.h5")
        for other in [
          try data(brighter, labels), try data(pixels, relabelled),
          try data(turned, labels.reversed()), try data(pixels, labels, bytes: false),
          try TrainingSupport.data(count: 60, seed: 3),
        ] {
          let loaded = try Trainer.load(from: directory + "/checkpoint.h5")
          #expect(try refusal(of: loaded, other)?.contains("other training images") == true)
          #expect(try refusal(of: trainer, other)?.contains("other training images") == true)
        }
        let loaded = try Trainer.load(from: directory + "/checkpoint.h5")
        #expect(try refusal(of: loaded, try data(pixels, labels)) == nil)
      }
    }

    @Test("As many validation images, but others, are refused, by a checkpoint, too")
    func otherValidation() throws {
      _ = try stop()
      let other = try TrainingSupport.data(count: 20, seed: 3)
      try withDirectory { directory in
        try trainer.save(to: directory + "/checkpoint.h5")
        let loaded = try Trainer.load(from: directory + "/checkpoint.h5")
        for trainer in [trainer, loaded] {
          let said = try refusal(of: trainer, validation: other)
          #expect(said?.contains("other validation images") == true, "\(said ?? "no error")")
        }
        #expect(try refusal(of: loaded) == nil)
      }
    }

    @Test("The same labels with other names are refused")
    func otherNames() throws {
      let (pixels, labels) = TrainingSupport.pixels(count: 60)
      func data(_ names: [String]) throws -> ImageDataset {
        try ImageDataset(
          try Images(.bytes(pixels), count: 60, channels: 3, height: 8, width: 8), labels: labels,
          classes: TrainingSupport.classes, classNames: names)
      }
      try trainer.model.setClassNames(["a", "b", "c", "d"])
      for names in [["a", "b", "c", "d"], ["d", "c", "b", "a"]] {
        _ = thrownError {
          try trainer.fit(
            try data(names), validation: validation, options: Self.options
          ) { _ in false }
        }
        let other = try refusal(of: trainer, try data(["a", "c", "b", "d"]))
        #expect(other?.contains("other training images") == true)
        #expect(try refusal(of: trainer, try data(names)) == nil)
      }
    }

    @Test("What was changed since the training stopped is refused, by itself or by its checkpoint")
    func changedModel() throws {
      func halve(_ tensor: String) throws {
        let values = try trainer.model.tensor(named: tensor)
        try trainer.model.setTensor(named: tensor, to: values.map { $0 / 2 })
      }
      let changes: [(what: String, change: () throws -> Void)] = [
        ("model's weights", { try halve("fc.weight") }),
        ("model's frozen layers", { try trainer.freeze(["conv1"]) }),
        (
          "model's normalisation",
          { try trainer.model.setNormalization(Normalization(mean: [1, 2, 3])) }
        ),
        ("model's class names", { try trainer.model.setClassNames(["b", "a", "c", "d"]) }),
        ("learning rate", { try trainer.setLearningRate(0.01) }),
      ]
      for (what, change) in changes {
        try trainer.freeze([])
        try trainer.model.setNormalization(.identity)
        try trainer.model.setClassNames(["a", "b", "c", "d"])
        try trainer.setLearningRate(0.1)
        _ = try stop()
        try withDirectory { directory in
          let (before, after) = (directory + "/before.h5", directory + "/after.h5")
          try trainer.save(to: before)
          try change()
          try trainer.save(to: after)
          let said = "the \(what) changed"
          #expect(try refusal(of: trainer)?.contains(said) == true)
          #expect(try refusal(of: Trainer.load(from: after))?.contains(said) == true)
          #expect(try refusal(of: Trainer.load(from: before)) == nil)
          // What was so when the checkpoint was loaded does not make up for it.
          let copy = try Trainer.load(from: after)
          try copy.save(to: before)
          #expect(try refusal(of: Trainer.load(from: before))?.contains(said) == true)
        }
      }
    }

    @Test("What a progress callback changes is a part of the training")
    func changesMeanwhile() throws {
      var reports = 0
      _ = thrownError {
        try trainer.fit(training, validation: validation, options: Self.options) { _ in
          #expect(throws: Never.self) { try trainer.freeze(["conv1"]) }
          reports += 1
          return reports < 3
        }
      }
      #expect(try refusal(of: trainer) == nil)
    }

    @Test("The epochs so far are told as they were reported, by a checkpoint, too")
    func history() throws {
      // Steps of another training count among the iterations.
      try trainer.fit(training, options: FitOptions(batchSize: 8))
      #expect(trainer.epochReports.isEmpty)
      let reports = try stop(after: 19)
      #expect(reports.count == 2 && reports.map(\.iteration) == [14, 21])
      #expect(trainer.epochReports == reports)
      try withDirectory { directory in
        try trainer.save(to: directory + "/checkpoint.h5")
        let loaded = try Trainer.load(from: directory + "/checkpoint.h5")
        #expect(loaded.epochReports == reports)
        #expect(loaded.history == trainer.history)
      }
      var options = Self.options
      options.resumes = true
      try trainer.fit(training, validation: validation, options: options)
      #expect(trainer.epochReports.isEmpty && trainer.history.isEmpty)
    }

    @Test("The last epoch's report is that of one that was cut short")
    func cutHistory() throws {
      var options = Self.options
      options.iterations = 10
      var reports: [Progress] = []
      _ = thrownError {
        try trainer.fit(training, validation: validation, options: options) {
          if $0.epochEnded { reports.append($0) }
          return reports.count < 2
        }
      }
      #expect(reports.map(\.steps) == [7, 3])
      #expect(trainer.epochReports == reports)
    }

    @Test("A checkpoint with fewer steps than its training took is refused")
    func forgedIterations() throws {
      _ = try stop()
      try withDirectory { directory in
        trainer.iterations = 3
        try trainer.save(to: directory + "/checkpoint.h5")
        let error = thrownError { try Trainer.load(from: directory + "/checkpoint.h5") }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("has taken 4 steps, of 3") == true)
      }
    }

    /// Of version 1.0, which told of the data only how many training images there are.
    @Test("A checkpoint that does not tell what is compared goes on")
    func earlierCheckpoint() throws {
      let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
      let trainer = try Trainer.load(from: "/\(tests)/hdf5/checkpoint.h5")
      #expect(trainer.epochReports.map(\.iteration) == [4])
      let data = try ImageDataset(
        Images(
          .bytes((0..<8 * 30).map { UInt8($0 % 251) }), count: 8, channels: 1, height: 5, width: 6),
        labels: (0..<8).map { $0 % 2 }, classes: 2)
      try trainer.fit(
        data, validation: data,
        options: FitOptions(
          epochs: 4, batchSize: 2, augmentation: Augmentation(padding: 1, mirror: true),
          schedule: StepSchedule(milestones: [3, 9]),
          warmUp: WarmUp(rate: 0.01, untilError: Double(Float(0.2))),
          plateau: Plateau(patience: 1, threshold: Double(Float(0.01))), resumes: true))
      #expect(trainer.iterations == 16)
    }
  }
}
