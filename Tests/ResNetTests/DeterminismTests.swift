import Testing

@testable import ResNet

/// The same bits whatever the number of threads, and whoever else computes at the same time.
///
/// Serialized, because the number of threads is a setting of the process. Other suites may run
/// meanwhile: their results must not depend on it, which is the point.
@Suite(.serialized) struct DeterminismTests {
  /// Everything that training changes, as bits: -0 and 0, and one NaN and another, are different.
  struct Outcome: Equatable, Sendable {
    var losses: [UInt64] = []
    var correct: [Int] = []
    var parameters: [UInt32] = []
    var gradients: [UInt32] = []
    var velocity: [UInt32] = []
  }

  static let trainingCases = [
    GradientCases.basic[3], GradientCases.basic[8], GradientCases.basic[9],
    GradientCases.basic[10], GradientCases.bottleneck[1], GradientCases.imageNet[0],
    GradientCases.imageNet[3], resized(InferenceCases.cifar[0], count: 10, 24, 20),
    resized(InferenceCases.imageNet[5], count: 5, 40, 48),
  ]

  static let comparators =
    GradientCases.blocks + GradientCases.vectors + GradientCases.comparators

  @Test(
    "Training gives the same bits with 1, 2, 3 and 7 threads",
    arguments: trainingCases + comparators)
  func training(_ test: ReferenceCase) throws {
    defer { try? Engine.setThreads(0) }
    try Engine.setThreads(1)
    let expected = try Self.train(test)
    #expect(expected.losses.allSatisfy { Double(bitPattern: $0).isFinite })
    for threads in [2, 3, 7] {
      try Engine.setThreads(threads)
      expectSame(try Self.train(test), expected, "\(threads) threads")
    }
  }

  @Test(
    "Inference gives the same bits with 1, 2, 3 and 7 threads",
    arguments: [
      InferenceCases.cifar[0], InferenceCases.cifar[1], InferenceCases.imageNet[6],
      InferenceCases.imageNet[8], InferenceCases.imageNet[10], InferenceCases.roundedUp[6],
    ] + comparators)
  func inference(_ test: ReferenceCase) throws {
    defer { try? Engine.setThreads(0) }
    let images = try test.images()
    try Engine.setThreads(1)
    #expect(Engine.threads == 1)
    let expected = try test.model().logits(images).map(\.bitPattern)
    for threads in [2, 3, 7] {
      try Engine.setThreads(threads)
      #expect(Engine.threads == threads)
      #expect(try test.model().logits(images).map(\.bitPattern) == expected, "\(threads) threads")
    }
  }

  @Test("The number of threads can change between the steps of one run")
  func changingThreads() throws {
    defer { try? Engine.setThreads(0) }
    let test = Self.trainingCases[6]
    try Engine.setThreads(1)
    let expected = try Self.train(test)
    // More threads when the engine is made than at some of its steps.
    try Engine.setThreads(7)
    let changing = try Self.train(test) { step in try Engine.setThreads([7, 1, 2, 0][step % 4]) }
    expectSame(changing, expected, "threads changed between steps")
  }

  @Test("A number of threads out of range is refused", arguments: [-1, Int.min, Int.max])
  func threadsOutOfRange(_ count: Int) throws {
    let before = Engine.threads
    let error = #expect(throws: ResNetError.self) { try Engine.setThreads(count) }
    #expect(error?.kind == .invalidArgument)
    #expect(Engine.threads == before)
  }

  @Test("Zero threads means one per available core")
  func automaticThreads() throws {
    try Engine.setThreads(0)
    #expect(Engine.threads >= 1)
  }

  @Test("Models used from several threads at once give the same bits as alone", arguments: [1, 3])
  func concurrent(threads: Int) async throws {
    defer { try? Engine.setThreads(0) }
    try Engine.setThreads(threads)
    let training = [Self.trainingCases[6], Self.trainingCases[7], Self.trainingCases[4]]
    let inference = [InferenceCases.cifar[0], InferenceCases.imageNet[8]]
    let alone = try training.map { try Self.train($0) }
    let aloneLogits = try inference.map { try Self.infer($0) }

    try await withThrowingTaskGroup { group in
      for _ in 0..<2 {
        for (test, expected) in zip(training, alone) {
          group.addTask { expectSame(try Self.train(test), expected, "\(test)") }
        }
        for (test, expected) in zip(inference, aloneLogits) {
          group.addTask {
            let logits = try Self.infer(test)
            #expect(logits == expected, "\(test)")
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Four steps with momentum and decay from the case's random weights.
  private static func train(_ test: ReferenceCase, beforeStep: (Int) throws -> Void = { _ in })
    throws -> Outcome
  {
    let model = try test.model()
    let images = try test.images()
    let labels = test.labels()
    let engine = try TrainingEngine(model, batch: test.count, extent: test.extent)
    var velocity = [Float](repeating: 0, count: model.layout.trainableFloats)
    var outcome = Outcome()
    for step in 0..<4 {
      try beforeStep(step)
      let (loss, correct) = try images.withView { view throws(ResNetError) in
        try engine.forwardBackward(view, normalization: model.normalization, labels: labels)
      }
      outcome.losses.append(loss.bitPattern)
      outcome.correct.append(correct)
      engine.update(
        velocity: &velocity, rate: 0.01, momentum: 0.9, decay: 1e-4, spareBNAndBiases: false)
    }
    let (store, count) = (try model.parameters.values, model.layout.totalFloats)
    outcome.parameters = (0..<count).map { store[$0].bitPattern }
    outcome.gradients = velocity.indices.map { engine.gradients[$0].bitPattern }
    outcome.velocity = velocity.map(\.bitPattern)
    return outcome
  }

  private static func infer(_ test: ReferenceCase) throws -> [UInt32] {
    let model = try test.model()
    let images = try test.images()
    let first = try model.logits(images).map(\.bitPattern)
    for _ in 0..<5 where try model.logits(images).map(\.bitPattern) != first { return [] }
    return first
  }

  private static func resized(
    _ test: ReferenceCase, count: Int, _ height: Int, _ width: Int
  ) -> ReferenceCase {
    var test = test
    test.count = count
    test.extent = Extent(height: height, width: width)
    return test
  }
}

/// Compares by part, so that a failure does not print thousands of values.
private func expectSame(
  _ actual: DeterminismTests.Outcome, _ expected: DeterminismTests.Outcome, _ what: Comment,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let parts = [
    ("losses", actual.losses == expected.losses), ("correct", actual.correct == expected.correct),
    ("gradients", actual.gradients == expected.gradients),
    ("parameters", actual.parameters == expected.parameters),
    ("velocity", actual.velocity == expected.velocity),
  ]
  for (name, same) in parts {
    #expect(same, "\(name): \(what)", sourceLocation: sourceLocation)
  }
}
