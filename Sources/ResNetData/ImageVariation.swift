import Glibc
import ResNet

/// Random variation of training images of any size: which part is seen at what size, the mirror, and
/// the colours.
public struct ImageVariation: Hashable, Sendable {
  /// Which part of an image becomes the crop.
  public enum Part: Hashable, Sendable {
    /// The image is resized so that its shorter side is a number of pixels from that range, all
    /// equally likely; the crop is anywhere in it (section 3.4 of the paper). Nil for the published range
    /// of 256 to 480 in its proportion to what images are resized to for evaluation: from that on, to
    /// 480/256 of it.
    case scaled(shorterSide: ClosedRange<Int>? = nil)
    /// A rectangle anywhere in the image, with a share of its area and an aspect ratio from those
    /// ranges, is resized to the crop (Szegedy et al., 2014; torchvision's `RandomResizedCrop`).
    /// The aspect is drawn on a logarithmic scale. Where ten draws do not fit in the image, it is the
    /// largest rectangle in the middle whose aspect is in the range.
    case area(share: ClosedRange<Double>, aspect: ClosedRange<Double>)
  }

  public var part: Part
  /// Whether half of the images are mirrored left to right.
  public var mirror: Bool
  /// Added to all pixels, or nil. For RGB images only.
  public var colour: ColourVariation?

  public init(part: Part, mirror: Bool = true, colour: ColourVariation? = nil) {
    self.part = part
    self.mirror = mirror
    self.colour = colour
  }

  /// As published for ImageNet (section 3.4): a shorter side of 256 to 480 pixels where images are
  /// resized to 256, the mirror, and the colours of ``ColourVariation/imageNet``.
  public static let published = ImageVariation(part: .scaled(), colour: .imageNet)

  /// Of images that are resized to the first of them for an evaluation.
  static let publishedSides = 256...480

  /// The later common recipe: 8 to 100 % of the area, an aspect of 3/4 to 4/3, and the mirror.
  public static let common = ImageVariation(
    part: .area(share: 0.08...1, aspect: 3.0 / 4...4.0 / 3))

  /// The same with the shorter sides in numbers, for images whose shorter side is `resize` in an
  /// evaluation, or if nil 256 as published.
  public func resolved(resize: Int?) -> ImageVariation {
    guard case .scaled(shorterSide: nil) = part else { return self }
    let published = Self.publishedSides
    let least = resize ?? published.lowerBound
    let most = (Double(least * published.upperBound) / Double(published.lowerBound)).rounded()
    var resolved = self
    resolved.part = .scaled(shorterSide: least...Int(most))
    return resolved
  }

  /// All of it in words and numbers.
  var text: String {
    func range<Number>(_ range: ClosedRange<Number>) -> String {
      "\(range.lowerBound) to \(range.upperBound)"
    }
    var text =
      switch part {
      case .scaled(let side): "a crop of a shorter side of \(range(side ?? Self.publishedSides))"
      case .area(let share, let aspect): "\(range(share)) of the area at \(range(aspect))"
      }
    if mirror { text += ", mirrored" }
    if let colour {
      text += ", colours \(colour.eigenvalues) \(colour.eigenvectors) by \(colour.deviation)"
    }
    return text
  }

  /// - Throws: `invalidArgument` for a range that is none or a crop that would not fit.
  public func validate(crop: Int, channels: Int) throws(ResNetError) {
    switch part {
    case .scaled(let side):
      guard let side else { break }
      guard side.lowerBound >= crop, side.upperBound <= 65_500 else {
        throw ResNetError(
          .invalidArgument,
          "the shorter side is drawn from \(side.lowerBound) to \(side.upperBound); expected at least "
            + "the crop's \(crop), and at most 65500")
      }
    case .area(let share, let aspect):
      guard share.lowerBound > 0, share.upperBound <= 1 else {
        throw ResNetError(
          .invalidArgument,
          "the share of the area is drawn from \(share.lowerBound) to \(share.upperBound); expected "
            + "more than 0 and at most 1")
      }
      guard aspect.lowerBound >= 1e-3, aspect.upperBound <= 1e3 else {
        throw ResNetError(
          .invalidArgument,
          "the aspect is drawn from \(aspect.lowerBound) to \(aspect.upperBound); expected 0.001 to "
            + "1000")
      }
    }
    guard let colour else { return }
    guard channels == 3 else {
      throw ResNetError(
        .invalidArgument, "colours can be varied in images of 3 channels, these have \(channels)")
    }
    try colour.validate()
  }
}

/// Random variation of an image's colours (Krizhevsky, Sutskever and Hinton, 2012): the principal
/// components of the training set's colours are added to all of its pixels, each times its
/// eigenvalue times a number from the normal distribution.
public struct ColourVariation: Hashable, Sendable {
  /// Of the covariance of red, green and blue, in units of the full range: pixels from 0 to 1.
  public var eigenvalues: [Double]
  /// One per eigenvalue, of length 1.
  public var eigenvectors: [[Double]]
  /// Of the normal distribution.
  public var deviation: Double

