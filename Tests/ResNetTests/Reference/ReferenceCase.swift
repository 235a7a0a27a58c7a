import Testing

@testable import ResNet

/// A network, a batch and a seed: everything a comparison with ``ReferenceNetwork`` needs, built
/// the same way every time.
struct ReferenceCase: Sendable, CustomTestStringConvertible {
  enum Pixels { case float, bytes }
  enum Means { case none, perChannel, perPixel }

  var title: String
  var network: Network
  var count: Int
  var extent: Extent
  var pixels = Pixels.float
  var means = Means.none
  var seed: UInt64 = 1

  var testDescription: String { "\(title), \(count) x \(extent.height)x\(extent.width)" }

  /// A model with every tensor random, so that nothing cancels by being 0 or 1.
  func model() throws -> Model {
    var random = ReferenceRandom(seed)
    let model = try Model(zeros: network)
    for tensor in model.layout.tensors {
      let values: [Float]
      switch tensor.kind {
      case .convolutionWeight, .linearWeight:
        // He's variance, 2/fan-in, by a uniform distribution.
        let bound = (6 / Double(tensor.shape[1...].reduce(1, *))).squareRoot()
        values = random.floats(tensor.count, -bound...bound)
      case .batchNormWeight:
        // Some scales are negative, as in trained networks.
        values = random.floats(tensor.count, 0.5...1.5).map { random.below(5) == 0 ? -$0 : $0 }
      case .batchNormBias, .bias, .runningMean:
        values = random.floats(tensor.count, -0.5...0.5)
      case .runningVariance:
        values = random.floats(tensor.count, 0.5...2)
      }
      try model.setTensor(named: tensor.name, to: values)
    }
    try model.setNormalization(normalization(&random))
    return model
  }

  /// Pixel values with the spread of real images: bytes, or floats around 0.
  func images() throws -> Images {
    var random = ReferenceRandom(seed ^ 0xA5A5)
    let total = count * network.inputChannels * extent.height * extent.width
    let values: Images.Pixels =
      switch pixels {
      case .float: .float(random.floats(total, -2...2))
      case .bytes: .bytes((0..<total).map { _ in UInt8(random.below(256)) })
      }
    return try Images(
      values, count: count, channels: network.inputChannels, height: extent.height,
      width: extent.width)
  }

  func labels() -> [Int32] {
    var random = ReferenceRandom(seed ^ 0x5A5A)
    return (0..<count).map { _ in Int32(random.below(network.classes)) }
  }

  private func normalization(_ random: inout ReferenceRandom) -> Normalization {
    let (mean, scale): (ClosedRange<Double>, ClosedRange<Double>) =
      pixels == .bytes ? (100...150, 0.01...0.02) : (-0.5...0.5, 0.7...1.3)
    let channels = network.inputChannels
    switch means {
    case .none:
      // Bytes always get a scale, so that activations are of order 1.
      return Normalization(scale: pixels == .bytes ? random.floats(channels, scale) : [])
    case .perChannel:
      return Normalization(
        mean: random.floats(channels, mean), scale: random.floats(channels, scale))
    case .perPixel:
      return Normalization(
        mean: random.floats(channels * extent.height * extent.width, mean), meanExtent: extent,
        scale: random.floats(channels, scale))
    }
  }
}

extension ReferenceNetwork.Maps {
  /// The images as network inputs: (pixel - mean) * scale, in double precision.
  init(_ images: Images, _ normalization: Normalization) {
    let pixels: [Double] =
      switch images.pixels {
      case .float(let values): values.map(Double.init)
      case .bytes(let values): values.map(Double.init)
      }
    let area = images.extent.height * images.extent.width
    let normalized = pixels.enumerated().map { index, pixel in
      let channel = index / area % images.channels
      let mean: Float =
        if normalization.mean.isEmpty {
          0
        } else if normalization.meanExtent == nil {
          normalization.mean[channel]
        } else {
          normalization.mean[index % (area * images.channels)]
        }
      let scale = normalization.scale.isEmpty ? 1 : normalization.scale[channel]
      return (pixel - Double(mean)) * Double(scale)
    }
    self.init(extent: images.extent, values: normalized)
  }
}

/// max|a - b| / max|b|: the error relative to the largest value.
func relativeError(_ actual: some Sequence<Double>, _ expected: some Sequence<Double>) -> Double {
  var (error, largest) = (0.0, 0.0)
  for (a, b) in zip(actual, expected) {
    // A NaN must not compare as small.
    guard a.isFinite else { return .infinity }
    error = max(error, abs(a - b))
    largest = max(largest, abs(b))
  }
  return error == 0 ? 0 : error / largest
}

/// What `body` writes into a buffer of `count` floats that are NaN before, so that a value that
/// was left out shows.
func written(
  _ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws(ResNetError) -> Void
) throws(ResNetError) -> [Float] {
  let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
  defer { buffer.deallocate() }
  buffer.initialize(repeating: .nan)
  try body(buffer)
  return Array(buffer)
}
