import ResNet

/// An image of floats: planar, `channels * extent.height * extent.width` values.
public struct FloatImage: Hashable, Sendable {
  public let channels: Int
  public let extent: Extent
  public let pixels: [Float]

  /// - Throws: `shapeMismatch` unless the pixels are exactly as many as the dimensions say.
  public init(pixels: [Float], channels: Int, height: Int, width: Int) throws(ResNetError) {
    let expected = try ImagesView.pixelCount(
      count: 1, channels: channels, height: height, width: width)
    guard pixels.count == expected else {
      throw ResNetError(
        .shapeMismatch,
        "an image of \(channels)x\(height)x\(width) has \(expected) values, got \(pixels.count)")
    }
    self.init(pixels, channels: channels, extent: Extent(height: height, width: width))
  }

  /// What is known to fit together.
  init(_ pixels: [Float], channels: Int, extent: Extent) {
    self.channels = channels
    self.extent = extent
    self.pixels = pixels
  }

  /// The image at another size, or a part of that: per channel the same as Pillow's
  /// `Image.resize(size, filter)` of an image of mode F, followed by its `crop`.
  ///
  /// - Parameters:
  ///   - size: The size of the whole.
  ///   - crop: The part of the result that is wanted; nil for all of it. No more is computed.
  ///   - filter: How pixels are weighted.
  /// - Throws: `invalidArgument` for a size or a part that cannot be.
  public func resized(
    to size: Extent, crop: Region? = nil, filter: ResamplingFilter = .bilinear
  ) throws(ResNetError) -> FloatImage {
    let resampling = try Resampling(
      of: Region(whole: extent), to: size, window: crop ?? Region(whole: size), filter: filter)
    let part = try cropped(to: resampling.reads)
    let output = resampling.output
    let (sourcePlane, plane) = (
      part.extent.height * part.extent.width, output.height * output.width
    )
    let scratch = Scratch<Float>()
    try expectMemory(
      channels * plane, of: MemoryLayout<Float>.stride,
      for: "an image of \(output.height)x\(output.width)")
    var result = [Float](repeating: 0, count: channels * plane)
    let outcome = part.pixels.withUnsafeBufferPointer { source in
      result.withUnsafeMutableBufferPointer { target in
        Result { () throws(ResNetError) in
          guard let source = source.baseAddress, let target = target.baseAddress else { return }
          for channel in 0..<channels {
            try resampling.run(
              source + channel * sourcePlane, into: target + channel * plane, scratch: scratch)
          }
        }
      }
    }
    try outcome.get()
    return FloatImage(result, channels: channels, extent: output)
  }

  /// A part of the image. Throws `invalidArgument` for one that is none.
  public func cropped(to region: Region) throws(ResNetError) -> FloatImage {
    try region.validate(in: extent)
    guard region.extent != extent else { return self }
    let count = channels * region.extent.height * region.extent.width
    try expectMemory(count, of: MemoryLayout<Float>.stride, for: "a part of an image")
    var part: [Float] = []
    part.reserveCapacity(count)
    for channel in 0..<channels {
      for row in region.rows {
        let start = (channel * extent.height + row) * extent.width + region.left
        part += pixels[start..<start + region.extent.width]
      }
    }
    return FloatImage(part, channels: channels, extent: region.extent)
  }
}
