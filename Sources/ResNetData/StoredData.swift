import ResNet

/// A dataset whose images are in an ``ImageStore``, which answers for it.
protocol StoredData: TrainingData, ImageSource {
  var store: ImageStore { get }
}

extension StoredData {
  public var count: Int { store.count }
  public var channels: Int { store.channels }
  public var extent: Extent { store.extent }
  public var classes: Int { store.classes }
  public var classNames: [String] { store.classNames }
  public var unitScale: Float { store.unitScale }

  public func checksum(of indices: [Int]) -> UInt32? { store.checksum(of: indices) }

  public func perPixelMean() throws(ResNetError) -> [Float] { try store.perPixelMean() }

  public func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    try store.read(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch,
      images: images, labels: labels)
  }
}
