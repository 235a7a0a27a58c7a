import Glibc
import ResNet

/// What is to be known of a training set's pixels: the means and deviations by which they are
/// normalised, and the principal components of their colours.
///
/// Images are seen without random variation. Values are in the unit of the pixels (0 to 255 for
/// bytes), those of colours in that of the full range.
public struct Calibration: Sendable {
  /// Images that it was computed from.
  public let count: Int
  public let channels: Int
  public let extent: Extent
  /// Of each pixel, `channels * height * width` values (section 3.4 of the paper).
  public let perPixelMean: [Float]
  /// Of each channel, over all pixels.
  public let mean: [Double]
  public let standardDeviation: [Double]
  /// Of images of 3 channels: the principal components, the largest first.
  public let colour: ColourVariation?

  /// - Parameters:
  ///   - data: The training set.
  ///   - sample: How many images, drawn at random; nil for all.
  ///   - seed: Of that choice.
  /// - Throws: `invalidArgument` if the sample is not 1 to the number of images, and what the data's
  ///   own reading throws.
  public init(of data: any TrainingData, sample: Int? = nil, seed: UInt64 = 0) throws(ResNetError) {
    let wanted = sample ?? data.count
    guard wanted >= 1, wanted <= data.count else {
      throw ResNetError(
        .invalidArgument, "a sample of \(wanted) images was asked for; there are \(data.count)")
    }
    try expectMemory(
      data.count, of: 3 * MemoryLayout<Int>.stride, for: "the numbers of \(data.count) images")
    let chosen =
      wanted == data.count
      ? Array(0..<wanted)
      : Array(shuffledIndices(count: data.count, seed: seed, epoch: 0, stream: .split)[..<wanted])
        .sorted()
    let indices = try data.readable(chosen)
    guard !indices.isEmpty else {
      throw ResNetError(.badFormat, "none of the \(wanted) images can be read")
    }
    let sums = try PixelSums(of: data, indices)
    count = indices.count
    channels = data.channels
    extent = data.extent
    let images = Double(count)
    perPixelMean = sums.pixels.map { Float($0 / images) }
    let values = images * Double(extent.height * extent.width)
    let mean = sums.channels.map { $0 / values }
    self.mean = mean
    let channels = channels
    func covariance(_ first: Int, _ second: Int) -> Double {
      sums.products[first * channels + second] / values - mean[first] * mean[second]
    }
    standardDeviation = (0..<channels).map { max(covariance($0, $0), 0).squareRoot() }
    guard channels == 3 else {
      colour = nil
      return
    }
    let unit = Double(data.unitScale)
    let (eigenvalues, eigenvectors) = principalComponents(
      (0..<3).map { row in (0..<3).map { covariance(row, $0) * unit * unit } })
    colour = ColourVariation(eigenvalues: eigenvalues, eigenvectors: eigenvectors)
  }

  /// The per-pixel mean of the paper, and unit scale.
  public func perPixelNormalization(unitScale: Float) -> Normalization {
    Normalization(
      mean: perPixelMean, meanExtent: extent,
      scale: Array(repeating: unitScale, count: channels))
  }

  /// Mean and standard deviation per channel, of the later common recipe. A channel that never
  /// changes is not scaled.
  public var perChannelNormalization: Normalization {
    Normalization(
      mean: mean.map { Float($0) },
      scale: standardDeviation.map { $0 > 0 ? Float(1 / $0) : 1 })
  }
}

extension TrainingData {
  /// Reads all images. A ``Calibration`` of a sample is faster.
  public func perChannelNormalization() throws(ResNetError) -> Normalization {
    try Calibration(of: self).perChannelNormalization
  }
}

/// Sums over images, in double precision: of every pixel, of every channel, and of the products of two
/// channels. Sums of bytes are exact.
private struct PixelSums {
  private(set) var pixels: [Double]
  private(set) var channels: [Double]
  private(set) var products: [Double]

  init(of data: any TrainingData, _ indices: [Int]) throws(ResNetError) {
    let (count, plane) = (data.channels, data.extent.height * data.extent.width)
    // And the means that these become.
    try expectMemory(
      count * plane, of: 2 * MemoryLayout<Double>.stride, for: "the sums of \(count * plane) pixels"
    )
    pixels = Array(repeating: 0, count: count * plane)
    channels = Array(repeating: 0, count: count)
    products = Array(repeating: 0, count: count * count)
    try data.forEach(indices) { add($0, plane: plane) }
  }

  private mutating func add(_ image: UnsafePointer<Float>, plane: Int) {
    let count = channels.count
    pixels.withUnsafeMutableBufferPointer { pixels in
      for index in 0..<pixels.count { pixels[index] += Double(image[index]) }
    }
    for first in 0..<count {
      let from = image + first * plane
      var sum = 0.0
      for pixel in 0..<plane { sum += Double(from[pixel]) }
      channels[first] += sum
      for second in first..<count {
        let other = image + second * plane
        var product = 0.0
        for pixel in 0..<plane { product += Double(from[pixel]) * Double(other[pixel]) }
        products[first * count + second] += product
        if second > first { products[second * count + first] += product }
      }
    }
  }
}

/// Eigenvalues of a symmetric 3x3 matrix, the largest first, and their eigenvectors, each of length 1
/// and with its largest value positive; by Jacobi's rotations.
func principalComponents(_ matrix: [[Double]]) -> (values: [Double], vectors: [[Double]]) {
  var a = matrix
  var v = [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]
  for _ in 0..<50 {
    for (p, q) in [(0, 1), (0, 2), (1, 2)] where a[p][q] != 0 {
      let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
      let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
      let c = 1 / (t * t + 1).squareRoot()
      let s = t * c
      for k in 0..<3 { (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]) }
      for k in 0..<3 { (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]) }
      for k in 0..<3 { (v[k][p], v[k][q]) = (c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]) }
    }
  }
  let order = [0, 1, 2].sorted { a[$0][$0] > a[$1][$1] }
  let vectors = order.map { column in
    let vector = (0..<3).map { v[$0][column] }
    let largest = vector.max { abs($0) < abs($1) } ?? 1
    return largest < 0 ? vector.map { -$0 } : vector
  }
  return (order.map { max(a[$0][$0], 0) }, vectors)
}
