/// How pixels become network inputs: (pixel - mean) * scale.
///
/// A model owns its normalisation and applies it to every image it is given, so that a saved model
/// takes the same raw pixels wherever it is loaded. The default leaves pixels as they are.
public struct Normalization: Hashable, Sendable {
  /// Empty (0), one value per channel, or one per channel and pixel (`channels*height*width`, the
  /// per-pixel mean of section 4.2), in the unit of the pixels.
  public var mean: [Float]
  /// Height and width of a per-pixel mean; `nil` for a mean per channel.
  public var meanExtent: Extent?
  /// Empty (1), or one factor per channel.
  public var scale: [Float]

  public init(mean: [Float] = [], meanExtent: Extent? = nil, scale: [Float] = []) {
    self.mean = mean
    self.meanExtent = meanExtent
    self.scale = scale
  }

  /// Pixels as they are.
  public static let identity = Normalization()

  /// The same with the means per channel of a mean per pixel, for images of any size.
  public var perChannel: Normalization {
    guard let meanExtent else { return self }
    let pixels = meanExtent.height * meanExtent.width
    let means = stride(from: 0, to: mean.count, by: pixels).map { start in
      Float(mean[start..<start + pixels].reduce(0) { $0 + Double($1) } / Double(pixels))
    }
    return Normalization(mean: means, scale: scale)
  }

  /// Throws unless the counts fit `channels` and all values are finite.
  public func validate(channels: Int) throws(ResNetError) {
    if let meanExtent, meanExtent.height < 1 || meanExtent.width < 1 {
      throw ResNetError(
        .invalidArgument,
        "the per-pixel mean is for \(meanExtent.height)x\(meanExtent.width) images; both sides must be "
          + "at least 1")
    }
    let pixels = meanExtent.map { $0.height.multipliedReportingOverflow(by: $0.width) }
    let expected: Int
    if let pixels {
      let (total, overflow) = pixels.partialValue.multipliedReportingOverflow(by: channels)
      guard !pixels.overflow, !overflow, total > 0 else {
        throw ResNetError(.invalidArgument, "the extent of the per-pixel mean is out of range")
      }
      expected = total
    } else {
      expected = channels
    }
    guard mean.isEmpty && meanExtent == nil || mean.count == expected else {
      throw ResNetError(
        .shapeMismatch, "the input mean has \(mean.count) values, expected \(expected)")
    }
    guard scale.isEmpty || scale.count == channels else {
      throw ResNetError(
        .shapeMismatch,
        "the input scale has \(scale.count) values, expected one per channel (\(channels))")
    }
    guard mean.allSatisfy(\.isFinite), scale.allSatisfy(\.isFinite) else {
      throw ResNetError(.notFinite, "the input mean and scale must be finite")
    }
  }
}
