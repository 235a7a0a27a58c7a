import ResNet

extension Raster {
  /// The most pixels that an image may have if nothing else is said, 2^26: what a header says is
  /// compared with it before anything is allocated.
  public static let defaultPixelLimit = 1 << 26

  /// Reads a JPEG or PNG file: the same pixels as Pillow's
  /// `ImageOps.exif_transpose(Image.open(path)).convert("RGB")`, or `"L"` for one channel, except
  /// that grey images of 16 bits keep their upper 8. Transparency is dropped. The format is told
  /// by the content, not by the name.
  ///
  /// - Throws: `notFound`, `inputOutput`; `badFormat` if the file is something else, truncated,
  ///   damaged, or has more than `pixelLimit` pixels.
  public init(
    contentsOf path: String, channels: Int = 3, pixelLimit: Int = Raster.defaultPixelLimit
  ) throws(ResNetError) {
    let scratch = ImageScratch()
    let bytes = try scratch.read(path)
    try self.init(
      bytes, name: path, channels: channels, pixelLimit: pixelLimit, scratch: scratch)
  }

  /// The same from memory.
  public init(
    decoding bytes: [UInt8], channels: Int = 3, pixelLimit: Int = Raster.defaultPixelLimit
  ) throws(ResNetError) {
    let outcome = bytes.withUnsafeBufferPointer { bytes in
      Result { () throws(ResNetError) in
        try Raster(decoding: bytes, channels: channels, pixelLimit: pixelLimit)
      }
    }
    self = try outcome.get()
  }

  /// The same from borrowed memory.
  package init(decoding bytes: UnsafeBufferPointer<UInt8>, channels: Int, pixelLimit: Int)
    throws(ResNetError)
  {
    try self.init(
      bytes, name: "the image", channels: channels, pixelLimit: pixelLimit,
      scratch: ImageScratch())
  }

  init(
    _ bytes: UnsafeBufferPointer<UInt8>, name: String, channels: Int, pixelLimit: Int,
    scratch: ImageScratch
  ) throws(ResNetError) {
    try Raster.checkChannels(channels)
    try Raster.checkPixelLimit(pixelLimit)
    let image = try EncodedImage(bytes, name: name, pixelLimit: pixelLimit)
    let extent = image.extent
    let count = extent.height * extent.width * channels
    let memory = try scratch.decoded.reserve(count)
    try image.decode(
      Region(whole: extent), channels: channels, into: memory, scratch: scratch.stored)
    try expectMemory(count, for: "the pixels of \(name)")
    self.init(
      Array(UnsafeBufferPointer(start: memory, count: count)), channels: channels, extent: extent)
  }

  static func checkPixelLimit(_ limit: Int) throws(ResNetError) {
    guard (1...Int(Int32.max)).contains(limit) else {
      throw ResNetError(
        .invalidArgument, "the limit of pixels must be 1 to \(Int32.max), got \(limit)")
    }
  }
}

/// What reading an image file needs for a while. One thread uses it at a time.
final class ImageScratch {
  let file = Scratch<UInt8>()
  let stored = Scratch<UInt8>()
  let decoded = Scratch<UInt8>()
  let resampled = Scratch<UInt8>()
  let resampling = ResamplingScratch()

  /// No image of the pixels allowed is that large.
  private static let fileLimit = 1 << 30

  /// The bytes of a file, until the next one is read.
  func read(_ path: String) throws(ResNetError) -> UnsafeBufferPointer<UInt8> {
    let input = try InputFile(path)
    guard input.size <= ImageScratch.fileLimit else {
      throw ResNetError(
        .badFormat,
        "\(path) has \(input.size) bytes, more than an image file may have "
          + "(\(ImageScratch.fileLimit))")
    }
    let memory = try file.reserve(input.size)
    try input.read(into: UnsafeMutableRawBufferPointer(start: memory, count: input.size))
    return UnsafeBufferPointer(start: memory, count: input.size)
  }
}
