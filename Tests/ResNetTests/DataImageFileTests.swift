import Foundation
import Testing

@testable import ResNet
@testable import ResNetData

/// Datasets of image files. That files are decoded and resampled as Pillow does is tested in Python.
@Suite struct DataImageFileTests {
  private let directory: DataDirectory

  init() throws { directory = try DataDirectory() }

  private func dataset(
    _ files: [String], _ change: (inout ImageFileDataset.Options) -> Void = { _ in }
  ) throws -> ImageFileDataset {
    var options = ImageFileDataset.Options()
    (options.crop, options.resize) = (24, 30)
    change(&options)
    return try ImageFileDataset(
      ImageFiles(
        paths: files.map { "\(directory.path)/\($0)" }, labels: files.indices.map { $0 }),
      options: options)
  }

  private func read(
    _ data: any TrainingData, _ indices: [Int], normalization: Normalization = .identity,
    augmentation: Augmentation? = nil, seed: UInt64 = 0, epoch: Int = 0
  ) throws -> (pixels: [Float], labels: [Int32]) {
    let size = data.channels * data.extent.height * data.extent.width
    var pixels = [Float](repeating: .nan, count: indices.count * size)
    var labels = [Int32](repeating: -1, count: indices.count)
    let outcome = pixels.withUnsafeMutableBufferPointer { pixels in
      labels.withUnsafeMutableBufferPointer { labels in
        Result { () throws(ResNetError) in
          try data.read(
            indices[...], normalization: normalization, augmentation: augmentation, seed: seed,
            epoch: epoch, images: pixels, labels: labels)
        }
      }
    }
    try outcome.get()
    return (pixels, labels)
  }

  /// What is seen of an image, step by step.
  private func expected(
    _ raster: Raster, _ cut: ImageCut, filter: ResamplingFilter, normalization: Normalization
  ) throws -> [Float] {
    let part = try raster.cropped(to: cut.part)
    let seen = try part.resized(to: cut.size, filter: filter).cropped(to: cut.window)
    let (height, width) = (seen.extent.height, seen.extent.width)
    var values: [Float] = []
    for channel in 0..<3 {
      for row in 0..<height {
        for column in 0..<width {
          let from = cut.mirrored ? width - 1 - column : column
          var value = Float(seen.pixels[(row * width + from) * 3 + channel])
          if !cut.offset.isEmpty { value += cut.offset[channel] }
          let mean = normalization.mean
          let index = (channel * height + row) * width + column
          if !mean.isEmpty { value -= mean.count == 3 ? mean[channel] : mean[index] }
          values.append(value * (normalization.scale.isEmpty ? 1 : normalization.scale[channel]))
        }
      }
    }
    return values
  }

  @Test(arguments: [
    ImageVariation(part: .scaled(shorterSide: 24...60), colour: .imageNet),
    ImageVariation(part: .area(share: 0.1...1, aspect: 0.5...2)),
  ]) func variedImagesAreThoseOfTheSteps(_ variation: ImageVariation) throws {
    let rasters = [(40, 31), (33, 90), (64, 64)].enumerated().map { seed, size in
      DataDirectory.raster(height: size.0, width: size.1, seed: seed)
    }
    for (index, raster) in rasters.enumerated() {
      try directory.write(png: raster, to: "\(index).png")
    }
    let perPixel = Normalization(
      mean: (0..<3 * 24 * 24).map { Float($0 % 91) }, meanExtent: Extent(height: 24, width: 24),
      scale: [0.5, 0.25, 2])
    for filter in ResamplingFilter.allCases {
      let data = try dataset(["0.png", "1.png", "2.png"]) {
        $0.variation = variation
        $0.filter = filter
      }
      for normalization in [.identity, Normalization(mean: [1, 2, 3]), perPixel] {
        for epoch in 0..<4 {
          let (pixels, labels) = try read(
            data, [2, 0, 1], normalization: normalization, augmentation: .own, seed: 5,
            epoch: epoch)
          #expect(labels == [2, 0, 1])
          var values: [Float] = []
          for index in [2, 0, 1] {
            let cut = variation.cut(
              rasters[index].extent, crop: 24, seed: 5, epoch: epoch, index: index)
            values += try expected(
              rasters[index], cut, filter: filter, normalization: normalization)
          }
          #expect(pixels == values)
        }
      }
    }
  }

  /// Those of the published variation, by what an evaluation resizes to.
  @Test(arguments: [(30, 30...56), (256, 256...480), (nil, 256...480)])
  func sidesThatAreNotGivenFollowTheSize(_ resize: Int?, _ sides: ClosedRange<Int>) throws {
    try directory.write(png: DataDirectory.raster(height: 40, width: 51), to: "a.png")
    func pixels(_ part: ImageVariation.Part) throws -> [[Float]] {
      let data = try dataset(["a.png"]) {
        $0.resize = resize
        $0.variation = ImageVariation(part: part)
      }
      return try (0..<4).map { try read(data, [0], augmentation: .own, epoch: $0).pixels }
    }
    #expect(try pixels(.scaled()) == pixels(.scaled(shorterSide: sides)))
  }

