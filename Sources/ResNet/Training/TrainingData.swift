/// Labelled images that a ``Trainer`` can draw batches from and a model can be evaluated on.
///
/// Implementations are in ResNetData. Images are handed over in raw pixel units, or normalised
/// and augmented when the trainer asks for it. Batches are read ahead of training, and each of them
/// in parts: several threads call `read` at once, for different images and with buffers that do not
/// overlap, also while a progress callback runs. None of the other members may change meanwhile.
public protocol TrainingData: AnyObject, Sendable {
  /// Number of images.
  var count: Int { get }
  var channels: Int { get }
  /// Height and width of every image.
  var extent: Extent { get }
  /// Names of the classes; labels are below its count. Empty if the classes have no names. Where a model
  /// has names, too, labels are matched with its classes by them.
  var classNames: [String] { get }
  /// One more than the largest possible label.
  var classes: Int { get }

  /// The random variation of training on it, if the options of training name none. Nil for none.
  var augmentation: Augmentation? { get }

  /// Those of these images that an evaluation is to count. All, unless there are damaged ones that
  /// are to be left out.
  func readable(_ indices: [Int]) throws(ResNetError) -> [Int]

  /// The mean of each pixel over all images, `channels*height*width` values in raw units.
  func perPixelMean() throws(ResNetError) -> [Float]

  /// Normalisation by the mean and standard deviation of each channel, over all pixels of all images.
  func perChannelNormalization() throws(ResNetError) -> Normalization

  /// The factor that brings raw pixels to [0, 1]: 1/255 for bytes, 1 for floats.
  var unitScale: Float { get }

  /// In words, the size of the images and what is the dataset's own choice of how training sees them: 1 to
  /// 4,096 bytes. A training that is resumed must see them alike.
  var appearance: String { get }

  /// A checksum by which a training that is resumed tells that these images are those that it was begun
  /// with: of what is known without reading them, such as labels and names of files. Nil if
  /// that is nothing.
  func checksum(of indices: [Int]) -> UInt32?

  /// Writes images `indices` as NCHW float32, normalised by `normalization`, then augmented if
  /// `augmentation` is given, and their labels. Random choices are keyed by (seed, epoch, index)
  /// alone, so that they do not depend on batch or thread. `images` and `labels` may be larger
  /// than the images need.
  func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError)
}

extension TrainingData {
  public var augmentation: Augmentation? { nil }

  public func readable(_ indices: [Int]) throws(ResNetError) -> [Int] { indices }

  public var appearance: String { "\(channels)x\(extent.height)x\(extent.width)" }

  public func checksum(of indices: [Int]) -> UInt32? { nil }

  /// Those of all images that an evaluation is to count. Throws `badFormat` if there are none.
  package func readable() throws(ResNetError) -> [Int] {
    // These, the readable ones among them, and an order of those.
    try expectMemory(count, of: 3 * MemoryLayout<Int>.stride, for: "the numbers of \(count) images")
    let indices = try readable(Array(0..<count))
    guard !indices.isEmpty else {
      throw ResNetError(.badFormat, "none of the \(count) images can be read")
    }
    return indices
  }
}

/// Random variation of training images (section 4.2): a crop of the image's own size out of the
/// image padded with zeros, and a mirror image half of the time.
public struct Augmentation: Hashable, Sendable {
  /// Pixels of zero padding on each side; 0 for no random crop.
  public var padding: Int
  /// Whether half of the images are mirrored left to right.
  public var mirror: Bool

  public init(padding: Int, mirror: Bool) {
    self.padding = padding
    self.mirror = mirror
  }

  /// None of these: a dataset's own variation, whatever that is.
  public static let own = Augmentation(padding: 0, mirror: false)

  /// As published for CIFAR-10: 4 pixels of padding, and mirroring.
  public static let cifar = Augmentation(padding: 4, mirror: true)

  /// Throws `invalidArgument` unless every crop of an image of that extent shows some of it.
  public func validate(extent: Extent) throws(ResNetError) {
    let limit = min(extent.height, extent.width)
    guard padding >= 0, padding < limit else {
      throw ResNetError(
        .invalidArgument,
        "the padding of random crops must be at least 0 and, for images of \(extent.height)x"
          + "\(extent.width), below \(limit); got \(padding)")
    }
  }
}
