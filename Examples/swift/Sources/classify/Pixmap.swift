import Foundation
import ResNet

/// What is wrong with an image file.
struct PixmapError: Error, CustomStringConvertible {
  let path: String
  let message: String

  var description: String { "\(path): \(message)" }
}

extension Images {
  /// Reads a binary PGM (grey) or PPM (colour) file with 8 bits a sample, as a single image.
  init(contentsOfPixmap path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PixmapError(path: path, message: "cannot be read")
    }
    var header = PixmapHeader(rest: data[...])
    let channels: Int
    switch header.word() {
    case "P5": channels = 1
    case "P6": channels = 3
    default: throw PixmapError(path: path, message: "is not a binary PGM or PPM file")
    }
    let sides = 1...65535
    guard let width = header.number(), let height = header.number(), sides.contains(width),
      sides.contains(height)
    else {
      throw PixmapError(path: path, message: "has no sensible width and height")
    }
    guard header.number() == 255 else {
      throw PixmapError(path: path, message: "must have a maximum value of 255")
    }

    // The file has the samples of a pixel side by side; the library takes one plane per channel.
    let plane = height * width
    let samples = [UInt8](header.rest.dropFirst().prefix(channels * plane))
    guard samples.count == channels * plane else {
      throw PixmapError(path: path, message: "ends too early")
    }
    let planes = (0..<channels).flatMap { channel in
      stride(from: channel, to: samples.count, by: channels).map { samples[$0] }
    }
    try self.init(.bytes(planes), count: 1, channels: channels, height: height, width: width)
  }
}

/// The text in front of the samples: words between white space, and comments from # to a line's end.
private struct PixmapHeader {
  private(set) var rest: Data

  /// The next word. What follows it, from the one white space on, is then `rest`.
  mutating func word() -> String {
    while let byte = rest.first, byte == UInt8(ascii: "#") || isSpace(byte) {
      rest = byte == UInt8(ascii: "#") ? rest.drop { $0 != UInt8(ascii: "\n") } : rest.dropFirst()
    }
    let word = rest.prefix { !isSpace($0) && $0 != UInt8(ascii: "#") }
    rest = rest[word.endIndex...]
    return String(decoding: word, as: UTF8.self)
  }

  mutating func number() -> Int? { Int(word()) }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