  /// Of a crop that is larger than the image, and of a file that is gone.
  @Test func whatIsWrongIsSaid() throws {
    let raster = DataDirectory.raster(height: 40, width: 51)
    let large = thrownError { try raster.centre(resize: 30, crop: 31) }
    #expect(large?.kind == .invalidArgument)
    #expect(large?.message.contains("31x31 is larger than the image of 30x38") == true)
    let error = thrownError { try raster.centre(resize: nil, crop: 41) }
    #expect(error?.kind == .invalidArgument)

    try directory.write(png: raster, to: "a.png")
    try directory.write([1, 2, 3], to: "b.png")
    let data = try dataset(["a.png", "b.png", "gone.png"])
    let reasons = try data.verify().map(\.reason)
    #expect(reasons.count == 2)
    #expect(reasons.contains("cannot be opened: No such file or directory"))
    #expect(reasons.allSatisfy { !$0.contains(".png") && !$0.isEmpty })
  }

  @Test func withoutAugmentationTheMiddleIsSeen() throws {
    let raster = DataDirectory.raster(height: 40, width: 51)
    try directory.write(png: raster, to: "a.png")
    let data = try dataset(["a.png"]) { $0.variation = .init(part: .scaled(shorterSide: 24...60)) }
    #expect(data.augmentation == .own)
    #expect(
      try read(data, [0]).pixels
        == raster.centre(resize: 30, crop: 24).images.floats)
    #expect(try data.image(0) == .bytes(raster))
    #expect(try dataset(["a.png"]).augmentation == nil)
    #expect(throws: ResNetError.self) { try read(data, [0], augmentation: .cifar) }
    #expect(throws: ResNetError.self) { try read(data, [1]) }
    #expect(throws: ResNetError.self) { try read(data, [-1]) }
  }

  @Test func scaledDecodingIsOfVariedImagesAndNearTheOther() throws {
    try directory.write(DataDirectory.jpeg, to: "a.jpg")
    let small = ImageVariation(part: .scaled(shorterSide: 24...30))
    let scaled = try dataset(["a.jpg"]) { $0.variation = small }
    let exact = try dataset(["a.jpg"]) {
      $0.variation = small
      $0.scaledDecoding = false
    }
    let raster = try Raster(decoding: DataDirectory.jpeg)
    for epoch in 0..<5 {
      let (fast, _) = try read(scaled, [0], augmentation: .own, epoch: epoch)
      let (slow, _) = try read(exact, [0], augmentation: .own, epoch: epoch)
      let cut = small.cut(raster.extent, crop: 24, seed: 0, epoch: epoch, index: 0)
      #expect(
        try slow == expected(raster, cut, filter: .bilinear, normalization: .identity))
      #expect(fast != slow)
      let distance = zip(fast, slow).map { abs($0 - $1) }.reduce(0, +) / Float(fast.count)
      #expect(distance < 4)
    }
    #expect(try read(scaled, [0]).pixels == read(exact, [0]).pixels)
  }

  @Test func damagedImagesAreReplaced() throws {
    let names = (0..<6).map { "\($0).png" }
    for (seed, name) in names.enumerated() {
      try directory.write(png: DataDirectory.raster(height: 30, width: 30, seed: seed), to: name)
    }
    for name in ["1.png", "4.png"] { try directory.write([], to: name) }
    let all = Array(0..<6)
    let fatal = try dataset(names)
    #expect(throws: ResNetError.self) { try read(fatal, all) }
    #expect(fatal.damagedFiles.map(\.path) == ["\(directory.path)/1.png"])
    #expect(try fatal.readable(all) == all)

    let data = try dataset(names) {
      $0.damage = .skip
      $0.variation = ImageVariation(part: .scaled(shorterSide: 24...40))
    }
    var replacements: [Set<Int32>] = [[], []]
    for epoch in 0..<40 {
      let (pixels, labels) = try read(data, all, augmentation: .own, seed: 1, epoch: epoch)
      for index in all where index != 1 && index != 4 { #expect(labels[index] == Int32(index)) }
      replacements[0].insert(labels[1])
      replacements[1].insert(labels[4])
      // Alone or together, in whatever order.
      let (alone, label) = try read(data, [4], augmentation: .own, seed: 1, epoch: epoch)
      let size = alone.count
      #expect(label == [labels[4]] && alone == Array(pixels[4 * size..<5 * size]))
    }
    #expect(replacements == [[0, 2, 3, 5], [0, 2, 3, 5]])
    #expect(data.damagedFiles.count == 2)
    #expect(try data.readable([5, 4, 1, 0]) == [5, 0])
    let part = try Subset(data, indices: [4, 3, 1])
    #expect(try part.readable([0, 1, 2]) == [1])
    #expect(part.augmentation == .own)
  }

  @Test func namesThatAreNotTextAreNotGuessed() throws {
    let path = "\(directory.path)/class"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let name = Array("\(path)/".utf8).map { CChar(bitPattern: $0) } + [-1, 46, 112, 110, 103, 0]
    let file = open(name, O_CREAT | O_WRONLY, 0o600)
    #expect(file >= 0)
    close(file)
    defer { unlink(name) }
    let error = thrownError { try ImageFiles(folder: directory.path) }
    #expect(error?.message == "a file name in \(path) is not UTF-8: \u{FFFD}.png; rename it")
  }
}

extension Images {
  fileprivate var floats: [Float] {
    switch pixels {
    case .float(let values): values
    case .bytes(let values): values.map(Float.init)
    }
  }
}
