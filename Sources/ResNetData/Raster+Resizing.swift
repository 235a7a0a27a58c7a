import ResNet

extension Raster {
  /// The image at another size, or a part of that: the same bytes as those of Pillow's
  /// `Image.resize(size, filter)`, followed by its `crop`.
  ///
  /// - Parameters:
  ///   - size: The size of the whole.
  ///   - crop: The part of the result that is wanted; nil for all of it. No more is computed.
  ///   - filter: How pixels are weighted.
  /// - Throws: `invalidArgument` for a size or a part that cannot be.
  public func resized(
    to size: Extent, crop: Region? = nil, filter: ResamplingFilter = .bilinear
  ) throws(ResNetError) -> Raster {
    let resampling = try Resampling(
      of: Region(whole: extent), to: size, window: crop ?? Region(whole: size), filter: filter)
    return try cropped(to: resampling.reads).resampled(by: resampling)
  }

  /// A part of the image. Throws `invalidArgument` for one that is none.
  public func cropped(to region: Region) throws(ResNetError) -> Raster {
    try region.validate(in: extent)
    guard region.extent != extent else { return self }
    let count = region.extent.height * region.extent.width * channels
    try expectMemory(count, for: "a part of an image")
    var part: [UInt8] = []
    part.reserveCapacity(count)
    for row in region.rows {
      let start = (row * extent.width + region.left) * channels
      part += pixels[start..<start + region.extent.width * channels]
    }
    return Raster(part, channels: channels, extent: region.extent)
  }

  /// These being the pixels that it reads.
  private func resampled(by resampling: Resampling) throws(ResNetError) -> Raster {
    let output = resampling.output
    let scratch = ResamplingScratch()
    let count = output.height * output.width * channels
    try expectMemory(count, for: "an image of \(output.height)x\(output.width)")
    var result = [UInt8](repeating: 0, count: count)
    let outcome = pixels.withUnsafeBufferPointer { source in
      result.withUnsafeMutableBufferPointer { target in
        Result { () throws(ResNetError) in
          guard let source = source.baseAddress, let target = target.baseAddress else { return }
          try resampling.run(source, channels: channels, into: target, scratch: scratch)
        }
      }
    }
    try outcome.get()
    return Raster(result, channels: channels, extent: output)
  }

  /// The testing view: the image resized so that its shorter side is `resize`, and of that the
  /// `crop` x `crop` pixels in the middle. Those of the paper are 256 and 224.
  ///
  /// - Parameters:
  ///   - resize: The shorter side; nil for the image's own size.
  ///   - crop: Height and width of the result.
  ///   - filter: How pixels are weighted.
  /// - Throws: `invalidArgument` for a crop that is larger than the image, or nothing.
  public func centre(
    resize: Int? = 256, crop: Int = 224, filter: ResamplingFilter = .bilinear
  ) throws(ResNetError) -> Raster {
    let size = resize.map { extent.resized(shorterSide: $0) } ?? extent
    try size.check(crop: crop)
    return try resized(
      to: size, crop: size.centre(Extent(height: crop, width: crop)), filter: filter)
  }

  /// The pixels plane by plane, as a model takes them: one image of bytes.
  public var images: Images {
    get throws(ResNetError) {
      try expectMemory(pixels.count, for: "the planes of an image")
      let planes = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
        copyPlanes(to: buffer)
        count = pixels.count
      }
      return try Images(
        .bytes(planes), count: 1, channels: channels, height: extent.height, width: extent.width)
    }
  }

  /// Writes all pixels, plane by plane.
  package func copyPlanes(to planes: UnsafeMutableBufferPointer<UInt8>) {
    let plane = extent.height * extent.width
    pixels.withUnsafeBufferPointer { pixels in
      for channel in 0..<channels {
        for index in 0..<plane {
          planes[channel * plane + index] = pixels[index * channels + channel]
        }
      }
    }
  }
}
