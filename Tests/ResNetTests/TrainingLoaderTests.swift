import Glibc
import Synchronization
import Testing

@testable import ResNet
@testable import ResNetData

/// Reading ahead of training: whatever the number of workers, nothing but the time differs.
@Suite struct TrainingLoaderTests {
  static let workerCounts = [0, 1, 2, 5]

  /// What a training on data of that many images leaves.
  static func fitted(
    _ data: any TrainingData, workers: Int?, prefetch: Int = 2, epochs: Int = 2,
    progress: ((Progress) -> Bool)? = nil
  ) throws -> [UInt32] {
    let trainer = try TrainingFitTests.trainer()
    try trainer.fit(
      data, validation: try TrainingSupport.data(count: 30, seed: 2),
      options: FitOptions(
        epochs: epochs, batchSize: 9, augmentation: Augmentation(padding: 1, mirror: true), seed: 3,
        workers: workers, prefetch: prefetch), progress: progress)
    return try TrainingSupport.bits(trainer.model)
  }

  @Test func anyNumberOfWorkersTrainsToTheSameBits() throws {
    let data = try TrainingSupport.data(count: 50)
    let expected = try Self.fitted(data, workers: 0)
    for workers in Self.workerCounts + [40] {
      for prefetch in [1, 2, 7] {
        #expect(try Self.fitted(data, workers: workers, prefetch: prefetch) == expected)
      }
    }
    #expect(try Self.fitted(data, workers: nil) == expected)
  }

  @Test func evaluationIsTheSameWithAnyNumberOfWorkers() throws {
    let data = try TrainingSupport.data(count: 700)
    let model = try TrainingFitTests.trainer().model
    let expected = try model.evaluate(data, workers: 0) { _, _ in }
    for workers in Self.workerCounts {
      var seen = 0
      #expect(try model.evaluate(data, workers: workers) { _, _ in seen += 1 } == expected)
      #expect(seen == 700)
    }
  }

  @Test func batchesAreReadAheadByOtherThreads() throws {
    // The callback of the first step returns once the third batch has been asked for.
    let data = WatchedData(try TrainingSupport.data(count: 50))
    let seen = Guarded(Set<Int>())
    let readers = Guarded(Set<pthread_t>())
    data.onRead = { (indices, epoch) throws(ResNetError) in
      if epoch == 0 { seen.withLock { $0.formUnion(indices) } }
      readers.withLock { _ = $0.insert(pthread_self()) }
    }
    _ = try Self.fitted(data, workers: 2, epochs: 1) { progress in
      var waited = 0
      while progress.step == 1, seen.withLock({ $0.count }) < 27, waited < 20_000 {
        usleep(1000)
        waited += 1
      }
      #expect(seen.withLock { $0.count } >= 27)
      return true
    }
    #expect(readers.withLock { $0.contains { $0 != pthread_self() } })
  }

  @Test func anImageThatCannotBeReadStopsTheTrainingAtTheStepThatNeedsIt() throws {
    let order = shuffledIndices(count: 32, seed: 0, epoch: 0)
    for workers in Self.workerCounts {
      for failing in [0, 7, 8, 15, 27, 31] {
        let data = WatchedData(try TrainingSupport.data(count: 32))
        data.onRead = { (indices, _) throws(ResNetError) in
          if indices.contains(order[failing]) {
            throw ResNetError(.inputOutput, "the disk is gone")
          }
        }
        let trainer = try TrainingFitTests.trainer()
        let error = thrownError {
          try trainer.fit(data, options: FitOptions(batchSize: 8, workers: workers))
        }
        #expect(error == ResNetError(.inputOutput, "the disk is gone"))
        #expect(trainer.iterations == failing / 8)
      }
    }
  }

  @Test func ofSeveralImagesThatCannotBeReadTheFirstIsNamed() throws {
    let order = shuffledIndices(count: 32, seed: 0, epoch: 0)
    let data = WatchedData(try TrainingSupport.data(count: 32))
    data.onRead = { (indices, _) throws(ResNetError) in
      for place in indices.compactMap(order.firstIndex(of:)) where place % 4 == 3 {
        throw ResNetError(.inputOutput, "place \(place)")
      }
    }
    for workers in Self.workerCounts {
      let error = thrownError {
        try TrainingFitTests.trainer().fit(
          data, options: FitOptions(batchSize: 32, workers: workers))
      }
      #expect(error?.message == "place 3")
    }
  }

  @Test func nothingIsReadOnceTheTrainingIsOver() throws {
    let data = WatchedData(try TrainingSupport.data(count: 200))
    let readings = Atomic(0)
    data.onRead = { (_, _) throws(ResNetError) in readings.add(1, ordering: .relaxed) }
    for workers in Self.workerCounts {
      for stop in [1, 2, 5] {
        let error = thrownError { try Self.fitted(data, workers: workers) { $0.iteration < stop } }
        #expect(error?.kind == .cancelled)
        let counted = readings.load(ordering: .relaxed)
        usleep(5000)
        #expect(readings.load(ordering: .relaxed) == counted)
      }
    }
  }

  @Test func theCallbackMayReadTheSameData() throws {
    let data = try TrainingSupport.data(count: 50)
    let expected = try Self.fitted(data, workers: 0)
    let model = try TrainingFitTests.trainer().model
    let metrics = try model.evaluate(data)
    let again = try Self.fitted(data, workers: 2) { _ in (try? model.evaluate(data)) == metrics }
    #expect(again == expected)
  }

  @Test func numbersOutOfRangeAreRefused() throws {
    let data = try TrainingSupport.data(count: 20)
    for workers in [-1, 257, .max, .min] {
      let error = thrownError { try Self.fitted(data, workers: workers) }
      #expect(error?.kind == .invalidArgument && error?.message.contains("workers") == true)
    }
    for prefetch in [0, -1, 65, .max, .min] {
      let error = thrownError { try Self.fitted(data, workers: 1, prefetch: prefetch) }
      #expect(error?.kind == .invalidArgument && error?.message.contains("ahead") == true)
    }
  }
}
