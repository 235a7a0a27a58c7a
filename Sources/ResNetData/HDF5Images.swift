import ResNet

/// Labelled images in an HDF5 file, read as they are needed: the file may be larger than memory.
///
/// One dataset has the images, uint8 or float32, one has a label for each, integers from 0, and a
/// third may have the names of the classes, all in the root group. Datasets may be compressed by gzip.
/// Images are read one by one in random order, so they are read fastest if a chunk holds one.
///
/// It never changes, so any number of threads and trainers may use it at once. The file need not be
/// trusted: whatever is in it, reading it takes memory in proportion to an image and a chunk, of which
/// each thread that reads has a few, and fails if need be.
public final class HDF5Images: TrainingData {
  /// The order of an image's dimensions in the file.
  public enum Layout: String, Hashable, Sendable, CaseIterable {
    /// Images x channels x height x width.
    case nchw = "NCHW"
    /// Images x height x width x channels.
    case nhwc = "NHWC"
  }

  public let count: Int
  public let channels: Int
  public let extent: Extent
  public let classes: Int
  public var classNames: [String] { file.classNames }
  public var unitScale: Float { file.isBytes ? 1 / 255 : 1 }

  private let file: HDF5ImageFile
  private let layout: Layout

  /// Opens a file, and reads the labels and the class names.
  ///
  /// - Parameters:
  ///   - path: The file, which must stay as it is while it is in use.
  ///   - images: Name of the dataset of images, four-dimensional, or three-dimensional for grey ones.
  ///   - labels: Name of the dataset of labels.
  ///   - classNames: Name of the dataset of class names, which need not be there.
  ///   - layout: Of four-dimensional images.
  ///   - classes: 0 for as many as there are names, or else for one more than the largest label.
  /// - Throws: `notFound` without such a file or dataset, `inputOutput` if it cannot be read,
  ///   `badFormat` if a dataset is damaged or of another form, or a label out of range,
  ///   `invalidArgument` for a number of classes or a name that cannot be.
  public init(
    _ path: String, images: String = "images", labels: String = "labels",
    classNames: String = "class_names", layout: Layout = .nchw, classes: Int = 0
  ) throws(ResNetError) {
    guard classes >= 0, classes <= Int(Int32.max) else {
      throw ResNetError(
        .invalidArgument,
        "the number of classes must be 1 to \(Int32.max), or 0 to find it out, got \(classes)")
    }
    file = try HDF5ImageFile(path, images: images, labels: labels, classNames: classNames)
    self.layout = layout
    let shape = file.shape
    count = shape[0]
    switch (shape.count, layout) {
    case (3, _):
      channels = 1
      extent = Extent(height: shape[1], width: shape[2])
    case (_, .nchw):
      channels = shape[1]
      extent = Extent(height: shape[2], width: shape[3])
    case (_, .nhwc):
      channels = shape[3]
      extent = Extent(height: shape[1], width: shape[2])
    }
    // Products of the dimensions are computed freely from here on.
    _ = try ImagesView.pixelCount(
      count: count, channels: channels, height: extent.height, width: extent.width)
    let names = file.classNames
    let labelled = Int(file.labels.max() ?? 0) + 1
    self.classes = classes > 0 ? classes : names.isEmpty ? labelled : names.count
    guard labelled <= self.classes, names.isEmpty || names.count == self.classes else {
      throw ResNetError(
        .badFormat,
        "\(path): labels go up to \(labelled - 1) and there are \(names.count) class names, which do "
          + "not fit \(self.classes) classes")
    }
  }

  /// Of the labels. Reading one image may take reading many, if a chunk holds them.
  public func checksum(of indices: [Int]) -> UInt32? {
    var checksum = CRC32()
    for index in indices { checksum.add(Int(file.labels[index])) }
    return checksum.value
  }

  public func perPixelMean() throws(ResNetError) -> [Float] {
    try expectMemory(count, of: MemoryLayout<Int>.stride, for: "the numbers of \(count) images")
    return try Subset(self, indices: Array(0..<count)).perPixelMean()
  }

  public func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    let writer = try ImageWriter(
      indices, of: count, channels: channels, extent: extent, normalization: normalization,
      augmentation: augmentation, seed: seed, epoch: epoch, images: images,
      labelCapacity: labels.count)
    if file.isBytes {
      try read(indices, UInt8.self, writer)
    } else {
      try read(indices, Float.self, writer)
    }
    for (position, index) in indices.enumerated() { labels[position] = file.labels[index] }
  }

  private func read<Value: PixelValue>(
    _ indices: ArraySlice<Int>, _: Value.Type, _ writer: ImageWriter
  ) throws(ResNetError) {
    let size = channels * extent.height * extent.width
    let isTurned = file.shape.count == 4 && layout == .nhwc && channels > 1
    try expectMemory(2 * size, of: MemoryLayout<Value>.stride, for: "an image")
    let memory = UnsafeMutableBufferPointer<Value>.allocate(capacity: isTurned ? 2 * size : size)
    defer { memory.deallocate() }
    let stored = UnsafeMutableBufferPointer(rebasing: memory[..<size])
    let image = UnsafeMutableBufferPointer(rebasing: memory[(memory.count - size)...])
    guard let start = image.baseAddress else { return }
    for (position, index) in indices.enumerated() {
      try file.read(index, into: UnsafeMutableRawBufferPointer(stored))
      if !file.isBytes, let pixel = stored.firstIndex(where: { !$0.float.isFinite }) {
        throw ResNetError(
          .notFinite, "value \(pixel) of image \(index) of \(file.path) is \(stored[pixel].float)")
      }
      if isTurned {
        let pixels = size / channels
        for channel in 0..<channels {
          for pixel in 0..<pixels {
            image[channel * pixels + pixel] = stored[pixel * channels + channel]
          }
        }
      }
      writer.write(start, index: index, at: position)
    }
  }
}

extension HDF5Images: ImageSource {
  public func label(_ index: Int) throws(ResNetError) -> Int {
    guard (0..<count).contains(index) else {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; \(file.path) has \(count), from 0")
    }
    return Int(file.labels[index])
  }

  public func image(_ index: Int) throws(ResNetError) -> SourceImage {
    _ = try label(index)
    try expectMemory(
      channels * extent.height * extent.width, of: 2 * MemoryLayout<Float>.stride, for: "an image")
    var pixels = [Float](repeating: 0, count: channels * extent.height * extent.width)
    var label: Int32 = 0
    let outcome = pixels.withUnsafeMutableBufferPointer { pixels in
      withUnsafeMutablePointer(to: &label) { label in
        Result { () throws(ResNetError) in
          try read(
            [index], normalization: .identity, augmentation: nil, seed: 0, epoch: 0,
            images: pixels, labels: UnsafeMutableBufferPointer(start: label, count: 1))
        }
      }
    }
    try outcome.get()
    let images = try Images(
      file.isBytes ? .bytes(pixels.map { UInt8($0) }) : .float(pixels), count: 1,
      channels: channels, height: extent.height, width: extent.width)
    return try images.withView { (view) throws(ResNetError) in try SourceImage(view, 0) }
  }
}
