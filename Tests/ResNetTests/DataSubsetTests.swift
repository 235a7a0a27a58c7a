import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataSubsetTests {
  @Test func aSubsetReadsTheImagesOfTheWhole() throws {
    let whole = try TrainingSupport.data(count: 40, names: ["a", "b", "c", "d"])
    let subset = try Subset(whole, indices: [7, 0, 39, 7])
    #expect(subset.count == 4 && subset.channels == 3 && subset.extent == whole.extent)
    #expect(subset.classes == 4 && subset.classNames == whole.classNames)
    #expect(subset.unitScale == whole.unitScale)
    let read = try Batch(capacity: 3, channels: 3, extent: whole.extent)
    let expected = try Batch(capacity: 3, channels: 3, extent: whole.extent)
    // Augmented as it is in the whole.
    let augmentation = Augmentation(padding: 2, mirror: true)
    try read.read(
      [3, 1, 2], of: subset, normalization: .identity, augmentation: augmentation, seed: 1,
      epoch: 2)
    try expected.read(
      [7, 0, 39], of: whole, normalization: .identity, augmentation: augmentation, seed: 1,
      epoch: 2)
    #expect(read.labels.elementsEqual(expected.labels))
    let pixels = try #require(read.view.pixels?.assumingMemoryBound(to: Float.self))
    let wanted = try #require(expected.view.pixels?.assumingMemoryBound(to: Float.self))
    #expect((0..<3 * 192).allSatisfy { pixels[$0] == wanted[$0] })
  }

  @Test func theMeanIsThatOfTheSubset() throws {
    let whole = try TrainingSupport.data(count: 40)
    #expect(try Subset(whole, indices: Array(0..<40)).perPixelMean() == whole.perPixelMean())
    let (pixels, labels) = TrainingSupport.pixels(count: 40)
    let few = try ImageDataset(
      Images(.bytes(Array(pixels[..<(10 * 192)])), count: 10, channels: 3, height: 8, width: 8),
      labels: Array(labels[..<10]), classes: 4)
    #expect(try Subset(whole, indices: Array(0..<10)).perPixelMean() == few.perPixelMean())
  }

  @Test func splittingIsAPartitionThatTheSeedGives() throws {
    let whole = try TrainingSupport.data(count: 100)
    let (training, validation) = try whole.split(validation: 30, seed: 5)
    #expect(training.count == 70 && validation.count == 30)
    #expect(Set(training.indices + validation.indices) == Set(0..<100))
    #expect(training.indices == training.indices.sorted())
    #expect(validation.indices == validation.indices.sorted())
    #expect(try whole.split(validation: 30, seed: 5).validation.indices == validation.indices)
    #expect(try whole.split(validation: 30, seed: 6).validation.indices != validation.indices)
    // Random: neither end of the dataset is preferred.
    let first = try whole.split(validation: 50).validation.indices.count { $0 < 50 }
    #expect((15...35).contains(first))
    // Not the images that come first in an epoch of the same seed.
    let order = shuffledIndices(count: 100, seed: 5, epoch: 0)
    #expect(validation.indices != order.prefix(30).sorted())
  }

  @Test func partsTrainAndValidate() throws {
    let parts = try TrainingSupport.data(count: 90).split(validation: 20)
    let trainer = try TrainingFitTests.trainer()
    let history = try trainer.fit(
      parts.training, validation: parts.validation, options: FitOptions(epochs: 2, batchSize: 10))
    #expect(history.last?.validation?.count == 20)
  }

  @Test func whatIsOutOfRangeIsRefused() throws {
    let whole = try TrainingSupport.data(count: 10)
    for indices in [[], [10], [-1], [0, .max], [.min]] {
      let refusal = thrownError { try Subset(whole, indices: indices) }
      #expect(refusal?.kind == .invalidArgument)
    }
    for count in [0, 10, 11, -1, .max, .min] {
      let error = thrownError { try whole.split(validation: count) }
      #expect(error?.kind == .invalidArgument && error?.message.contains("1 to 9") == true)
    }
    let subset = try Subset(whole, indices: [1, 2])
    let batch = try Batch(capacity: 1, channels: 3, extent: whole.extent)
    for index in [2, -1, .max] {
      let error = thrownError { try batch.read([index], of: subset, normalization: .identity) }
      #expect(error?.kind == .invalidArgument)
    }
  }
}
