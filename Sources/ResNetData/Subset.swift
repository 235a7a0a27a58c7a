import ResNet

/// Some of the images of another dataset, which it shares with it: nothing is copied.
///
/// An image's random variation is what it is in the whole dataset.
public final class Subset: TrainingData {
  /// The whole dataset, which is no subset itself.
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
    if let subset = base as? Subset {
      self.base = subset.base
      self.indices = indices.map { subset.indices[$0] }
    } else {
      self.base = base
      self.indices = indices
    }
  }

  public var count: Int { indices.count }
  public var channels: Int { base.channels }
  public var extent: Extent { base.extent }
  public var classNames: [String] { base.classNames }
  public var classes: Int { base.classes }
  public var unitScale: Float { base.unitScale }

  public var augmentation: Augmentation? { base.augmentation }

  public var appearance: String { base.appearance }

  public func checksum(of indices: [Int]) -> UInt32? {
    base.checksum(of: indices.map { self.indices[$0] })
  }

  public func readable(_ indices: [Int]) throws(ResNetError) -> [Int] {
    for index in indices { try checkIndex(index) }
    // Those of the base, what is left of them, and a set, of which up to five eighths are empty.
    try expectMemory(
      indices.count, of: 6 * MemoryLayout<Int>.stride,
      for: "the numbers of \(indices.count) images")
    let kept = Set(try base.readable(indices.map { self.indices[$0] }))
    return indices.filter { kept.contains(self.indices[$0]) }
  }

  /// Over the images of the subset alone.
  public func perPixelMean() throws(ResNetError) -> [Float] {
    try Calibration(of: self).perPixelMean
  }

  public func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    for index in indices { try checkIndex(index) }
    let chosen = indices.map { self.indices[$0] }[...]
    if let files = base as? ImageFileDataset {
      // What takes a damaged image's place must be of this part, too.
      try files.read(
        chosen, replacedFrom: self.indices, normalization: normalization,
        augmentation: augmentation, seed: seed, epoch: epoch, images: images, labels: labels)
    } else {
      try base.read(
        chosen, normalization: normalization, augmentation: augmentation, seed: seed,
        epoch: epoch, images: images, labels: labels)
    }
  }

  private func checkIndex(_ index: Int) throws(ResNetError) {
    guard index >= 0, index < count else {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; the subset has \(count), from 0")
    }
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
    try expectMemory(count, of: 3 * MemoryLayout<Int>.stride, for: "the order of \(count) images")
    let order = shuffledIndices(count: count, seed: seed, epoch: 0, stream: .split)
    return (
      training: try Subset(self, indices: order.dropFirst(validation).sorted()),
      validation: try Subset(self, indices: order.prefix(validation).sorted())
    )
  }
}
