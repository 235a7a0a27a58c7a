import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataReadingTests {
  /// Distinct values in the images, so that every view of one is recognised.
  static func data(count: Int, height: Int = 5, width: Int = 7, bytes: Bool = false)
    throws -> ImageDataset
  {
    let total = count * 2 * height * width
    let pixels: Images.Pixels =
      bytes
      ? .bytes((0..<total).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) })
      : .float((0..<total).map { Float($0 + 1) / 16 })
    return try ImageDataset(
      Images(pixels, count: count, channels: 2, height: height, width: width),
      labels: (0..<count).map { $0 % 3 }, classes: 3)
  }

  static func read(
    _ data: ImageDataset, _ indices: [Int], normalization: Normalization = .identity,
    augmentation: Augmentation? = nil, seed: UInt64 = 0, epoch: Int = 0
  ) throws -> [Float] {
    let batch = try Batch(
      capacity: max(indices.count, 1), channels: data.channels, extent: data.extent)
    try batch.read(
      indices[...], of: data, normalization: normalization, augmentation: augmentation, seed: seed,
      epoch: epoch)
    #expect(Array(batch.labels) == indices.map { Int32($0 % 3) })
    return batch.values
  }

  /// The padded image, a window of it, and its mirror image, pixel by pixel.
  static func view(
    _ image: [Float], channels: Int, height: Int, width: Int, top: Int, left: Int, mirror: Bool
  ) -> [Float] {
    var result: [Float] = []
    for channel in 0..<channels {
      for row in 0..<height {
        for column in 0..<width {
          let y = row + top
          let x = (mirror ? width - 1 - column : column) + left
          let inside = y >= 0 && y < height && x >= 0 && x < width
          result.append(inside ? image[(channel * height + y) * width + x] : 0)
        }
      }
    }
    return result
  }

  @Test(arguments: [false, true])
  func augmentedImagesAreTheViewsOfThePaddedImage(_ bytes: Bool) throws {
    let (height, width, padding) = (5, 7, 2)
    let normalization = Normalization(mean: [3.5, -1.25], scale: [0.5, 2])
    let data = try Self.data(count: 400, bytes: bytes)
    let plain = try Self.read(data, Array(0..<400), normalization: normalization)
    let augmented = try Self.read(
      data, Array(0..<400), normalization: normalization,
      augmentation: Augmentation(padding: padding, mirror: true), seed: 5)
    var seen: [String: Int] = [:]
    let size = 2 * height * width
    for image in 0..<400 {
      let source = Array(plain[image * size..<(image + 1) * size])
      let result = Array(augmented[image * size..<(image + 1) * size])
      var matches: [String] = []
      for top in -padding...padding {
        for left in -padding...padding {
          for mirror in [false, true]
          where Self.view(
            source, channels: 2, height: height, width: width, top: top, left: left,
            mirror: mirror) == result
          {
            matches.append("\(top) \(left) \(mirror)")
          }
        }
      }
      #expect(matches.count == 1, "image \(image)")
      for match in matches { seen[match, default: 0] += 1 }
    }
    // 50 views, 8 expected of each; a view that cannot occur would be missing.
    #expect(seen.count == 50)
    let mirrored = seen.filter { $0.key.hasSuffix("true") }.values.reduce(0, +)
    #expect(abs(mirrored - 200) < 50)
  }

  @Test func mirrorAloneTurnsHalfOfTheImages() throws {
    let data = try Self.data(count: 300)
    let plain = try Self.read(data, Array(0..<300))
    let result = try Self.read(
      data, Array(0..<300), augmentation: Augmentation(padding: 0, mirror: true), seed: 5)
    var mirrored = 0
    for image in 0..<300 {
      let source = Array(plain[image * 70..<(image + 1) * 70])
      let turned = Self.view(
        source, channels: 2, height: 5, width: 7, top: 0, left: 0, mirror: true)
      let given = Array(result[image * 70..<(image + 1) * 70])
      #expect(given == source || given == turned)
      if given == turned { mirrored += 1 }
    }
    #expect(abs(mirrored - 150) < 45)
  }

  @Test func cropAloneMirrorsNothingAndNoneChangesNothing() throws {
    let data = try Self.data(count: 100)
    let plain = try Self.read(data, Array(0..<100))
    let cropped = try Self.read(
      data, Array(0..<100), augmentation: Augmentation(padding: 1, mirror: false))
    for image in 0..<100 {
      let source = Array(plain[image * 70..<(image + 1) * 70])
      let views = (-1...1).flatMap { top in
        (-1...1).map { left in
          Self.view(
            source, channels: 2, height: 5, width: 7, top: top, left: left, mirror: false)
        }
      }
      #expect(views.contains(Array(cropped[image * 70..<(image + 1) * 70])))
    }
    let none = try Self.read(
      data, Array(0..<100), augmentation: Augmentation(padding: 0, mirror: false))
    #expect(none == plain)
  }

  @Test func choicesDependOnSeedEpochAndImageAlone() throws {
    let data = try Self.data(count: 32)
    func read(_ indices: [Int], seed: UInt64 = 1, epoch: Int = 2) throws -> [Float] {
      try Self.read(
        data, indices, augmentation: Augmentation(padding: 2, mirror: true), seed: seed,
        epoch: epoch)
    }
    let whole = try read(Array(0..<32))
    var reversed: [[Float]] = []
    for image in (0..<32).reversed() { reversed.append(try read([image])) }
    #expect(whole == Array(reversed.reversed().joined()))
    #expect(try whole != read(Array(0..<32), seed: 3))
    #expect(try whole != read(Array(0..<32), epoch: 3))
  }

  @Test func normalizationIsPixelMinusMeanTimesScale() throws {
    let data = try Self.data(count: 2, height: 2, width: 2)
    let raw = try Self.read(data, [0, 1])
    let perPixel = Normalization(
      mean: [1, 2, 3, 4, 5, 6, 7, 8], meanExtent: Extent(height: 2, width: 2), scale: [2, 0.5])
    let normalized = try Self.read(data, [0, 1], normalization: perPixel)
    for index in raw.indices {
      let scale: Float = index / 4 % 2 == 0 ? 2 : 0.5
      #expect(normalized[index] == (raw[index] - Float(index % 8 + 1)) * scale)
    }
    let meanOnly = try Self.read(data, [0], normalization: Normalization(mean: [1, -1]))
    #expect(meanOnly == zip(raw, [1, 1, 1, 1, -1, -1, -1, -1]).map { $0 - $1 })
    let scaleOnly = try Self.read(data, [0], normalization: Normalization(scale: [3, 4]))
    #expect(scaleOnly == zip(raw, [3, 3, 3, 3, 4, 4, 4, 4]).map { $0 * $1 })
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let data = try Self.data(count: 3)
    for index in [-1, 3, Int.max] {
      let error = thrownError { try Self.read(data, [0, index]) }
      #expect(error?.kind == .invalidArgument)
      #expect(error?.message.contains("image \(index) was asked for") == true)
    }
    let mean = Normalization(
      mean: [Float](repeating: 0, count: 32), meanExtent: Extent(height: 4, width: 4))
    let extent = thrownError { try Self.read(data, [0], normalization: mean) }
    #expect(extent?.kind == .shapeMismatch)
    #expect(extent?.message.contains("5x7") == true && extent?.message.contains("4x4") == true)
    let channels = thrownError {
      try Self.read(data, [0], normalization: Normalization(scale: [1, 2, 3]))
    }
    #expect(channels?.kind == .shapeMismatch)
    let padding = thrownError {
      try Self.read(data, [0], augmentation: Augmentation(padding: 5, mirror: false))
    }
    #expect(padding?.kind == .invalidArgument)
  }

  @Test func buffersThatAreTooSmallAreRefused() throws {
    let data = try Self.data(count: 3)
    var pixels = [Float](repeating: -1, count: 140)
    var labels = [Int32](repeating: -1, count: 2)
    for (pixelCount, labelCount) in [(139, 2), (140, 1), (0, 0)] {
      let error = thrownError {
        try pixels.withUnsafeMutableBufferPointer { pixels in
          try labels.withUnsafeMutableBufferPointer { labels in
            try data.read(
              [0, 1], normalization: .identity, augmentation: nil, seed: 0, epoch: 0,
              images: UnsafeMutableBufferPointer(rebasing: pixels[..<pixelCount]),
              labels: UnsafeMutableBufferPointer(rebasing: labels[..<labelCount]))
          }
        }
      }
      #expect(error?.kind == .shapeMismatch)
    }
    #expect(pixels.allSatisfy { $0 == -1 } && labels == [-1, -1])
  }
}
