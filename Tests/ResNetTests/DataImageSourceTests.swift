import ResNet
import ResNetData
import Testing

/// Whole images, one by one.
@Suite struct DataImageSourceTests {
  @Test func memoryGivesItsImagesInterleaved() throws {
    let pixels = (0..<2 * 3 * 2 * 4).map { UInt8($0 * 5) }
    let data: any ImageSource = try ImageDataset(
      Images(.bytes(pixels), count: 2, channels: 3, height: 2, width: 4), labels: [1, 0],
      classes: 2)
    #expect(try data.label(0) == 1)
    let image = try data.image(1)
    guard case .bytes(let raster) = image else {
      Issue.record("expected bytes, got \(image)")
      return
    }
    #expect(raster.extent == Extent(height: 2, width: 4))
    #expect(raster.pixels[0..<3] == [pixels[24], pixels[32], pixels[40]])
    // And back.
    guard case .bytes(let planes) = try image.images.pixels else {
      Issue.record("expected bytes")
      return
    }
    #expect(planes == Array(pixels[24...]))
    for index in [-1, 2] {
      #expect(throws: ResNetError.self) { try data.label(index) }
      #expect(throws: ResNetError.self) { try data.image(index) }
    }
  }

  @Test(arguments: [false, true]) func whatIsNoRasterIsFloats(bytes: Bool) throws {
    let values = (0..<2 * 3 * 5).map { Float($0) }
    let images = try Images(
      bytes ? .bytes(values.map { UInt8($0) }) : .float(values), count: 1, channels: 2, height: 3,
      width: 5)
    let image = try ImageDataset(images, labels: [0], classes: 1).image(0)
    #expect(
      image == .floats(try FloatImage(pixels: values, channels: 2, height: 3, width: 5)))
  }

  @Test func aPartOfAResizedImageIsThatPart() throws {
    let pixels = (0..<60 * 47 * 3).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ $0 / 7) }
    let raster = try Raster(pixels: pixels, height: 60, width: 47, channels: 3)
    let floats = try FloatImage(
      pixels: pixels.map(Float.init), channels: 3, height: 60, width: 47)
    let part = Region(top: 3, left: 10, height: 20, width: 15)
    for size in [Extent(height: 30, width: 40), Extent(height: 90, width: 47)] {
      for filter in ResamplingFilter.allCases {
        #expect(
          try raster.resized(to: size, crop: part, filter: filter)
            == raster.resized(to: size, filter: filter).cropped(to: part))
        #expect(
          try floats.resized(to: size, crop: part, filter: filter)
            == floats.resized(to: size, filter: filter).cropped(to: part))
      }
    }
    #expect(throws: ResNetError.self) {
      try raster.resized(
        to: Extent(height: 9, width: 9), crop: Region(top: .max, left: 0, height: 1, width: 1))
    }
    #expect(throws: ResNetError.self) {
      try raster.cropped(to: Region(top: 0, left: 0, height: .max, width: .min))
    }
  }

  @Test func theMiddleIsPillows() {
    let extent = Extent(height: 256, width: 341)
    #expect(
      extent.centre(Extent(height: 224, width: 224))
        == Region(top: 16, left: 58, height: 224, width: 224))
    #expect(Extent(height: 375, width: 500).resized(shorterSide: 256) == extent)
  }
}
