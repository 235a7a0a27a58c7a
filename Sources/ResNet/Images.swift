/// A batch of images, `count * channels * height * width` pixels in NCHW order, without gaps.
public struct Images: Sendable {
  public enum Pixels: Sendable {
    case float([Float])
    case bytes([UInt8])
  }

  public let pixels: Pixels
  public let count: Int
  public let channels: Int
  public let extent: Extent

  /// Throws `shapeMismatch` unless the pixels are exactly as many as the dimensions say.
  public init(_ pixels: Pixels, count: Int, channels: Int, height: Int, width: Int)
    throws(ResNetError)
  {
    self.pixels = pixels
    self.count = count
    self.channels = channels
    self.extent = Extent(height: height, width: width)
    let given =
      switch pixels {
      case .float(let values): values.count
      case .bytes(let values): values.count
      }
    let expected = try ImagesView.pixelCount(
      count: count, channels: channels, height: height, width: width)
    guard given == expected else {
      throw ResNetError(
        .shapeMismatch,
        "\(count) images of \(channels)x\(height)x\(width) have \(expected) pixels, got \(given)")
    }
  }

  /// Calls `body` with a view of the pixels that is valid during the call.
  package func withView<Result>(
    _ body: (ImagesView) throws(ResNetError) -> Result
  ) throws(ResNetError) -> Result {
    func call(_ pointer: UnsafeRawPointer?, bytes: Bool) throws(ResNetError) -> Result {
      try body(
        ImagesView(
          pixels: pointer, isBytes: bytes, count: count, channels: channels, extent: extent))
    }
    // Typed throws do not pass through withUnsafeBytes, so the outcome is carried as a value.
    let outcome: Swift.Result<Result, ResNetError>
    switch pixels {
    case .float(let values):
      outcome = values.withUnsafeBytes { buffer in
        Swift.Result { () throws(ResNetError) in try call(buffer.baseAddress, bytes: false) }
      }
    case .bytes(let values):
      outcome = values.withUnsafeBytes { buffer in
        Swift.Result { () throws(ResNetError) in try call(buffer.baseAddress, bytes: true) }
      }
    }
    return try outcome.get()
  }
}

/// Borrowed images: what ``Images`` and the C API's `rn_images` have in common.
package struct ImagesView {
  package let pixels: UnsafeRawPointer?
  package let isBytes: Bool
  package let count: Int
  package let channels: Int
  package let extent: Extent

  package init(
    pixels: UnsafeRawPointer?, isBytes: Bool, count: Int, channels: Int, extent: Extent
  ) {
    self.pixels = pixels
    self.isBytes = isBytes
    self.count = count
    self.channels = channels
    self.extent = extent
  }

  /// Bytes of one image.
  package var imageStride: Int {
    channels * extent.height * extent.width * (isBytes ? 1 : MemoryLayout<Float>.stride)
  }

  /// The images `range` of this batch.
  package subscript(range: Range<Int>) -> ImagesView {
    ImagesView(
      pixels: pixels.map { $0 + range.lowerBound * imageStride }, isBytes: isBytes,
      count: range.count, channels: channels, extent: extent)
  }

  /// The product of the dimensions; throws unless all are positive and it is below 2^40.
  package static func pixelCount(count: Int, channels: Int, height: Int, width: Int)
    throws(ResNetError) -> Int
  {
    var product = 1
    for dimension in [count, channels, height, width] {
      let (result, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard dimension > 0, !overflow, result < 1 << 40 else {
        throw ResNetError(
          .shapeMismatch,
          "images of \(count) x \(channels) x \(height) x \(width): every dimension must be at "
            + "least 1 and their product below 2^40")
      }
      product = result
    }
    return product
  }
}