  public init(eigenvalues: [Double], eigenvectors: [[Double]], deviation: Double = 0.1) {
    self.eigenvalues = eigenvalues
    self.eigenvectors = eigenvectors
    self.deviation = deviation
  }

  /// Those of ImageNet's training set, as they are commonly given.
  public static let imageNet = ColourVariation(
    eigenvalues: [0.2175, 0.0188, 0.0045],
    eigenvectors: [
      [-0.5675, -0.5808, -0.5836], [0.7192, -0.0045, -0.6948], [0.4009, -0.8140, 0.4203],
    ])

  func validate() throws(ResNetError) {
    let values = eigenvalues + eigenvectors.flatMap { $0 } + [deviation]
    guard eigenvalues.count == 3, eigenvectors.map(\.count) == [3, 3, 3] else {
      throw ResNetError(
        .shapeMismatch, "colours have 3 eigenvalues and 3 eigenvectors of 3 values")
    }
    guard values.allSatisfy({ abs($0) <= 1000 }), deviation >= 0 else {
      throw ResNetError(
        .invalidArgument,
        "eigenvalues, eigenvectors and the deviation of colours must be finite and at most 1000, and "
          + "the deviation not negative")
    }
  }

  /// What is added to the pixels of one image, of 0 to 255.
  func offset(_ random: inout Philox) -> [Float] {
    let (first, second) = random.normals()
    let (third, _) = random.normals()
    return (0..<3).map { channel in
      var sum = 0.0
      for (component, draw) in [first, second, third].enumerated() {
        sum += eigenvectors[component][channel] * eigenvalues[component] * draw
      }
      return Float(255 * deviation * sum)
    }
  }
}

/// How one image is seen: a part of it becomes `size`, of which `window` is the crop.
struct ImageCut: Equatable {
  var part: Region
  var size: Extent
  var window: Region
  var mirrored = false
  /// Added to each channel.
  var offset: [Float] = []
}

extension ImageVariation {
  /// The choice for one image in one epoch. Mirror and colours are drawn first, whatever is asked for,
  /// so that they are the same with any part.
  func cut(_ extent: Extent, crop: Int, seed: UInt64, epoch: Int, index: Int) -> ImageCut {
    var random = Philox(seed: seed, stream: .augmentation, epoch: epoch, index: index)
    let mirrored = random.integer(below: 2) == 1 && mirror
    let offset = (colour ?? .imageNet).offset(&random)
    let target = Extent(height: crop, width: crop)
    var cut: ImageCut
    switch part {
    case .scaled(let side):
      let side = side ?? Self.publishedSides
      let shorter = side.lowerBound + random.integer(below: side.count)
      let size = extent.resized(shorterSide: shorter)
      let top = random.integer(below: size.height - crop + 1)
      let left = random.integer(below: size.width - crop + 1)
      cut = ImageCut(
        part: Region(whole: extent), size: size,
        window: Region(top: top, left: left, height: crop, width: crop))
    case .area(let share, let aspect):
      let part = random.region(in: extent, share: share, aspect: aspect)
      cut = ImageCut(part: part, size: target, window: Region(whole: target))
    }
    cut.mirrored = mirrored
    if colour != nil { cut.offset = offset }
    return cut
  }
}

extension Philox {
  /// A number in [0, 1).
  fileprivate mutating func unit() -> Double {
    let low = UInt64(next())
    return Double((UInt64(next()) << 32 | low) >> 11) * 0x1p-53
  }

  /// torchvision's RandomResizedCrop.
  fileprivate mutating func region(
    in extent: Extent, share: ClosedRange<Double>, aspect: ClosedRange<Double>
  ) -> Region {
    let (height, width) = (extent.height, extent.width)
    for _ in 0..<10 {
      let area =
        Double(height * width)
        * (share.lowerBound + unit() * (share.upperBound - share.lowerBound))
      let (low, high) = (log(aspect.lowerBound), log(aspect.upperBound))
      let ratio = exp(low + unit() * (high - low))
      let columns = Int((area * ratio).squareRoot().rounded(.toNearestOrEven))
      let rows = Int((area / ratio).squareRoot().rounded(.toNearestOrEven))
      guard (1...width).contains(columns), (1...height).contains(rows) else { continue }
      let top = integer(below: height - rows + 1)
      let left = integer(below: width - columns + 1)
      return Region(top: top, left: left, height: rows, width: columns)
    }
    let ratio = Double(width) / Double(height)
    var (rows, columns) = (height, width)
    if ratio < aspect.lowerBound {
      rows = Int((Double(width) / aspect.lowerBound).rounded(.toNearestOrEven))
    } else if ratio > aspect.upperBound {
      columns = Int((Double(height) * aspect.upperBound).rounded(.toNearestOrEven))
    }
    (rows, columns) = (min(max(rows, 1), height), min(max(columns, 1), width))
    return Region(
      top: (height - rows) / 2, left: (width - columns) / 2, height: rows, width: columns)
  }
}
