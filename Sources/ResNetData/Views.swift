import ResNet

/// Which views of an image a network scores when it is tested, and what is averaged over them
/// (sections 3.4 and 4.2).
public struct Views: Hashable, Sendable {
  /// What of an image a view shows.
  public enum Part: Hashable, Sendable {
    /// All of it, whatever its size: the network is then fully convolutional, as the average over all
    /// positions precedes the classifier.
    case whole
    /// The `crop` x `crop` pixels in the middle.
    case centre(crop: Int)
    /// Those in the four corners and in the middle.
    case five(crop: Int)
  }

  /// What is averaged over the views.
  public enum Average: String, Hashable, Sendable, CaseIterable {
    /// The softmax of each view's scores, as by Krizhevsky et al. (2012).
    case probabilities
    /// The scores, of which the softmax is taken afterwards.
    case scores
  }

  /// Lengths to which an image's shorter side is resized, one after the other; empty for the size that
  /// it has.
  public var shorterSides: [Int]
  public var part: Part
  /// Whether each view's mirror image is one too.
  public var mirrored: Bool
  public var average: Average
  /// How images are resized.
  public var filter: ResamplingFilter

  public init(
    shorterSides: [Int] = [], part: Part = .whole, mirrored: Bool = false,
    average: Average = .probabilities, filter: ResamplingFilter = .bilinear
  ) {
    self.shorterSides = shorterSides
    self.part = part
    self.mirrored = mirrored
    self.average = average
    self.filter = filter
  }

  /// The images as they are, as the paper tests on CIFAR-10.
  public static let single = Views()

  /// The middle of the image. Without `resize`, out of the image as it is.
  public static func centre(crop: Int = 224, resize: Int? = 256) -> Views {
    Views(shorterSides: resize.map { [$0] } ?? [], part: .centre(crop: crop))
  }

  /// The four corners, the middle and their mirror images, whose probabilities are averaged
  /// (Krizhevsky et al., 2012).
  public static func tenCrop(crop: Int = 224, resize: Int? = 256) -> Views {
    Views(
      shorterSides: resize.map { [$0] } ?? [], part: .five(crop: crop), mirrored: true)
  }

  /// The whole image at several sizes, whose scores are averaged. The paper names no mirror images;
  /// Simonyan and Zisserman (2014), whose form it adopts, have them.
  public static func multiScale(
    _ shorterSides: [Int] = [224, 256, 384, 480, 640], mirrored: Bool = false
  ) -> Views {
    Views(shorterSides: shorterSides, mirrored: mirrored, average: .scores)
  }

  /// Views of an image.
  public var count: Int {
    let parts =
      switch part {
      case .whole, .centre: 1
      case .five: 5
      }
    return max(shorterSides.count, 1) * parts * (mirrored ? 2 : 1)
  }

  /// Throws `invalidArgument` unless all lengths are positive.
  public func validate() throws(ResNetError) {
    if let side = shorterSides.first(where: { $0 < 1 }) {
      throw ResNetError(
        .invalidArgument, "an image's shorter side cannot be resized to \(side) pixels")
    }
    switch part {
    case .whole: break
    case .centre(let crop), .five(let crop):
      guard crop >= 1 else {
        throw ResNetError(.invalidArgument, "a crop cannot be \(crop)x\(crop) pixels")
      }
    }
  }

  /// The sizes at which an image of that extent is seen.
  func sizes(of extent: Extent) -> [Extent] {
    shorterSides.isEmpty ? [extent] : shorterSides.map { extent.resized(shorterSide: $0) }
  }

  /// The parts of an image of that size that are views. Throws `invalidArgument` if a crop is larger.
  func regions(in size: Extent) throws(ResNetError) -> [Region] {
    switch part {
    case .whole:
      return [Region(top: 0, left: 0, height: size.height, width: size.width)]
    case .centre(let crop):
      try size.check(crop: crop)
      return [size.centre(Extent(height: crop, width: crop))]
    case .five(let crop):
      try size.check(crop: crop)
      let corners = [0, size.height - crop].flatMap { top in
        [0, size.width - crop].map { left in
          Region(top: top, left: left, height: crop, width: crop)
        }
      }
      return corners + [size.centre(Extent(height: crop, width: crop))]
    }
  }

  /// How a model's normalisation is applied: a mean per pixel is for one size, so whole images at
  /// other sizes get its mean per channel.
  func normalization(_ model: Normalization) -> Normalization {
    part == .whole && !shorterSides.isEmpty ? model.perChannel : model
  }
}
