import Glibc

/// Memory for the images and labels of a batch, ready for the network: float32, normalised and
/// augmented.
final class Batch {
  let capacity: Int
  let channels: Int
  let extent: Extent
  private(set) var count = 0
  private let images: UnsafeMutableBufferPointer<Float>
  private let labelMemory: UnsafeMutableBufferPointer<Int32>

  init(capacity: Int, channels: Int, extent: Extent) throws(ResNetError) {
    let pixels = try ImagesView.pixelCount(
      count: capacity, channels: channels, height: extent.height, width: extent.width)
    self.capacity = capacity
    self.channels = channels
    self.extent = extent
    images = UnsafeMutableBufferPointer(start: try allocateFloats(pixels), count: pixels)
    labelMemory = .allocate(capacity: capacity)
    labelMemory.initialize(repeating: 0)
  }

  deinit {
    free(images.baseAddress)
    labelMemory.deallocate()
  }

  var view: ImagesView {
    ImagesView(
      pixels: images.baseAddress, isBytes: false, count: count, channels: channels,
      extent: extent)
  }

  var labels: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(rebasing: labelMemory[..<count]) }

  /// Replaces the content by images of `data`, at most `capacity` of them.
  func read(
    _ indices: ArraySlice<Int>, of data: any TrainingData, normalization: Normalization,
    augmentation: Augmentation? = nil, seed: UInt64 = 0, epoch: Int = 0
  ) throws(ResNetError) {
    try data.read(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch,
      images: images, labels: labelMemory)
    count = indices.count
  }
}
