import ResNet

extension ImageStore {
  /// What ``TrainingData/read(_:normalization:augmentation:seed:epoch:images:labels:)`` asks for.
  func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    let writer = try ImageWriter(
      indices, of: self.count, channels: channels, extent: extent, normalization: normalization,
      augmentation: augmentation, seed: seed, epoch: epoch, images: images,
      labelCapacity: labels.count)
    guard let pixels = UnsafeRawPointer(pixels.baseAddress) else { return }
    for (position, index) in indices.enumerated() {
      if isBytes {
        let all = pixels.assumingMemoryBound(to: UInt8.self)
        writer.write(all + index * imagePixels, index: index, at: position)
      } else {
        let all = pixels.assumingMemoryBound(to: Float.self)
        writer.write(all + index * imagePixels, index: index, at: position)
      }
      labels[position] = self.labels[index]
    }
  }
}

/// Writes NCHW images into a batch: normalised, and varied at random as their index has it.
struct ImageWriter {
  private let reader: PixelReader
  private let augmentation: Augmentation?
  private let seed: UInt64
  private let epoch: Int
  private let images: UnsafeMutableBufferPointer<Float>

  /// Throws unless the buffers hold images `indices` of a dataset of `count`, and what is to be done
  /// with them fits their extent.
  init(
    _ indices: ArraySlice<Int>, of count: Int, channels: Int, extent: Extent,
    normalization: Normalization, augmentation: Augmentation?, seed: UInt64, epoch: Int,
    images: UnsafeMutableBufferPointer<Float>, labelCapacity: Int
  ) throws(ResNetError) {
    try augmentation?.validate(extent: extent)
    let imagePixels = channels * extent.height * extent.width
    guard images.count / imagePixels >= indices.count, labelCapacity >= indices.count else {
      throw ResNetError(
        .shapeMismatch,
        "\(indices.count) images of \(imagePixels) pixels were asked for, the buffers hold "
          + "\(images.count) pixels and \(labelCapacity) labels")
    }
    for index in indices where index < 0 || index >= count {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; the dataset has \(count), from 0")
    }
    reader = PixelReader(
      mean: try Self.expandedMean(normalization, channels: channels, extent: extent),
      scale: normalization.scale.isEmpty
        ? [Float](repeating: 1, count: channels) : normalization.scale,
      channels: channels, height: extent.height, width: extent.width)
    self.augmentation = augmentation
    self.seed = seed
    self.epoch = epoch
    self.images = images
  }

  /// Writes image `index` of the dataset to a place of the batch.
  func write<Value: PixelValue>(_ image: UnsafePointer<Value>, index: Int, at position: Int) {
    guard let target = images.baseAddress else { return }
    let view = View(augmentation, seed: seed, epoch: epoch, index: index)
    reader.read(image, view, into: target + position * reader.imagePixels)
  }

  /// The mean of every pixel of an image.
  private static func expandedMean(_ normalization: Normalization, channels: Int, extent: Extent)
    throws(ResNetError) -> [Float]
  {
    try normalization.validate(channels: channels)
    if let meanExtent = normalization.meanExtent {
      guard meanExtent == extent else {
        throw ResNetError(
          .shapeMismatch,
          "the images are \(extent.height)x\(extent.width), the per-pixel mean is of "
            + "\(meanExtent.height)x\(meanExtent.width)")
      }
      return normalization.mean
    }
    let means =
      normalization.mean.isEmpty ? [Float](repeating: 0, count: channels) : normalization.mean
    return means.flatMap { repeatElement($0, count: extent.height * extent.width) }
  }
}

/// Which part of the padded image is seen, and whether in the mirror.
private struct View {
  /// Where the crop begins relative to the image, from -padding to padding.
  var top = 0
  var left = 0
  var mirrored = false

  /// The choice for one image in one epoch. All three numbers are drawn whatever is asked for, so
  /// that, for example, the mirrored images are the same ones with and without crops.
  init(_ augmentation: Augmentation?, seed: UInt64, epoch: Int, index: Int) {
    guard let augmentation else { return }
    var random = Philox(seed: seed, stream: .augmentation, epoch: epoch, index: index)
    let offsets = 2 * augmentation.padding + 1
    top = random.integer(below: offsets) - augmentation.padding
    left = random.integer(below: offsets) - augmentation.padding
    mirrored = random.integer(below: 2) == 1 && augmentation.mirror
  }
}

/// Copies one image: normalised, and then seen through a view, so that the padding is zero in the
/// network's terms (the mean, in those of the pixels).
private struct PixelReader {
  /// One value per pixel.
  let mean: [Float]
  /// One value per channel.
  let scale: [Float]
  let channels: Int
  let height: Int
  let width: Int

  var imagePixels: Int { channels * height * width }

  func read<Value: PixelValue>(
    _ source: UnsafePointer<Value>, _ view: View, into target: UnsafeMutablePointer<Float>
  ) {
    // The columns that show the image; the others are padding.
    let columns = max(0, -view.left)..<min(width, width - view.left)
    mean.withUnsafeBufferPointer { mean in
      guard let mean = mean.baseAddress else { return }
      for channel in 0..<channels {
        let scale = scale[channel]
        for row in 0..<height {
          let start = target + (channel * height + row) * width
          var line = UnsafeMutableBufferPointer(start: start, count: width)
          let sourceRow = row + view.top
          guard sourceRow >= 0, sourceRow < height else {
            line.update(repeating: 0)
            continue
          }
          line[..<columns.lowerBound].update(repeating: 0)
          line[columns.upperBound...].update(repeating: 0)
          // Plain pointers that begin where the image does, which the compiler vectorises.
          let origin = (channel * height + sourceRow) * width + view.left + columns.lowerBound
          let (pixels, means) = (source + origin, mean + origin)
          let visible = start + columns.lowerBound
          for column in 0..<columns.count {
            visible[column] = (pixels[column].float - means[column]) * scale
          }
          if view.mirrored { line.reverse() }
        }
      }
    }
  }
}
