import Testing

@testable import ResNet

@Suite struct TrainingOptionsTests {
  @Test func rateDropsAfterEachMilestone() {
    let schedule = StepSchedule(milestones: [32_000, 48_000])
    let expected: [(Int, Float)] = [
      (0, 0.1), (31_999, 0.1), (32_000, 0.01), (47_999, 0.01), (48_000, 0.001), (.max, 0.001),
    ]
    for (steps, rate) in expected {
      // 0.1 is not exact in binary, so neither are its products.
      #expect(abs(schedule.rate(base: 0.1, after: steps) / rate - 1) < 1e-6, "after \(steps)")
    }
    #expect(schedule.rate(base: 0.1, after: 31_999) == 0.1)
    #expect(StepSchedule().rate(base: 0.3, after: 1_000_000) == 0.3)
  }

  @Test func defaultsAreThePapers() {
    let options = SGDOptions()
    #expect(options.learningRate == 0.1 && options.momentum == 0.9)
    #expect(options.weightDecay == 1e-4 && !options.spareBatchNormAndBiases)
    let fit = FitOptions()
    #expect(fit.batchSize == 128 && fit.epochs == 1 && fit.augmentation == nil)
    #expect(fit.normalize == .automatic && fit.schedule.gamma == 0.1)
  }

  @Test(arguments: [
    (StepSchedule(milestones: [0]), "at least 1, got 0 after 0"),
    (StepSchedule(milestones: [5, 5]), "increasing and at least 1, got 5 after 5"),
    (StepSchedule(milestones: [5, 3]), "got 3 after 5"),
    (StepSchedule(gamma: 0), "above 0, got 0"),
    (StepSchedule(gamma: -1), "above 0, got -1"),
    (StepSchedule(gamma: .nan), "finite and above 0, got nan"),
    (StepSchedule(gamma: .infinity), "finite and above 0, got inf"),
  ])
  func schedulesOutOfRangeAreRefused(_ schedule: StepSchedule, _ words: String) throws {
    let error = thrownError { try schedule.validate() }
    #expect(error?.kind == .invalidArgument)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    (SGDOptions(learningRate: -0.1), "learning rate must be finite and not negative, got -0.1"),
    (SGDOptions(learningRate: .nan), "learning rate"),
    (SGDOptions(learningRate: .infinity), "learning rate"),
    (SGDOptions(momentum: 1), "momentum must be at least 0 and below 1, got 1.0"),
    (SGDOptions(momentum: -0.5), "momentum"),
    (SGDOptions(momentum: .nan), "momentum"),
    (SGDOptions(weightDecay: -1), "weight decay must be finite and not negative, got -1.0"),
    (SGDOptions(weightDecay: .nan), "weight decay"),
  ])
  func optionsOutOfRangeAreRefused(_ options: SGDOptions, _ words: String) throws {
    let model = try Model(TrainingSupport.network())
    let error = thrownError { try Trainer(model, options: options) }
    #expect(error?.kind == .invalidArgument)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func learningRateCanBeSetWithinItsRange() throws {
    let trainer = try Trainer(try Model(TrainingSupport.network()))
    try trainer.setLearningRate(0.025)
    #expect(trainer.learningRate == 0.025)
    let negative = thrownError { try trainer.setLearningRate(-1) }
    #expect(negative?.kind == .invalidArgument)
    let notANumber = thrownError { try trainer.setLearningRate(.nan) }
    #expect(notANumber?.kind == .invalidArgument)
    #expect(trainer.learningRate == 0.025)
  }

  @Test(arguments: [
    (FitOptions(epochs: 0), "epochs must be at least 1, got 0"),
    (FitOptions(batchSize: 0), "batch size must be at least 1, got 0"),
    (FitOptions(batchSize: -8), "batch size must be at least 1, got -8"),
    (FitOptions(batchSize: 33), "33 images cannot be drawn from a dataset of 32"),
    (FitOptions(batchSize: 33), "at most 32"),
    (
      FitOptions(batchSize: 8, augmentation: Augmentation(padding: -1, mirror: false)),
      "at least 0 and, for images of 8x8, below 8; got -1"
    ),
    (
      FitOptions(batchSize: 8, augmentation: Augmentation(padding: 8, mirror: false)),
      "below 8; got 8"
    ),
    (FitOptions(batchSize: 8, schedule: StepSchedule(milestones: [2, 1])), "increasing"),
  ])
  func fitOptionsOutOfRangeAreRefused(_ options: FitOptions, _ words: String) throws {
    let model = try Model(TrainingSupport.network())
    let trainer = try Trainer(model)
    let before = try TrainingSupport.bits(model)
    let data = try TrainingSupport.data(count: 32)
    let error = thrownError { try trainer.fit(data, options: options) }
    #expect(error?.kind == .invalidArgument)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(try TrainingSupport.bits(model) == before && model.normalization == .identity)
  }
}
