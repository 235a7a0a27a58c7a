import ResNet

/// Labelled images, each whole and of its own size: what views of images are made from. (A
/// `TrainingData` hands out one view of each, all of one size.)
///
/// All members may be used by several threads at once.
public protocol ImageSource: AnyObject {
  /// Number of images.
  var count: Int { get }
  var channels: Int { get }
  /// One more than the largest possible label.
  var classes: Int { get }
  /// Names of the classes, or empty.
  var classNames: [String] { get }

  /// The class of an image. Throws `invalidArgument` for an index that is not in `0..<count`.
  func label(_ index: Int) throws(ResNetError) -> Int

  /// An image in raw pixel units, upright. Throws like ``label(_:)``; and, where images are read
  /// from files, `badFormat`, `notFound` or `inputOutput`, with the file's name.
  func image(_ index: Int) throws(ResNetError) -> SourceImage
}

/// An image as its source has it.
public enum SourceImage: Hashable, Sendable {
  case bytes(Raster)
  case floats(FloatImage)

  public var channels: Int {
    switch self {
    case .bytes(let raster): raster.channels
    case .floats(let image): image.channels
    }
  }

  public var extent: Extent {
    switch self {
    case .bytes(let raster): raster.extent
    case .floats(let image): image.extent
    }
  }

  /// The image at another size, or a part of that. Bytes stay bytes, rounded.
  public func resized(
    to size: Extent, crop: Region? = nil, filter: ResamplingFilter = .bilinear
  ) throws(ResNetError) -> SourceImage {
    switch self {
    case .bytes(let raster): .bytes(try raster.resized(to: size, crop: crop, filter: filter))
    case .floats(let image): .floats(try image.resized(to: size, crop: crop, filter: filter))
    }
  }

  /// A part of the image.
  public func cropped(to region: Region) throws(ResNetError) -> SourceImage {
    switch self {
    case .bytes(let raster): .bytes(try raster.cropped(to: region))
    case .floats(let image): .floats(try image.cropped(to: region))
    }
  }

  /// The pixels plane by plane, as a model takes them: one image.
  public var images: Images {
    get throws(ResNetError) {
      switch self {
      case .bytes(let raster): try raster.images
      case .floats(let image):
        try Images(
          .float(image.pixels), count: 1, channels: image.channels, height: image.extent.height,
          width: image.extent.width)
      }
    }
  }
}

extension StoredData {
  public func label(_ index: Int) throws(ResNetError) -> Int {
    try store.checkIndex(index)
    return Int(store.labels[index])
  }

  public func image(_ index: Int) throws(ResNetError) -> SourceImage { try store.image(index) }
}

extension Subset: ImageSource {
  public func label(_ index: Int) throws(ResNetError) -> Int {
    try source(of: index).label(indices[index])
  }

  /// Throws `invalidArgument`, too, if the whole dataset is no ``ImageSource``.
  public func image(_ index: Int) throws(ResNetError) -> SourceImage {
    try source(of: index).image(indices[index])
  }

  private func source(of index: Int) throws(ResNetError) -> any ImageSource {
    guard indices.indices.contains(index) else {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; the subset has \(count), from 0")
    }
    guard let source = base as? any ImageSource else {
      throw ResNetError(
        .invalidArgument, "the dataset that this is a part of has no whole images")
    }
    return source
  }
}

extension ImageStore {
  fileprivate func checkIndex(_ index: Int) throws(ResNetError) {
    guard (0..<count).contains(index) else {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; the dataset has \(count), from 0")
    }
  }

  fileprivate func image(_ index: Int) throws(ResNetError) -> SourceImage {
    try checkIndex(index)
    let images = ImagesView(
      pixels: pixels.baseAddress, isBytes: isBytes, count: count, channels: channels,
      extent: extent)
    return try SourceImage(images, index)
  }
}

extension SourceImage {
  /// A copy of one of some images. Bytes in other than 1 or 3 channels become floats: a raster has no
  /// others.
  init(_ images: ImagesView, _ index: Int) throws(ResNetError) {
    let (channels, extent) = (images.channels, images.extent)
    try expectMemory(
      images.imageStride, of: images.isBytes && channels != 1 && channels != 3 ? 4 : 1,
      for: "a copy of an image")
    let plane = extent.height * extent.width
    let pixels = UnsafeRawBufferPointer(
      start: images[index..<index + 1].pixels, count: images.imageStride)
    guard images.isBytes else {
      self = .floats(
        FloatImage(Array(pixels.bindMemory(to: Float.self)), channels: channels, extent: extent))
      return
    }
    guard channels == 1 || channels == 3 else {
      self = .floats(FloatImage(pixels.map { Float($0) }, channels: channels, extent: extent))
      return
    }
    var interleaved: [UInt8] = []
    interleaved.reserveCapacity(pixels.count)
    for pixel in 0..<plane {
      for channel in 0..<channels { interleaved.append(pixels[channel * plane + pixel]) }
    }
    self = .bytes(Raster(interleaved, channels: channels, extent: extent))
  }
}
