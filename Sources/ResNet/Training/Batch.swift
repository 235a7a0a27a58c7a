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

  /// Makes room for so many images, at most `capacity`, whose parts are then read.
  func prepare(count: Int) { self.count = count }

  /// Reads images of `data` to the places from `first` on, and the classes of their labels. Other parts
  /// may be read meanwhile.
  func read(
    _ indices: ArraySlice<Int>, at first: Int, of data: any TrainingData,
    labels: LabelMap = .identity, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int
  ) throws(ResNetError) {
    let pixels = channels * extent.height * extent.width
    let places = first..<first + indices.count
    let target = UnsafeMutableBufferPointer(rebasing: labelMemory[places])
    try data.read(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch,
      images: UnsafeMutableBufferPointer(
        rebasing: images[places.lowerBound * pixels..<places.upperBound * pixels]),
      labels: target)
    try labels.apply(to: target)
  }
}
