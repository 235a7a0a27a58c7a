import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct TrainingRateControlTests {
  /// The recipe of ResNet-110: 0.01 until the error is below 80%, then 0.1 and the schedule.
  @Test func warmUpEndsOnceTheErrorOfItsLastStepsIsLow() {
    var control = RateControl(
      FitOptions(schedule: StepSchedule(milestones: [500]), warmUp: WarmUp()))
    for step in 0..<150 {
      #expect(control.rate(base: 0.1, after: step) == 0.01)
      control.noteStep(images: 100, correct: step < 100 ? 10 : 20)
    }
    // Of the last hundred steps half recognised 10, half 20 of 100: 85% error. With k steps of 21 in
    // the place of the first it is 0.85 - 0.0011 k, which is below 80% from k = 46 on.
    var steps = 150
    while control.rate(base: 0.1, after: steps) == 0.01, steps < 1000 {
      control.noteStep(images: 100, correct: 21)
      steps += 1
    }
    #expect(steps == 196)
    #expect(control.rate(base: 0.1, after: steps) == 0.1)
    control.noteStep(images: 100, correct: 0)
    #expect(control.rate(base: 0.1, after: steps + 1) == 0.1, "it does not come back")
    #expect(abs(control.rate(base: 0.1, after: 500) - 0.01) < 1e-8)
  }

  @Test func warmUpIsNoShorterThanItsWindow() {
    var control = RateControl(FitOptions(warmUp: WarmUp(rate: 0.5, untilError: 0.8)))
    for step in 0..<100 {
      #expect(control.rate(base: 1, after: step) == 0.5)
      control.noteStep(images: 10, correct: 10)
    }
    #expect(control.rate(base: 1, after: 100) == 1)
  }

  @Test("A batch 4 times as large takes 4 times the rate, after a gradual warm-up")
  func linearScaling() {
    let control = RateControl(
      FitOptions(
        batchSize: 1024, schedule: StepSchedule(milestones: [100]),
        scaling: LinearScaling(batchSize: 256, warmUpSteps: 30)))
    #expect(control.rate(base: 0.1, after: 0) == 0.1)
    #expect(abs(control.rate(base: 0.1, after: 10) - 0.2) < 1e-8)
    #expect(abs(control.rate(base: 0.1, after: 30) - 0.4) < 1e-8)
    #expect(abs(control.rate(base: 0.1, after: 99) - 0.4) < 1e-8)
    #expect(abs(control.rate(base: 0.1, after: 100) - 0.04) < 1e-8)
    let atOnce = RateControl(FitOptions(batchSize: 64, scaling: LinearScaling()))
    #expect(atOnce.rate(base: 0.1, after: 0) == 0.025)
  }

  @Test func theRateDropsWhenTheErrorHasStoppedFalling() {
    var control = RateControl(
      FitOptions(
        schedule: StepSchedule(gamma: 0.5), plateau: Plateau(patience: 2, threshold: 0.01)))
    var rates: [Float] = []
    // Improvements, one that is too small, one that counts; then none for four epochs.
    for error in [0.9, 0.8, 0.795, 0.7, 0.7, 0.695, 0.9, 0.692, 0.6] {
      control.noteEpoch(validationError: error)
      rates.append(control.rate(base: 1, after: 0))
    }
    #expect(rates == [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
  }

  @Test func fittingGoesByThem() throws {
    let data = try TrainingSupport.data(count: 64)
    // Four steps an epoch: the warm-up takes 25.
    let warm = try TrainingFitTests.trainer(rate: 0.02).fit(
      data,
      options: FitOptions(
        epochs: 27, batchSize: 16, warmUp: WarmUp(rate: 0.01, untilError: 0.9)))
    #expect(warm.map(\.learningRate) == [Float](repeating: 0.01, count: 25) + [0.02, 0.02])

    let history = try TrainingFitTests.trainer(rate: 0.02).fit(
      data, validation: try TrainingSupport.data(count: 40, seed: 2),
      options: FitOptions(
        epochs: 40, batchSize: 16, plateau: Plateau(patience: 3, threshold: 0)))
    let learned = try #require(history.firstIndex { $0.validation?.accuracy == 1 })
    let dropped = try #require(history.firstIndex { $0.learningRate < 0.01 })
    #expect(dropped <= learned + 4, "no error is lower than none")
    #expect(history[0].learningRate == 0.02)
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    let data = try TrainingSupport.data(count: 16)
    let trainer = try TrainingFitTests.trainer()
    for options in [
      FitOptions(batchSize: 4, warmUp: WarmUp(rate: -1)),
      FitOptions(batchSize: 4, warmUp: WarmUp(rate: .infinity)),
      FitOptions(batchSize: 4, warmUp: WarmUp(untilError: 1.5)),
      FitOptions(batchSize: 4, warmUp: WarmUp(untilError: .nan)),
      FitOptions(batchSize: 4, plateau: Plateau(patience: 0)),
      FitOptions(batchSize: 4, plateau: Plateau(threshold: -0.1)),
    ] {
      let error = thrownError { try trainer.fit(data, validation: data, options: options) }
      #expect(error?.kind == .invalidArgument)
    }
    let alone = thrownError {
      try trainer.fit(data, options: FitOptions(batchSize: 4, plateau: Plateau()))
    }
    #expect(alone?.message.contains("no validation data") == true)
    #expect(trainer.iterations == 0)
  }
}
