import ResNet

/// An image of bytes: interleaved, `extent.height * extent.width * channels` values, row by row.
public struct Raster: Hashable, Sendable {
  /// 1 (grey) or 3 (red, green, blue).
  public let channels: Int
  public let extent: Extent
  public let pixels: [UInt8]

  /// - Throws: `shapeMismatch` unless there are 1 or 3 channels and exactly as many pixels as the
  ///   dimensions say.
  public init(pixels: [UInt8], height: Int, width: Int, channels: Int) throws(ResNetError) {
    try Raster.checkChannels(channels)
    let expected = try ImagesView.pixelCount(
      count: 1, channels: channels, height: height, width: width)
    guard pixels.count == expected else {
      throw ResNetError(
        .shapeMismatch,
        "an image of \(height)x\(width) with \(channels) channels has \(expected) values, got "
          + "\(pixels.count)")
    }
    self.init(pixels, channels: channels, extent: Extent(height: height, width: width))
  }

  /// What is known to fit together.
  init(_ pixels: [UInt8], channels: Int, extent: Extent) {
    self.channels = channels
    self.extent = extent
    self.pixels = pixels
  }

  package static func checkChannels(_ channels: Int) throws(ResNetError) {
    guard channels == 1 || channels == 3 else {
      throw ResNetError(
        .invalidArgument, "images are read with 1 channel (grey) or 3 (RGB), got \(channels)")
    }
  }
}

/// A rectangle of an image's pixels.
public struct Region: Hashable, Sendable {
  public var top: Int
  public var left: Int
  public var extent: Extent

  public init(top: Int, left: Int, height: Int, width: Int) {
    self.top = top
    self.left = left
    extent = Extent(height: height, width: width)
  }

  init(rows: Range<Int>, columns: Range<Int>) {
    self.init(
      top: rows.lowerBound, left: columns.lowerBound, height: rows.count, width: columns.count)
  }

  /// All of an image.
  init(whole extent: Extent) {
    self.init(top: 0, left: 0, height: extent.height, width: extent.width)
  }

  var rows: Range<Int> { top..<top + extent.height }
  var columns: Range<Int> { left..<left + extent.width }

  /// Throws `invalidArgument` unless it is a part of an image of that extent, and not empty.
  func validate(in whole: Extent) throws(ResNetError) {
    guard top >= 0, left >= 0, extent.height >= 1, extent.width >= 1,
      extent.height <= whole.height, extent.width <= whole.width,
      top <= whole.height - extent.height, left <= whole.width - extent.width
    else {
      throw ResNetError(
        .invalidArgument,
        "\(extent.height)x\(extent.width) pixels from row \(top) and column \(left) on are no part "
          + "of an image of \(whole.height)x\(whole.width)")
    }
  }
}

extension Extent {
  /// The size at which the shorter side is `side` and the longer one in proportion, rounded down.
  public func resized(shorterSide side: Int) -> Extent {
    let (short, long) = (Swift.min(height, width), Swift.max(height, width))
    // Saturates, for sizes that the resampling refuses anyway.
    let product = side.multipliedReportingOverflow(by: long)
    let other = product.overflow || short < 1 ? Int.max : product.partialValue / short
    return height <= width
      ? Extent(height: side, width: other) : Extent(height: other, width: side)
  }

  /// Throws `invalidArgument` if that crop is larger than an image of this extent.
  func check(crop: Int) throws(ResNetError) {
    guard crop <= Swift.min(height, width) else {
      throw ResNetError(
        .invalidArgument,
        "a crop of \(crop)x\(crop) is larger than the image of \(self); resize images to a shorter "
          + "side of \(crop) or more, or take smaller crops")
    }
  }

  /// The crop of that extent in the middle; where that is half a pixel off, on the even side.
  public func centre(_ crop: Extent) -> Region {
    func offset(_ side: Int, _ crop: Int) -> Int {
      // What is out of range is refused where the region is used.
      let spare = side &- crop
      return spare / 2 + (spare % 2 == 1 ? spare / 2 % 2 : 0)
    }
    return Region(
      top: offset(height, crop.height), left: offset(width, crop.width), height: crop.height,
      width: crop.width)
  }
}
