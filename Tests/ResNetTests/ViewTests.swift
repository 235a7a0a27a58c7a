import Glibc
import Testing

@testable import ResNet
@testable import ResNetData

/// The testing protocols against one view at a time, put together by hand.
@Suite struct ViewTests {
  static let classes = 7

  static func model(channels: Int = 3, seed: UInt64 = 2) throws -> Model {
    let model = try Model(
      TrainingSupport.network(channels: channels, classes: classes), seed: seed)
    try model.setNormalization(
      Normalization(
        mean: (0..<channels).map { 100 + Float($0) },
        scale: [Float](repeating: 0.02, count: channels)))
    return model
  }

  static func image(_ height: Int, _ width: Int, channels: Int = 3, seed: UInt64 = 1) throws
    -> SourceImage
  {
    var random = ReferenceRandom(seed)
    let count = height * width * channels
    return .bytes(
      try Raster(
        pixels: (0..<count).map { _ in UInt8(random.below(256)) }, height: height, width: width,
        channels: channels))
  }

  /// Of several sizes, two of which are the same, and more than are held at a time.
  static func images(_ count: Int = 70) throws -> [SourceImage] {
    try (0..<count).map { index in
      let (height, width) = [(12, 17), (17, 12), (12, 12), (12, 17), (30, 11)][index % 5]
      return try image(height, width, seed: UInt64(index))
    }
  }

  /// A part of an image or of its mirror image, pixel by pixel.
  private static func view(
    _ image: SourceImage, _ top: Int, _ left: Int, _ side: Int, mirrored: Bool
  )
    throws -> Images
  {
    guard case .bytes(let raster) = image else { throw ResNetError(.invalidArgument, "no bytes") }
    var pixels: [UInt8] = []
    for channel in 0..<raster.channels {
      for row in 0..<side {
        for column in 0..<side {
          let x = left + (mirrored ? side - 1 - column : column)
          let pixel = (top + row) * raster.extent.width + x
          pixels.append(raster.pixels[pixel * raster.channels + channel])
        }
      }
    }
    return try Images(
      .bytes(pixels), count: 1, channels: raster.channels, height: side, width: side)
  }

  private static func mean(_ rows: [[Float]]) -> [Double] {
    rows[0].indices.map { label in
      rows.reduce(0) { $0 + Double($1[label]) } / Double(rows.count)
    }
  }

  private static func softmax(_ scores: [Double]) -> [Double] {
    let sum = scores.reduce(0) { $0 + exp($1) }
    return scores.map { exp($0) / sum }
  }

  private func expectSame(
    _ actual: some Sequence<Float>, _ expected: [Double],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (actual, expected) in zip(actual, expected) {
      #expect(abs(Double(actual) - expected) < 1e-6, sourceLocation: sourceLocation)
    }
  }

  @Test(
    "10-crop is the mean over corners, middle and their mirror images", arguments: [9, nil])
  func tenCrop(resize: Int?) throws {
    let model = try Self.model()
    let images = try Self.images()
    let views = Views.tenCrop(crop: 8, resize: resize)
    #expect(views.count == 10)
    let probabilities = try model.probabilities(images, views: views)
    #expect(probabilities.count == images.count * Self.classes)
    for (index, image) in images.enumerated() {
      let seen = try image.resized(
        to: resize.map { image.extent.resized(shorterSide: $0) } ?? image.extent)
      let (bottom, right) = (seen.extent.height - 8, seen.extent.width - 8)
      // Half of an odd number of pixels is rounded to the even side, as Python's round() does.
      let middle = [bottom, right].map { Int((Double($0) / 2).rounded(.toNearestOrEven)) }
      let corners = [
        (0, 0), (0, right), (bottom, 0), (bottom, right), (middle[0], middle[1]),
      ]
      let rows = try corners.flatMap { top, left in
        try [false, true].map {
          try model.probabilities(Self.view(seen, top, left, 8, mirrored: $0))
        }
      }
      expectSame(
        probabilities[index * Self.classes..<(index + 1) * Self.classes], Self.mean(rows))
    }
  }

