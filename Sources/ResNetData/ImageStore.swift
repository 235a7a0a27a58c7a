import Glibc
import ResNet

/// Labelled images in memory: what the datasets of this module have in common.
///
/// Writable only while it is being filled, by its one owner; after that it never changes, and any
/// number of threads may read it.
final class ImageStore: @unchecked Sendable {
  let count: Int
  let channels: Int
  let extent: Extent
  let classes: Int
  let classNames: [String]
  let isBytes: Bool
  /// NCHW pixels without gaps.
  let pixels: UnsafeMutableRawBufferPointer
  let labels: UnsafeMutableBufferPointer<Int32>

  /// Memory for that many images; the caller fills it.
  init(
    count: Int, channels: Int, extent: Extent, isBytes: Bool, classes: Int, classNames: [String]
  ) throws(ResNetError) {
    let total = try ImagesView.pixelCount(
      count: count, channels: channels, height: extent.height, width: extent.width)
    guard classes >= 1, classes <= Int(Int32.max) else {
      throw ResNetError(
        .invalidArgument, "the number of classes must be 1 to \(Int32.max), got \(classes)")
    }
    guard classNames.isEmpty || classNames.count == classes else {
      throw ResNetError(
        .shapeMismatch, "got \(classNames.count) class names for \(classes) classes")
    }
    let bytes = total * (isBytes ? 1 : MemoryLayout<Float>.stride)
    let labelBytes = count * MemoryLayout<Int32>.stride
    guard let pixels = malloc(bytes) else {
      throw ResNetError(.outOfMemory, "could not allocate \(bytes) bytes for \(count) images")
    }
    guard let labels = malloc(labelBytes) else {
      free(pixels)
      throw ResNetError(.outOfMemory, "could not allocate \(labelBytes) bytes for labels")
    }
    self.count = count
    self.channels = channels
    self.extent = extent
    self.isBytes = isBytes
    self.classes = classes
    self.classNames = classNames
    self.pixels = UnsafeMutableRawBufferPointer(start: pixels, count: bytes)
    self.labels = UnsafeMutableBufferPointer(
      start: labels.bindMemory(to: Int32.self, capacity: count), count: count)
  }

  deinit {
    free(pixels.baseAddress)
    free(labels.baseAddress)
  }

  var unitScale: Float { isBytes ? 1 / 255 : 1 }

  /// Pixels of one image, all channels.
  var imagePixels: Int { channels * extent.height * extent.width }

  /// Of all labels, and of the first pixels of some images, evenly spread: at most a megabyte, as it is
  /// taken of every training.
  func checksum(of indices: [Int]) -> UInt32 {
    let sample = 16
    var checksum = CRC32()
    for index in indices { checksum.add(Int(labels[index])) }
    let size = imagePixels * (isBytes ? 1 : MemoryLayout<Float>.stride)
    for place in Set((0..<sample).map { $0 * indices.count / sample }).sorted() {
      let start = indices[place] * size
      let bytes = pixels[start..<start + min(size, 1 << 16)]
      checksum.add(UnsafeRawBufferPointer(rebasing: bytes))
    }
    return checksum.value
  }

  func perPixelMean() throws(ResNetError) -> [Float] {
    guard let pixels = UnsafeRawPointer(pixels.baseAddress) else { return [] }
    return isBytes
      ? try mean(pixels.assumingMemoryBound(to: UInt8.self))
      : try mean(pixels.assumingMemoryBound(to: Float.self))
  }

  /// In double precision and in the order of the images.
  private func mean<Value: PixelValue>(_ pixels: UnsafePointer<Value>)
    throws(ResNetError) -> [Float]
  {
    let size = imagePixels
    try expectMemory(size, of: 2 * MemoryLayout<Double>.stride, for: "the sums of \(size) pixels")
    var sums = [Double](repeating: 0, count: size)
    var steps = Steps(.reading, of: count)
    let portion = max(1, 4_000_000 / size)
    for first in stride(from: 0, to: count, by: portion) {
      let images = first..<min(first + portion, count)
      sums.withUnsafeMutableBufferPointer { sums in
        for index in images {
          let image = pixels + index * size
          for pixel in 0..<size { sums[pixel] += Double(image[pixel].float) }
        }
      }
      try steps.advance(by: images.count)
    }
    return sums.map { Float($0 / Double(count)) }
  }
}

/// A type that pixels are stored in.
protocol PixelValue {
  var float: Float { get }
}

extension UInt8: PixelValue {
  var float: Float { Float(self) }
}

extension Float: PixelValue {
  var float: Float { self }
}
