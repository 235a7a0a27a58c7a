import CImages
import ResNet
import ResNetData

/// A file, whose last bytes also choose how it is decoded.
///
/// What decodes whole must have the pixels that its header promises, and every part of it, at any
/// fraction of its size, the same pixels that the whole has there.
func fuzzImage(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var choices = ByteSource(UnsafeRawBufferPointer(rebasing: bytes.suffix(8)))
  let channels = choices.flag() ? 1 : 3
  let file = bytes.bindMemory(to: UInt8.self)
  // Small enough for a decoder that is slowed down by its checks.
  let limit = 1 << 16
  let raster = try refusable { () throws(ResNetError) in
    try Raster(decoding: Array(file), channels: channels, pixelLimit: limit)
  }
  var header = ri_header()
  var reason = ri_reason()
  let status = ri_read_header(file.baseAddress, file.count, Int64(limit), &header, &reason)
  try require(status == RI_OK || raster == nil, "decoded without a header")
  guard status == RI_OK else { return }
  let (height, width) = (Int(header.height), Int(header.width))
  try require(height >= 1 && width >= 1 && height * width <= limit, "\(height) x \(width) pixels")
  try require((1...8).contains(header.orientation), "orientation \(header.orientation)")
  let isTurned = header.orientation >= 5
  if let raster {
    try require(
      raster.extent
        == Extent(height: isTurned ? width : height, width: isTurned ? height : width),
      "\(height) x \(width) pixels became \(raster.extent)")
    try require(raster.pixels.count == height * width * channels, "\(raster.pixels.count) pixels")
  }
  let denominator = header.format == RI_JPEG.rawValue ? 1 << (choices.byte() % 4) : 1
  let extent = Extent(
    height: (height + denominator - 1) / denominator,
    width: (width + denominator - 1) / denominator)
  let whole = decode(
    file, channels: channels, denominator: denominator, Part(y: 0, x: 0, of: extent))
  let part = Part(
    y: Int(choices.byte()) % extent.height, x: Int(choices.byte()) % extent.width,
    height: Int(choices.byte()), width: Int(choices.byte()), of: extent)
  let cut = decode(file, channels: channels, denominator: denominator, part)
  // A part may be sound in a file that is damaged after it.
  guard let whole else { return }
  try require(cut != nil, "a part of a sound image was refused")
  let expected = (part.y..<(part.y + part.height)).flatMap { row in
    let start = (row * extent.width + part.x) * channels
    return whole[start..<(start + part.width * channels)]
  }
  try require(cut == expected, "\(part) at 1/\(denominator) is not what the whole image has")
}

private struct Part {
  let y: Int
  let x: Int
  let height: Int
  let width: Int

  /// Everything from there on.
  init(y: Int, x: Int, of extent: Extent) {
    self.init(y: y, x: x, height: extent.height, width: extent.width, of: extent)
  }

  /// As much of that size as there is from there on.
  init(y: Int, x: Int, height: Int, width: Int, of extent: Extent) {
    self.y = y
    self.x = x
    self.height = max(1, min(height, extent.height - y))
    self.width = max(1, min(width, extent.width - x))
  }
}

/// The pixels; nil if they are refused.
private func decode(
  _ file: UnsafeBufferPointer<UInt8>, channels: Int, denominator: Int, _ part: Part
) -> [UInt8]? {
  var request = ri_request(
    denominator: Int32(denominator), channels: Int32(channels), x: Int32(part.x), y: Int32(part.y),
    width: Int32(part.width), height: Int32(part.height))
  var pixels = [UInt8](repeating: 0, count: part.height * part.width * channels)
  var reason = ri_reason()
  let status = ri_decode(file.baseAddress, file.count, &request, &pixels, &reason)
  return status == RI_OK ? pixels : nil
}