  @Test(
    "The centre crop is the middle of the resized image",
    arguments: [ResamplingFilter.bilinear, .bicubic])
  func centre(filter: ResamplingFilter) throws {
    let model = try Self.model()
    let images = try Self.images(10)
    var views = Views.centre(crop: 8, resize: 10)
    views.filter = filter
    let probabilities = try model.probabilities(images, views: views)
    for (index, image) in images.enumerated() {
      let size = image.extent.resized(shorterSide: 10)
      let seen = try image.resized(
        to: size, crop: size.centre(Extent(height: 8, width: 8)), filter: filter)
      expectSame(
        probabilities[index * Self.classes..<(index + 1) * Self.classes],
        try model.probabilities(seen.images).map(Double.init))
    }
  }

  @Test(
    "Multi-scale is the softmax of the mean of the scores over all sizes",
    arguments: [false, true])
  func multiScale(mirrored: Bool) throws {
    let model = try Self.model()
    let images = try Self.images()
    let sides = [8, 10, 15]
    let views = Views.multiScale(sides, mirrored: mirrored)
    #expect(views.count == (mirrored ? 6 : 3))
    let probabilities = try model.probabilities(images, views: views)
    for (index, image) in images.enumerated() {
      let rows = try sides.flatMap { side in
        let seen = try image.resized(to: image.extent.resized(shorterSide: side))
        return try (mirrored ? [false, true] : [false]).map {
          try model.logits($0 ? Self.mirror(seen) : seen.images)
        }
      }
      expectSame(
        probabilities[index * Self.classes..<(index + 1) * Self.classes],
        Self.softmax(Self.mean(rows)))
    }
  }

  private static func mirror(_ image: SourceImage) throws -> Images {
    let images = try image.images
    guard case .bytes(let pixels) = images.pixels else {
      throw ResNetError(.invalidArgument, "no bytes")
    }
    let width = images.extent.width
    let turned = pixels.indices.map { pixels[$0 / width * width + width - 1 - $0 % width] }
    return try Images(
      .bytes(turned), count: 1, channels: images.channels, height: images.extent.height,
      width: width)
  }

  @Test("What is averaged can be chosen")
  func averages() throws {
    let model = try Self.model()
    let images = try Self.images(5)
    for base in [Views.tenCrop(crop: 8, resize: 9), .multiScale([8, 11])] {
      var (scores, probabilities) = (base, base)
      scores.average = .scores
      probabilities.average = .probabilities
      let first = try model.probabilities(images, views: scores)
      let second = try model.probabilities(images, views: probabilities)
      #expect(first != second)
      #expect(try model.probabilities(images, views: base) == (base.mirrored ? second : first))
    }
  }

  @Test("Single views are what the model makes of the images as they are")
  func single() throws {
    let (pixels, labels) = try TrainingSupport.images(count: 300)
    let model = try Self.model()
    expectSame(
      try model.probabilities(pixels, views: .single),
      try model.probabilities(pixels).map(Double.init))
    #expect(try model.predict(pixels, views: .single) == model.predict(pixels))
    let data = try ImageDataset(pixels, labels: labels, classes: Self.classes)
    let (expected, confusion) = try model.evaluateByClass(data)
    let (metrics, counts) = try model.evaluateByClass(data, views: .single)
    #expect(counts == confusion)
    #expect(abs(metrics.loss - expected.loss) < 1e-6)
    #expect(metrics.accuracy == expected.accuracy)
    #expect(metrics.top5Accuracy == expected.top5Accuracy && metrics.count == 300)
  }

