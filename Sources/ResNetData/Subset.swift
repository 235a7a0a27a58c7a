import ResNet

/// Some of the images of another dataset, which it shares with it: nothing is copied.
///
/// An image's random variation is what it is in the whole dataset.
public final class Subset: TrainingData {
  /// The whole dataset.
  public let base: any TrainingData
  /// Which of its images, in the order in which they are counted here.
  public let indices: [Int]

  /// Throws `invalidArgument` unless there is at least one index and all are of images of `base`.
  public init(_ base: any TrainingData, indices: [Int]) throws(ResNetError) {
    guard !indices.isEmpty else {
      throw ResNetError(.invalidArgument, "a subset needs at least one image")
    }
    for index in indices where index < 0 || index >= base.count {
      throw ResNetError(
        .invalidArgument, "image \(index) is not in the dataset, which has \(base.count), from 0")
    }
    self.base = base
    self.indices = indices
  }

  public var count: Int { indices.count }
  public var channels: Int { base.channels }
  public var extent: Extent { base.extent }
  public var classNames: [String] { base.classNames }
  public var classes: Int { base.classes }
  public var unitScale: Float { base.unitScale }

  /// Over the images of the subset alone.
  public func perPixelMean() throws(ResNetError) -> [Float] {
    let size = channels * extent.height * extent.width
    let portion = max(1, min(count, 1_000_000 / size))
    var pixels = [Float](repeating: 0, count: portion * size)
    var labels = [Int32](repeating: 0, count: portion)
    var sums = [Double](repeating: 0, count: size)
    for first in stride(from: 0, to: count, by: portion) {
      let part = first..<min(first + portion, count)
      let outcome = pixels.withUnsafeMutableBufferPointer { pixels in
        labels.withUnsafeMutableBufferPointer { labels in
          Result { () throws(ResNetError) in
            try read(
              Array(part)[...], normalization: .identity, augmentation: nil, seed: 0, epoch: 0,
              images: pixels, labels: labels)
          }
        }
      }
      try outcome.get()
      for image in 0..<part.count {
        for pixel in 0..<size { sums[pixel] += Double(pixels[image * size + pixel]) }
      }
    }
    return sums.map { Float($0 / Double(count)) }
  }

  public func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    for index in indices where index < 0 || index >= count {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; the subset has \(count), from 0")
    }
    try base.read(
      indices.map { self.indices[$0] }[...], normalization: normalization,
      augmentation: augmentation, seed: seed, epoch: epoch, images: images, labels: labels)
  }
}

extension TrainingData {
  /// Cuts the dataset in two at random: images to train on, and `validation` images to evaluate on,
  /// which are read as they are. CIFAR-10's 50,000 are cut into 45,000 and 5,000 in the paper
  /// (section 4.2).
  ///
  /// Which image goes where depends on the number of images, `validation` and `seed` alone, so two
  /// datasets of the same images are cut alike. Each part keeps the order of the whole.
  ///
  /// Throws `invalidArgument` unless both parts have at least one image.
  public func split(validation: Int, seed: UInt64 = 0) throws(ResNetError) -> (
    training: Subset, validation: Subset
  ) {
    guard validation >= 1, validation < count else {
      throw ResNetError(
        .invalidArgument,
        "\(validation) images for validation: expected 1 to \(count - 1), as there are \(count)")
    }
    let order = shuffledIndices(count: count, seed: seed, epoch: 0, stream: .split)
    return (
      training: try Subset(self, indices: order.dropFirst(validation).sorted()),
      validation: try Subset(self, indices: order.prefix(validation).sorted())
    )
  }
}
