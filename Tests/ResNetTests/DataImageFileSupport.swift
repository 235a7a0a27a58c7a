import Foundation

@testable import ResNet
@testable import ResNetData

extension DataDirectory {
  /// A PNG file of those pixels, not compressed.
  func write(png raster: Raster, to name: String) throws {
    func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      let body = Array(name.utf8) + data
      var checksum = CRC32()
      body.withUnsafeBytes { checksum.add($0) }
      return big(UInt32(data.count)) + body + big(checksum.value)
    }
    let (height, width) = (raster.extent.height, raster.extent.width)
    let stride = width * raster.channels
    let rows = (0..<height).flatMap { [0] + raster.pixels[$0 * stride..<($0 + 1) * stride] }
    var stream: [UInt8] = [0x78, 0x01]
    for start in Swift.stride(from: 0, to: rows.count, by: 60_000) {
      let part = rows[start..<min(start + 60_000, rows.count)]
      let (low, high) = (UInt8(part.count & 0xff), UInt8(part.count >> 8))
      stream += [part.endIndex == rows.count ? 1 : 0, low, high, ~low, ~high] + part
    }
    var (first, second): (UInt32, UInt32) = (1, 0)
    for byte in rows {
      first = (first + UInt32(byte)) % 65521
      second = (second + first) % 65521
    }
    let header =
      big(UInt32(width)) + big(UInt32(height)) + [8, raster.channels == 3 ? 2 : 0, 0, 0, 0]
    try write(
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
        + chunk("IDAT", stream + big(second << 16 | first)) + chunk("IEND", []), to: name)
  }

  /// Smooth pixels that differ everywhere.
  static func raster(height: Int, width: Int, channels: Int = 3, seed: Int = 0) -> Raster {
    let pixels = (0..<height * width * channels).map { index in
      let (row, column) = (index / (width * channels), index / channels % width)
      let channel = index % channels
      return UInt8(
        truncatingIfNeeded: row &* (3 + channel) &+ column &* (5 - channel) &+ seed &* 41
          &+ row &* column / 16)
    }
    return Raster(pixels, channels: channels, extent: Extent(height: height, width: width))
  }

  /// A JPEG file of 96x64 pixels, wider than high.
  static let jpeg = Array(
    Data(
      base64Encoded: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZG\
        NywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09P\
        T09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCABAAGADASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAA\
        AAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAk\
        M2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT\
        lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QA\
        HwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdh\
        cRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hp\
        anN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk\
        5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDRkkCgY5zUSAAE5HPSoIpSBhhTmcN0PSvTvbSJ5nI+xDtHmHvz\
        1qcxqQDuHHvUSttzk1AGd5OTxUVE5RudinHlsX9wkx2K1MHDrtPHbmq0cW7BBIp0+7aNvFcVNK/KjNv3tGCQZ3EH\
        iiNFAPIJqJWMYIyeajJwdwbj0r0OZKNrkXu9SVDtLdainTdyelEk4wOOn61EbgTDaOMdq86UbTbGmt1uV5W7AcD2\
        pVQkZzxTmUZyetISVA5q4y0OlV7aJlgvhSRn61Au4tnJAFOkbdjtj9aQPvGMYxWlPnS1OSc1bQc8+4gAdOvFTIwc\
        YIxUUYCAkrT45NxOBiu52lTsczre9dMsqPLxzx9akd9wzxxVdCzcGl5SvInF/M2burrUSQ+YMfdFQSKUHXI7UtzL\
        n7owfSq8s5cqADWsVLZkJSQxSzk5NIoINLMuFBXqeaSLJ7H8a15dLozk2luTAHnNKYmXnrmnKMkcc1aWPIzisvhZ\
        hKtJPsVxEG5p0UKjgDmkSQJgVJypHGc16U2t2azjJKyY11APNJgKRgYqcQeZyxprxlWGQcdq5OfW1zGFN38x74jw\
        R39BUM8u5cD6dKeyswAwKXyOuf8A9ddEKSfvM9KnUjFWZntuPLU+NQwOR2pzr5p5GMU4LtGFptRvcurOKi0JDDub\
        5j2qwIVzgVCMjOD0qzbng7uTj1pyS5dDyqrk9WPEKkA4qcIAAO4qNSBzup6S/wDAvrXHNJMXLFmdGm4BjUiSZYDG\
        ccVCDnvxVi0AOTjNTKpdHrTpxS8y7FGJVBziluF+7gdKW3XLDnFWp4wVBx0qYK8zlmuXUzmcjgio3fHQdasXEgJA\
        A/8Ar1Ew8oZIJ/rXa/dV9jNztuVpxzleKYwAwfSpw4m6inNDtFcTnyyLlVtErg7egPNDEpnHfmlVghwec0/bv46e\
        9P2kmc7ve9iBpSOhzUtnIRnJqKRfKHJyKYsoHOAKcm5KyGldXif/2Q==
        """)!)
}
