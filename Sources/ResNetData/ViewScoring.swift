import Glibc
import ResNet

/// Scores the views of images and averages them, image by image.
///
/// Images are held a few at a time. Those that are seen at one size go through the network together,
/// which is most of them where images have two or three sizes, as photographs do; how they are put
/// together depends on their sizes alone, so that results do not depend on the number of threads.
struct ViewScoring {
  let model: Model
  let views: Views
  let count: Int
  let image: (Int) throws(ResNetError) -> SourceImage

  /// Bytes of images to hold at a time, and how many at least and at most.
  private static let windowBytes = 64 << 20
  private static let windowCounts = 8...256
  /// Values of a batch, of which there is one view at least: 16 MB.
  private static let batchFloats = 4_000_000

  /// Hands over each of the images `0..<count` with the averages of its views, one value per class.
  func run(
    _ body: (_ index: Int, _ averages: UnsafePointer<Double>) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    try views.validate()
    let classes = model.network.classes
    var window = Self.windowCounts.lowerBound
    var first = 0
    var steps = Steps(.testing, of: count)
    while first < count {
      let images = try read(first..<min(first + window, count))
      try expectMemory(
        images.count * classes, of: MemoryLayout<Double>.stride,
        for: "the averages of \(images.count) images")
      var sums = [Double](repeating: 0, count: images.count * classes)
      for batch in try batches(of: images) {
        try score(batch, of: images, into: &sums)
        try steps.advance(by: 0)
      }
      for index in sums.indices { sums[index] /= Double(views.count) }
      let outcome = sums.withUnsafeBufferPointer { sums in
        Result { () throws(ResNetError) in
          guard let base = sums.baseAddress else { return }
          for index in images.indices { try body(first + index, base + index * classes) }
        }
      }
      try outcome.get()
      first += images.count
      try steps.advance(by: images.count)
      let largest = images.map(\.bytes).max() ?? 1
      window = min(
        max(Self.windowBytes / largest, Self.windowCounts.lowerBound),
        Self.windowCounts.upperBound)
    }
  }

  /// Some images, read on all threads.
  private func read(_ range: Range<Int>) throws(ResNetError) -> [SourceImage] {
    var images = [SourceImage?](repeating: nil, count: range.count)
    let outcome = images.withUnsafeMutableBufferPointer { images in
      Result { () throws(ResNetError) in
        try concurrently(range.count) { index throws(ResNetError) in
          let found = try image(range.lowerBound + index)
          guard found.channels == model.network.inputChannels else {
            throw ResNetError(
              .shapeMismatch,
              "image \(range.lowerBound + index) has \(found.channels) channels, "
                + "\(model.network.name) takes \(model.network.inputChannels)")
          }
          images[index] = found
        }
      }
    }
    try outcome.get()
    return images.compactMap(\.self)
  }

  /// Images whose views at one size all have one extent.
  private struct Batch {
    /// The images' indices, and the size at which each is seen.
    let images: ArraySlice<(index: Int, size: Extent)>
    /// Of a view.
    let extent: Extent
  }

  private func batches(of images: [SourceImage]) throws(ResNetError) -> [Batch] {
    var batches: [Batch] = []
    for step in 0..<max(views.shorterSides.count, 1) {
      var extents: [Extent] = []
      var groups: [Extent: [(index: Int, size: Extent)]] = [:]
      for (index, image) in images.enumerated() {
        let size = views.sizes(of: image.extent)[step]
        let extent = try views.regions(in: size)[0].extent
        if groups[extent] == nil { extents.append(extent) }
        groups[extent, default: []].append((index, size))
      }
      let perImage = views.count / max(views.shorterSides.count, 1)
      for extent in extents {
        let group = groups[extent] ?? []
        let floats = try ImagesView.pixelCount(
          count: perImage, channels: model.network.inputChannels, height: extent.height,
          width: extent.width)
        let together = max(Self.batchFloats / floats, 1)
        for start in stride(from: 0, to: group.count, by: together) {
          batches.append(
            Batch(images: group[start..<min(start + together, group.count)], extent: extent))
        }
      }
    }
    return batches
  }

