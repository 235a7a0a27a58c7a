extension TrainingData {
  /// Calls `body` with the pixels of each of these images, in that order: in raw units and without
  /// augmentation, read ahead by worker threads.
  package func forEach(
    _ indices: [Int], _ body: (UnsafePointer<Float>) -> Void
  ) throws(ResNetError) {
    let size = try ImagesView.pixelCount(
      count: 1, channels: channels, height: extent.height, width: extent.width)
    let portion = max(1, min(64, indices.count, 4_000_000 / size))
    let loader = try BatchLoader(
      .init(data: self, normalization: .identity), batchSize: portion,
      requests: SequentialBatches(indices, batchSize: portion))
    var steps = Steps(.reading, of: indices.count)
    while let batch = try loader.next() {
      guard let pixels = batch.view.pixels?.assumingMemoryBound(to: Float.self) else { continue }
      for image in 0..<batch.count { body(pixels + image * size) }
      try steps.advance(by: batch.count)
    }
  }
}
