import ResNet

/// Labelled images from memory, of which it keeps a copy.
///
/// It never changes, so any number of threads and trainers may use it at once.
public final class ImageDataset: StoredData, Sendable {
  let store: ImageStore

  /// - Parameters:
  ///   - images: At least one, as bytes or finite floats.
  ///   - labels: One per image, in `0..<classes`.
  ///   - classes: Their number.
  ///   - classNames: One per class, or none.
  /// - Throws: `shapeMismatch` if the counts do not fit, `invalidArgument` for a label that is not
  ///   a class, `notFinite` for a pixel that is NaN or infinite.
  public init(_ images: Images, labels: [Int], classes: Int, classNames: [String] = [])
    throws(ResNetError)
  {
    store = try images.withView { view throws(ResNetError) in
      try ImageStore(copying: view, labels: labels, classes: classes, classNames: classNames)
    }
  }

  /// The same from borrowed memory.
  package init(_ images: ImagesView, labels: UnsafeBufferPointer<Int32>, classes: Int)
    throws(ResNetError)
  {
    store = try ImageStore(copying: images, labels: labels, classes: classes, classNames: [])
  }
}

extension ImageStore {
  fileprivate convenience init<Labels: Collection>(
    copying images: ImagesView, labels: Labels, classes: Int, classNames: [String]
  ) throws(ResNetError) where Labels.Element: BinaryInteger {
    guard labels.count == images.count else {
      throw ResNetError(
        .shapeMismatch, "got \(labels.count) labels for \(images.count) images")
    }
    try self.init(
      count: images.count, channels: images.channels, extent: images.extent,
      isBytes: images.isBytes, classes: classes, classNames: classNames)
    guard let source = images.pixels else {
      throw ResNetError(.invalidArgument, "the images have no pixels")
    }
    for (index, label) in labels.enumerated() {
      guard label >= 0, label < classes else {
        throw ResNetError(
          .invalidArgument,
          "label \(index) is \(label); with \(classes) classes, labels are 0 to \(classes - 1)")
      }
      self.labels[index] = Int32(truncatingIfNeeded: label)
    }
    pixels.copyMemory(from: UnsafeRawBufferPointer(start: source, count: pixels.count))
    guard !isBytes else { return }
    let floats = pixels.assumingMemoryBound(to: Float.self)
    if let index = floats.firstIndex(where: { !$0.isFinite }) {
      throw ResNetError(
        .notFinite,
        "pixel \(index % imagePixels) of image \(index / imagePixels) is \(floats[index])")
    }
  }
}