  @Test(
    "Metrics are those of the averages",
    arguments: [Views.tenCrop(crop: 8, resize: 9), .multiScale([8, 11], mirrored: true)])
  func metrics(_ views: Views) throws {
    let model = try Self.model()
    let images = try Self.images()
    let labels = images.indices.map { ($0 * 5 + $0 / 7) % Self.classes }
    let source = ListedImages(images, labels: labels, classes: Self.classes)
    let (metrics, confusion) = try model.evaluateByClass(source, views: views)
    let probabilities = try model.probabilities(images, views: views).map(Double.init)
    var loss = 0.0
    var (correct, amongFive) = (0, 0)
    var counts = [Int](repeating: 0, count: Self.classes * Self.classes)
    for (index, label) in labels.enumerated() {
      let row = probabilities[index * Self.classes..<(index + 1) * Self.classes].enumerated()
      let order = row.sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.map(\.offset)
      loss -= log(probabilities[index * Self.classes + label]) / Double(images.count)
      if order[0] == label { correct += 1 }
      if order.prefix(5).contains(label) { amongFive += 1 }
      counts[label * Self.classes + order[0]] += 1
    }
    #expect(abs(metrics.loss - loss) < 1e-6)
    #expect(metrics.accuracy == Double(correct) / Double(images.count))
    #expect(metrics.top5Accuracy == Double(amongFive) / Double(images.count))
    #expect(metrics.count == images.count && confusion.counts == counts)
    #expect(try model.evaluate(source, views: views) == metrics)
    #expect(
      try model.predict(images, views: views)
        == images.indices.map { index in
          (0..<Self.classes).max {
            probabilities[index * Self.classes + $0] < probabilities[index * Self.classes + $1]
          }
        })
  }

  @Test("The same bits on any number of threads")
  func threads() throws {
    defer { try? Engine.setThreads(0) }
    let images = try Self.images()
    for views in [Views.tenCrop(crop: 8, resize: 9), .multiScale([8, 11], mirrored: true)] {
      try Engine.setThreads(1)
      let expected = try Self.model().probabilities(images, views: views)
      for threads in [2, 3, 7] {
        try Engine.setThreads(threads)
        #expect(try Self.model().probabilities(images, views: views) == expected)
      }
    }
  }

  @Test("Whole images that are resized get the mean per channel of a mean per pixel")
  func perPixelMean() throws {
    let images = try Self.images(5)
    let (perPixel, perChannel) = (try Self.model(), try Self.model())
    let mean = (0..<192).map { Float($0 % 64) + Float($0 / 64) * 10 }
    try perPixel.setNormalization(
      Normalization(mean: mean, meanExtent: Extent(height: 8, width: 8), scale: [0.02, 0.02, 0.02]))
    try perChannel.setNormalization(
      Normalization(mean: [31.5, 41.5, 51.5], scale: [0.02, 0.02, 0.02]))
    let views = Views.multiScale([8, 11])
    #expect(
      try perPixel.probabilities(images, views: views)
        == perChannel.probabilities(images, views: views))
    let crops = Views.tenCrop(crop: 8, resize: 9)
    #expect(
      try perPixel.probabilities(images, views: crops)
        != perChannel.probabilities(images, views: crops))
    let error = thrownError {
      _ = try perPixel.probabilities(images, views: .tenCrop(crop: 7, resize: 9))
    }
    #expect(error?.kind == .shapeMismatch && error?.message.contains("7x7") == true)
  }

  @Test("Float images, and bytes of other than 1 or 3 channels, have views too")
  func otherImages() throws {
    let model = try Self.model(channels: 2)
    var random = ReferenceRandom(5)
    let bytes = (0..<2 * 2 * 9 * 11).map { _ in UInt8(random.below(256)) }
    let asBytes = try Images(.bytes(bytes), count: 2, channels: 2, height: 9, width: 11)
    let asFloats = try Images(
      .float(bytes.map { Float($0) }), count: 2, channels: 2, height: 9, width: 11)
    let views = Views.tenCrop(crop: 6, resize: 7)
    #expect(
      try model.probabilities(asBytes, views: views)
        == model.probabilities(asFloats, views: views))
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let model = try Self.model()
    let images = try Self.images(5)
    func error(_ views: Views, _ images: [SourceImage]) -> ResNetError? {
      thrownError { _ = try model.probabilities(images, views: views) }
    }
    for views in [
      Views.tenCrop(crop: 0), .centre(crop: -1), .centre(crop: 8, resize: 0), .multiScale([8, -3]),
      .tenCrop(crop: 10, resize: 9), .tenCrop(crop: 12, resize: nil),
    ] {
      #expect(error(views, images)?.kind == .invalidArgument, "\(views)")
    }
    for views in [Views.multiScale([.max]), .tenCrop(crop: .max, resize: .max)] {
      #expect(error(views, images)?.kind == .shapeMismatch, "\(views)")
    }
    let grey = [images[0], try Self.image(9, 9, channels: 1)]
    let mixed = error(.single, grey)
    #expect(mixed?.kind == .shapeMismatch)
    #expect(mixed?.message.contains("image 1 has 1 channels") == true)
    let notFinite = SourceImage.floats(
      try FloatImage(
        pixels: [Float](repeating: .nan, count: 300), channels: 3, height: 10, width: 10))
    let nan = error(.centre(crop: 8, resize: 9), [images[0], notFinite])
    #expect(nan?.kind == .notFinite && nan?.message.contains("image 1") == true)

    let none = ListedImages([], labels: [], classes: Self.classes)
    #expect(
      thrownError { _ = try model.evaluate(none, views: .single) }?.kind == .invalidArgument)
    let many = ListedImages(images, labels: [0, 1, 2, 3, 4], classes: Self.classes + 1)
    let refusal = thrownError { _ = try model.evaluate(many, views: .single) }
    #expect(refusal?.kind == .shapeMismatch)
  }

  @Test("A part of a dataset has the views of its images")
  func subset() throws {
    let model = try Self.model()
    let data = try TrainingSupport.data(count: 20)
    let views = Views.tenCrop(crop: 6, resize: 7)
    let indices = [3, 17, 5]
    let expected = try indices.map {
      try model.evaluate(Subset(data, indices: [$0]), views: views).loss
    }
    let part = try model.evaluate(Subset(data, indices: indices), views: views)
    #expect(abs(part.loss - expected.reduce(0, +) / 3) < 1e-6)
    #expect(Set(expected).count == 3)
    let unknown = try Subset(WatchedData(data), indices: [0])
    let error = thrownError { _ = try model.evaluate(unknown, views: views) }
    #expect(error?.kind == .invalidArgument && error?.message.contains("whole images") == true)
  }

  @Test("What a source throws is passed on, of the first image first")
  func failingSource() throws {
    let source = ListedImages(
      try Self.images(), labels: [Int](repeating: 0, count: 70), classes: Self.classes)
    source.damaged = [41, 3, 5]
    let error = thrownError { _ = try Self.model().evaluate(source, views: .multiScale([8])) }
    #expect(error?.kind == .badFormat && error?.message == "image 3 is damaged")
  }
}

/// Images in an array.
final class ListedImages: ImageSource {
  let images: [SourceImage]
  let labels: [Int]
  let classes: Int
  var damaged: Set<Int> = []

  init(_ images: [SourceImage], labels: [Int], classes: Int) {
    self.images = images
    self.labels = labels
    self.classes = classes
  }

  var count: Int { images.count }
  var channels: Int { images.first?.channels ?? 3 }
  var classNames: [String] { [] }

  func label(_ index: Int) throws(ResNetError) -> Int { labels[index] }

  func image(_ index: Int) throws(ResNetError) -> SourceImage {
    guard !damaged.contains(index) else {
      throw ResNetError(.badFormat, "image \(index) is damaged")
    }
    return images[index]
  }
}
