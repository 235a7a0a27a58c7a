import CKernels
import Synchronization

extension ImagesView {
  /// Throws unless these images fit a network with `channels` inputs and the normalisation.
  package func validate(channels expected: Int, normalization: Normalization) throws(ResNetError) {
    _ = try ImagesView.pixelCount(
      count: count, channels: channels, height: extent.height, width: extent.width)
    guard pixels != nil else {
      throw ResNetError(.invalidArgument, "the images have no pixels (a null pointer)")
    }
    guard channels == expected else {
      throw ResNetError(
        .shapeMismatch,
        "got images of \(channels)x\(extent.height)x\(extent.width) (channels x height x width), "
          + "but the network takes \(expected) channel\(expected == 1 ? "" : "s")")
    }
    if let mean = normalization.meanExtent, mean != extent {
      throw ResNetError(
        .shapeMismatch,
        "got images of \(extent.height)x\(extent.width) pixels, but the model's per-pixel mean is "
          + "for \(mean.height)x\(mean.width): give images of that size, or calibrate the model anew, by channels, "
          + "for any size")
    }
  }

  /// Normalises the images into a blocked buffer. Throws notFinite for the first bad pixel; the
  /// message counts images from `firstImage`.
  func load(
    normalization: Normalization, into out: UnsafeMutablePointer<Float>, firstImage: Int = 0,
    pool: ThreadPool, workers: Int
  ) throws(ResNetError) {
    guard let pixels else {
      throw ResNetError(.invalidArgument, "the images have no pixels (a null pointer)")
    }
    let pixelCount = extent.height * extent.width
    /// image * imageSize + position of the first bad pixel
    let bad = Atomic<Int>(Int.max)
    let imageSize = channels * pixelCount
    normalization.mean.withUnsafeBufferPointer { mean in
      normalization.scale.withUnsafeBufferPointer { scale in
        pool.run(count, workers: workers) { image, _ in
          let status = rk_load_image(
            pixels, isBytes ? 1 : 0, Int32(channels), Int64(pixelCount),
            mean.isEmpty ? nil : mean.baseAddress,
            normalization.meanExtent == nil ? 1 : Int64(pixelCount),
            scale.isEmpty ? nil : scale.baseAddress, out, Int64(image))
          if status != 0 {
            bad.min(image * imageSize + Int(status) - 1, ordering: .relaxed)
          }
        }
      }
    }
    let first = bad.load(ordering: .relaxed)
    guard first == Int.max else {
      let (image, position) = first.quotientAndRemainder(dividingBy: imageSize)
      let (channel, pixel) = position.quotientAndRemainder(dividingBy: pixelCount)
      throw ResNetError(
        .notFinite,
        "image \(firstImage + image) is not finite (NaN or infinity) at channel \(channel), row "
          + "\(pixel / extent.width), column \(pixel % extent.width)")
    }
  }
}