  /// Adds what the network makes of a batch's views to the sums of their images.
  private func score(_ batch: Batch, of images: [SourceImage], into sums: inout [Double])
    throws(ResNetError)
  {
    let classes = model.network.classes
    let channels = model.network.inputChannels
    let perImage = views.count / max(views.shorterSides.count, 1)
    let viewFloats = channels * batch.extent.height * batch.extent.width
    let count = batch.images.count * perImage
    let pixels = try FloatMemory(count * viewFloats)
    try concurrently(batch.images.count) { position throws(ResNetError) in
      let (index, size) = batch.images[batch.images.startIndex + position]
      var target = pixels.base + position * perImage * viewFloats
      for view in try views.parts(of: images[index], at: size) {
        view.image.copyPlanes(view.region, mirrored: view.mirrored, to: target)
        target += viewFloats
      }
    }
    let scores = try FloatMemory(count * classes)
    try model.logits(
      ImagesView(
        pixels: pixels.base, isBytes: false, count: count, channels: channels,
        extent: batch.extent),
      normalization: views.normalization(model.normalization),
      into: UnsafeMutableBufferPointer(start: scores.base, count: count * classes))
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      for (position, (index, _)) in batch.images.enumerated() {
        let sum = base + index * classes
        for view in 0..<perImage {
          let row = UnsafePointer(scores.base + (position * perImage + view) * classes)
          switch views.average {
          case .probabilities: Softmax.add(row, classes: classes, to: sum)
          case .scores: for label in 0..<classes { sum[label] += Double(row[label]) }
          }
        }
      }
    }
  }
}

/// Floats for a while.
private final class FloatMemory {
  let base: UnsafeMutablePointer<Float>

  init(_ count: Int) throws(ResNetError) { base = try allocateFloats(count, zeroed: false) }

  deinit { free(base) }
}

extension Views {
  /// The views of an image at one of its sizes, each a part of an image at that size.
  fileprivate func parts(of image: SourceImage, at size: Extent) throws(ResNetError)
    -> [(image: SourceImage, region: Region, mirrored: Bool)]
  {
    var regions = try regions(in: size)
    let resized: SourceImage
    if regions.count == 1 {
      // No more is computed than is seen.
      resized = try image.resized(to: size, crop: regions[0], filter: filter)
      regions = [
        Region(top: 0, left: 0, height: resized.extent.height, width: resized.extent.width)
      ]
    } else {
      resized = try image.resized(to: size, filter: filter)
    }
    return (mirrored ? [false, true] : [false]).flatMap { mirrored in
      regions.map { (resized, $0, mirrored) }
    }
  }
}

extension SourceImage {
  /// Of the pixels.
  fileprivate var bytes: Int {
    switch self {
    case .bytes(let raster): raster.pixels.count
    case .floats(let image): image.pixels.count * MemoryLayout<Float>.stride
    }
  }

  /// Writes a part of the image as planes of floats, or its mirror image.
  fileprivate func copyPlanes(
    _ region: Region, mirrored: Bool, to planes: UnsafeMutablePointer<Float>
  ) {
    let (height, width) = (region.extent.height, region.extent.width)
    let (from, by) = mirrored ? (width - 1, -1) : (0, 1)
    switch self {
    case .bytes(let raster):
      raster.pixels.withUnsafeBufferPointer { pixels in
        for channel in 0..<channels {
          for row in 0..<height {
            let start = ((region.top + row) * extent.width + region.left) * channels + channel
            let to = planes + (channel * height + row) * width
            for column in 0..<width {
              to[from + by * column] = Float(pixels[start + column * channels])
            }
          }
        }
      }
    case .floats(let image):
      image.pixels.withUnsafeBufferPointer { pixels in
        for channel in 0..<channels {
          for row in 0..<height {
            let start =
              (channel * extent.height + region.top + row) * extent.width + region.left
            let to = planes + (channel * height + row) * width
            for column in 0..<width { to[from + by * column] = pixels[start + column] }
          }
        }
      }
    }
  }
}
