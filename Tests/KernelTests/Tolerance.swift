import CKernels

/// How far a value may be from the truth. A direct sum's error is a part of its own terms'
/// magnitudes. Winograd's algorithm multiplies sums of pixels by sums of weights, whether or not an
/// output needs them all: its error is a part of what an output could be at most, the largest pixel
/// times the magnitudes of all the weights of a channel.
struct Tolerance {
  private let sizes: [Double]
  private let least: Double
  private static let part = 1e-6

  /// For the sums of products of magnitudes `sizes`, made of `pixels` and `weights`; `channel` says
  /// which channel's values a weight is summed into.
  init(
    _ algorithm: rk_algorithm, sizes: [Double], pixels: [Double], weights: [Double],
    channel: (Int) -> Int
  ) {
    self.sizes = sizes
    var sums: [Int: Double] = [:]
    for (index, weight) in weights.enumerated() { sums[channel(index), default: 0] += abs(weight) }
    let largestPixel = pixels.reduce(0) { max($0, abs($1)) }
    least = algorithm == RK_DIRECT ? 0 : largestPixel * (sums.values.max() ?? 0)
  }

  func callAsFunction(_ index: Int) -> Double { Self.part * max(sizes[index], least) + 1e-12 }
}
