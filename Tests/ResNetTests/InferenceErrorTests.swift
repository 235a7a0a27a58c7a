import Testing

@testable import ResNet

/// Images that a model cannot take: an error that names what is wrong, and no harm done.
@Suite struct InferenceErrorTests {
  private static let test = InferenceCases.cifar[1]

  @Test(
    "A pixel that is not finite is named by image, channel, row and column",
    arguments: [Float.nan, .infinity, -.infinity], [false, true])
  func notFinite(_ value: Float, training: Bool) throws {
    let test = Self.test
    let model = try test.model()
    var random = ReferenceRandom(3)
    for (image, channel, row, column) in [(0, 0, 0, 0), (5, 1, 7, 2), (16, 2, 8, 12)] {
      var pixels = random.floats(test.count * 3 * 9 * 13, -1...1)
      pixels[((image * 3 + channel) * 9 + row) * 13 + column] = value
      let images = try Images(
        .float(pixels), count: test.count, channels: 3, height: 9, width: 13)
      let error = #expect(throws: ResNetError.self) {
        if training {
          let engine = try TrainingEngine(model, batch: test.count, extent: test.extent)
          _ = try images.withView { view throws(ResNetError) in
            try engine.forwardBackward(
              view, normalization: model.normalization, labels: test.labels())
          }
        } else {
          _ = try model.logits(images)
        }
      }
      #expect(error?.kind == .notFinite)
      for place in ["image \(image)", "channel \(channel)", "row \(row)", "column \(column)"] {
        #expect(error?.message.contains(place) == true, "\(place) in: \(error?.message ?? "")")
      }
    }
  }

  @Test("After a refused batch the model works as before")
  func recovers() throws {
    let model = try Self.test.model()
    let images = try Self.test.images()
    let before = try model.logits(images)
    let bad = try Images(
      .float([Float](repeating: .nan, count: 2 * 3 * 64)), count: 2, channels: 3, height: 8,
      width: 8)
    #expect(throws: ResNetError.self) { try model.logits(bad) }
    #expect(try model.logits(images) == before)
  }

  @Test("Images of another channel count are refused")
  func wrongChannels() throws {
    let model = try Self.test.model()
    for channels in [1, 2, 4] {
      let images = try Images(
        .bytes([UInt8](repeating: 9, count: channels * 81)), count: 1, channels: channels,
        height: 9, width: 9)
      expectShapeMismatch { try model.logits(images) }
      expectShapeMismatch { try model.probabilities(images) }
      expectShapeMismatch { try model.predict(images) }
    }
  }

  @Test("Images of another extent than the per-pixel mean are refused")
  func wrongMeanExtent() throws {
    var test = Self.test
    test.means = .perPixel
    let model = try test.model()
    // As many pixels, transposed: only the extent tells them apart.
    let images = try Images(
      .float([Float](repeating: 1, count: 3 * 9 * 13)), count: 1, channels: 3, height: 13,
      width: 9)
    expectShapeMismatch { try model.logits(images) }
    let engine = try TrainingEngine(model, batch: 1, extent: images.extent)
    expectShapeMismatch {
      try images.withView { view throws(ResNetError) in
        try engine.forwardBackward(view, normalization: model.normalization, labels: [0])
      }
    }
  }

  @Test(
    "No images, no pixels and dimensions out of range are refused",
    arguments: [
      (0, 8, 8), (-1, 8, 8), (1, 0, 8), (1, 8, 0), (1, -8, 8), (1, 8, Int.min),
      (Int.max, 8, 8), (1, Int.max, Int.max), (1, 1 << 31, 1 << 31),
    ])
  func degenerate(_ count: Int, _ height: Int, _ width: Int) throws {
    let model = try Self.test.model()
    let pixels = [Float](repeating: 0, count: 192)
    pixels.withUnsafeBytes { buffer in
      let view = ImagesView(
        pixels: buffer.baseAddress, isBytes: false, count: count, channels: 3,
        extent: Extent(height: height, width: width))
      expectShapeMismatch {
        try written(16) { buffer throws(ResNetError) in try model.logits(view, into: buffer) }
      }
    }
  }

  @Test("A training engine refuses a batch of another size, channel count or extent")
  func wrongTrainingBatch() throws {
    let model = try Self.test.model()
    let engine = try TrainingEngine(model, batch: 2, extent: Extent(height: 8, width: 8))
    for (count, channels, height, width) in [
      (1, 3, 8, 8), (3, 3, 8, 8), (2, 1, 8, 8), (2, 3, 4, 16), (2, 3, 16, 4),
    ] {
      let images = try Images(
        .bytes([UInt8](repeating: 1, count: count * channels * height * width)), count: count,
        channels: channels, height: height, width: width)
      expectShapeMismatch {
        try images.withView { view throws(ResNetError) in
          try engine.forwardBackward(
            view, normalization: model.normalization, labels: [0, 1, 2])
        }
      }
    }
  }

  @Test(
    "A plan for no images or no pixels is refused",
    arguments: [
      (0, 8, 8), (-3, 8, 8), (2, 0, 8), (2, 8, -1), (Int.max, 8, 8), (2, Int.max, 8),
      (1 << 31, 1, 1),
    ])
  func degenerateTraining(_ batch: Int, _ height: Int, _ width: Int) throws {
    let model = try Self.test.model()
    let error = #expect(throws: ResNetError.self) {
      try TrainingEngine(model, batch: batch, extent: Extent(height: height, width: width))
    }
    #expect([.shapeMismatch, .invalidArgument, .outOfMemory].contains(error?.kind))
  }

  private func expectShapeMismatch(
    _ body: () throws -> some Any, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: ResNetError.self, sourceLocation: sourceLocation) {
      _ = try body()
    }
    #expect(error?.kind == .shapeMismatch, sourceLocation: sourceLocation)
    #expect(error?.message.isEmpty == false, sourceLocation: sourceLocation)
  }
}
