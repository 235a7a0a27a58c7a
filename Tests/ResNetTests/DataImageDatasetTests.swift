import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataImageDatasetTests {
  static func images(_ pixels: [Float], count: Int) throws -> Images {
    try Images(.float(pixels), count: count, channels: 1, height: 1, width: 2)
  }

  @Test func keepsWhatItWasGiven() throws {
    let data = try ImageDataset(
      Self.images([0.5, 1, 2, 3, -4, 5], count: 3), labels: [1, 0, 1], classes: 2,
      classNames: ["left", "right"])
    #expect(data.count == 3 && data.channels == 1 && data.classes == 2)
    #expect(data.extent == Extent(height: 1, width: 2))
    #expect(data.classNames == ["left", "right"] && data.unitScale == 1)
    let batch = try Batch(capacity: 3, channels: 1, extent: data.extent)
    try batch.read([2, 0, 2], of: data, normalization: .identity)
    #expect(batch.values == [-4, 5, 0.5, 1, -4, 5])
    #expect(Array(batch.labels) == [1, 1, 1])
  }

  @Test func borrowedImagesAreCopied() throws {
    var pixels: [UInt8] = [1, 2, 3, 4]
    let data = try pixels.withUnsafeBytes { bytes in
      try [Int32(0), 1].withUnsafeBufferPointer { labels in
        try ImageDataset(
          ImagesView(
            pixels: bytes.baseAddress, isBytes: true, count: 2, channels: 1,
            extent: Extent(height: 1, width: 2)), labels: labels, classes: 2)
      }
    }
    pixels = [9, 9, 9, 9]
    let batch = try Batch(capacity: 2, channels: 1, extent: data.extent)
    try batch.read([0, 1], of: data, normalization: .identity)
    #expect(batch.values == [1, 2, 3, 4])
    #expect(data.unitScale == 1 / 255 as Float)
  }

  @Test(arguments: [
    ([0, 2], "label 1 is 2; with 2 classes, labels are 0 to 1"),
    ([-1, 0], "label 0 is -1"), ([0, 1 << 40], "label 1 is 1099511627776"),
  ])
  func labelsThatAreNoClassAreRefused(_ labels: [Int], _ words: String) throws {
    let error = thrownError {
      try ImageDataset(Self.images([1, 2, 3, 4], count: 2), labels: labels, classes: 2)
    }
    #expect(error?.kind == .invalidArgument)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func pixelsThatAreNotFiniteAreRefused(_ value: Float) throws {
    let error = thrownError {
      try ImageDataset(Self.images([1, 2, 3, value], count: 2), labels: [0, 0], classes: 1)
    }
    #expect(error?.kind == .notFinite)
    #expect(error?.message.contains("pixel 1 of image 1 is \(value)") == true)
  }

  @Test func countsThatDoNotFitAreRefused() throws {
    let images = try Self.images([1, 2, 3, 4], count: 2)
    let labels = thrownError { try ImageDataset(images, labels: [0], classes: 1) }
    #expect(labels == ResNetError(.shapeMismatch, "got 1 labels for 2 images"))
    let names = thrownError {
      try ImageDataset(images, labels: [0, 0], classes: 2, classNames: ["one"])
    }
    #expect(names == ResNetError(.shapeMismatch, "got 1 class names for 2 classes"))
    for classes in [0, -1, 1 << 40] {
      let error = thrownError { try ImageDataset(images, labels: [0, 0], classes: classes) }
      #expect(error?.kind == .invalidArgument)
    }
    let missing = thrownError {
      try [Int32(0)].withUnsafeBufferPointer { labels in
        try ImageDataset(
          ImagesView(
            pixels: nil, isBytes: true, count: 1, channels: 1,
            extent: Extent(height: 1, width: 1)), labels: labels, classes: 1)
      }
    }
    #expect(missing?.kind == .invalidArgument)
  }

  @Test func perPixelMeanIsTheMeanOfEachPixel() throws {
    let floats = try ImageDataset(
      Self.images([1, 10, 2, 20, 6, -60], count: 3), labels: [0, 0, 0], classes: 1)
    #expect(try floats.perPixelMean() == [3, -10])
    let bytes = try ImageDataset(
      Images(.bytes([255, 0, 254, 1]), count: 2, channels: 2, height: 1, width: 1),
      labels: [0, 0], classes: 1)
    #expect(try bytes.perPixelMean() == [254.5, 0.5])
  }

  @Test func perPixelMeanKeepsItsPrecisionOverManyImages() throws {
    // A running sum in single precision stops growing at 2^24.
    let count = 200_000
    let data = try ImageDataset(
      Images(
        .bytes([UInt8](repeating: 251, count: count)), count: count, channels: 1, height: 1,
        width: 1), labels: [Int](repeating: 0, count: count), classes: 1)
    #expect(try data.perPixelMean() == [251])
  }
}

extension Batch {
  /// The pixels of the images in it.
  var values: [Float] {
    view.pixels.map {
      Array(
        UnsafeBufferPointer(
          start: $0.assumingMemoryBound(to: Float.self),
          count: count * channels * extent.height * extent.width))
    } ?? []
  }
}
