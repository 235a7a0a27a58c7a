import Testing

@testable import ResNet
@testable import ResNetData

/// What a host is told while the library works, in Swift; the C tests go through every long call.
@Suite(.serialized) struct HostTests {
  /// Images that take three batches to evaluate.
  private static func data() throws -> ImageDataset {
    try ImageDataset(
      Images(
        .bytes([UInt8](repeating: 3, count: 600 * 64)), count: 600, channels: 1, height: 8, width: 8
      ),
      labels: [Int](repeating: 0, count: 600), classes: 2)
  }

  private static func model() throws -> Model {
    try Model(.preset("resnet8", classes: 2, inputChannels: 1))
  }

  @Test func aWatcherSeesEveryStepAndTheNextCallNone() throws {
    let (model, data) = (try Self.model(), try Self.data())
    var seen: [Step] = []
    let watcher = { (step: Step) in
      seen.append(step)
      return true
    }
    let metrics = try withStepWatcher(watcher) { () throws(ResNetError) in
      try model.evaluate(data)
    }
    #expect(metrics.count == 600)
    #expect(seen.map(\.done) == [256, 512])
    #expect(seen.allSatisfy { $0.activity == .evaluating && $0.total == 600 })
    _ = try model.evaluate(data)
    #expect(seen.count == 2)
  }

  @Test func watchersNest() throws {
    let (model, data) = (try Self.model(), try Self.data())
    var (outer, inner) = (0, 0)
    let countOuter = { (_: Step) in
      outer += 1
      return true
    }
    let countInner = { (_: Step) in
      inner += 1
      return true
    }
    try withStepWatcher(countOuter) { () throws(ResNetError) in
      try withStepWatcher(countInner) { () throws(ResNetError) in
        _ = try model.evaluate(data)
      }
      _ = try model.evaluate(data)
    }
    #expect((outer, inner) == (2, 2))
  }

  @Test func aWatcherStopsACall() throws {
    let (model, data) = (try Self.model(), try Self.data())
    let stop = { (_: Step) in false }
    let error = thrownError {
      try withStepWatcher(stop) { () throws(ResNetError) in try model.evaluate(data) }
    }
    #expect(error?.kind == .cancelled)
    #expect(error?.message == "stopped by the step callback while evaluating, after 256 of 600")
  }

  @Test func aWatcherSetInAWatcherIsNotCalledMeanwhile() throws {
    let (model, data) = (try Self.model(), try Self.data())
    var (outer, inner) = (0, 0)
    var failure: (any Error)?
    let countInner = { (_: Step) in
      inner += 1
      return true
    }
    let replace = { (_: Step) in
      outer += 1
      do {
        try StepWatcher.setCurrent(countInner)
        _ = try model.evaluate(data)
      } catch {
        failure = error
      }
      return true
    }
    defer { #expect(throws: Never.self) { try StepWatcher.setCurrent(nil) } }
    try StepWatcher.setCurrent(replace)
    _ = try model.evaluate(data)
    // The new one sees what is left of the outer call, and nothing of the one within the old.
    #expect((outer, inner) == (1, 1))
    #expect(failure == nil)
    _ = try model.evaluate(data)
    #expect((outer, inner) == (1, 3))
  }

  @Test func aMessageOfTheLogIsOneLine() throws {
    let heard = Guarded<[String]>([])
    try Log.set(.warning) { _, message in heard.withLock { $0.append(message) } }
    defer { #expect(throws: Never.self) { try Log.set(.warning, nil) } }
    let (bad, good) = ("a\nb\r\nc\td\u{1B}[0m\0\u{85}\u{2028}é", "\u{1F600} \\n e\u{301}")
    Log.warning { bad }
    Log.warning { good }
    #expect(
      heard.withLock { $0 } == [#"a\nb\r\nc\td\u{1b}[0m\u{0}\u{85}\u{2028}é"#, good])
  }

  @Test func theLogHasWhatWasAskedFor() throws {
    let (model, data) = (try Self.model(), try Self.data())
    let heard = Guarded<[String]>([])
    try Log.set(.info) { _, message in heard.withLock { $0.append(message) } }
    defer { #expect(throws: Never.self) { try Log.set(.info, nil) } }
    var options = FitOptions()
    options.batchSize = 300
    try Trainer(model).fit(data, options: options)
    let messages = heard.withLock { $0 }
    #expect(messages.first?.hasPrefix("libresnet \(libraryVersion), instruction set ") == true)
    #expect(messages.contains { $0.hasPrefix("epoch 1 of 1: loss ") })
  }

  @Test(arguments: [
    (0, 2, "0.00"), (1.005, 1, "1.0"), (12.999, 2, "13.00"), (-0.25, 2, "-0.25"),
    (-0.001, 2, "0.00"),
    (.nan, 2, "nan"), (.infinity, 2, "inf"), (3.07, 3, "3.070"),
  ])
  func decimals(_ value: Double, _ count: Int, _ text: String) {
    #expect(Log.decimals(value, count) == text)
  }
}
