import CImages
import ResNet

/// A JPEG or PNG image in memory, of which the header has been read. It does not own the bytes.
struct EncodedImage {
  private let bytes: UnsafeBufferPointer<UInt8>
  /// Where the bytes are from, for messages.
  private let name: String
  private let isJPEG: Bool
  /// As the file has it.
  private let stored: Extent
  private let orientation: Orientation

  /// - Throws: `badFormat` if it is neither, is damaged, or has more pixels than allowed.
  init(_ bytes: UnsafeBufferPointer<UInt8>, name: String, pixelLimit: Int) throws(ResNetError) {
    var header = ri_header()
    var reason = ri_reason()
    let status = ri_read_header(
      bytes.baseAddress, bytes.count, Int64(pixelLimit), &header, &reason)
    try EncodedImage.check(status, reason, name)
    self.bytes = bytes
    self.name = name
    isJPEG = header.format == RI_JPEG.rawValue
    stored = Extent(height: Int(header.height), width: Int(header.width))
    orientation = Orientation(exif: header.orientation)
  }

  /// Of the upright image.
  var extent: Extent { orientation.turned(stored) }

  /// What the upright image has if it is decoded at a fraction of its size.
  func extent(denominator: Int) -> Extent { orientation.turned(scaled(denominator)) }

  /// The largest fraction, 1, 1/2, 1/4 or 1/8, at which the image is still as large as that; as
  /// its denominator. Only JPEG images have others than 1.
  func denominator(keeping size: Extent) -> Int {
    guard isJPEG else { return 1 }
    return [8, 4, 2].first { denominator in
      let extent = extent(denominator: denominator)
      return extent.height >= size.height && extent.width >= size.width
    } ?? 1
  }

  /// Decodes a part of the upright image at a fraction of its size, and no more than that part
  /// takes, into `target`.
  func decode(
    _ region: Region, denominator: Int = 1, channels: Int,
    into target: UnsafeMutablePointer<UInt8>, scratch: Scratch<UInt8>
  ) throws(ResNetError) {
    let part = orientation.stored(region, in: scaled(denominator))
    var request = ri_request(
      denominator: Int32(denominator), channels: Int32(channels),
      x: Int32(truncatingIfNeeded: part.left), y: Int32(truncatingIfNeeded: part.top),
      width: Int32(truncatingIfNeeded: part.extent.width),
      height: Int32(truncatingIfNeeded: part.extent.height))
    let decoded =
      orientation.isUpright
      ? target : try scratch.reserve(part.extent.height * part.extent.width * channels)
    var reason = ri_reason()
    let status = ri_decode(bytes.baseAddress, bytes.count, &request, decoded, &reason)
    try EncodedImage.check(status, reason, name)
    if !orientation.isUpright {
      orientation.turn(decoded, part.extent, channels: channels, into: target)
    }
  }

  private func scaled(_ denominator: Int) -> Extent {
    Extent(
      height: (stored.height + denominator - 1) / denominator,
      width: (stored.width + denominator - 1) / denominator)
  }

  private static func check(_ status: ri_status, _ reason: ri_reason, _ name: String)
    throws(ResNetError)
  {
    guard status != RI_OK else { return }
    let text = withUnsafeBytes(of: reason.text) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    throw ResNetError(
      status == RI_OUT_OF_MEMORY ? .outOfMemory : .badFormat, "\(name) cannot be decoded: \(text)")
  }
}
