import ResNet

/// How the pixels of a file lie, by EXIF's tag: a stored row is a row or a column of the image,
/// begun at either end.
struct Orientation {
  /// Stored rows are the image's columns.
  let swapped: Bool
  /// The image's first column (or row, if swapped) is the last stored one.
  let flippedX: Bool
  let flippedY: Bool

  /// Of EXIF's values 1 to 8.
  init(exif: Int32) {
    swapped = exif >= 5
    flippedX = [2, 3, 7, 8].contains(exif)
    flippedY = [3, 4, 6, 7].contains(exif)
  }

  var isUpright: Bool { !swapped && !flippedX && !flippedY }

  /// From stored to seen, and back.
  func turned(_ extent: Extent) -> Extent {
    swapped ? Extent(height: extent.width, width: extent.height) : extent
  }

  /// Where a region of the image is stored, in a file of that extent.
  func stored(_ region: Region, in extent: Extent) -> Region {
    func flip(_ range: Range<Int>, _ side: Int) -> Range<Int> {
      side - range.upperBound..<side - range.lowerBound
    }
    let columns = swapped ? region.rows : region.columns
    let rows = swapped ? region.columns : region.rows
    return Region(
      rows: flippedY ? flip(rows, extent.height) : rows,
      columns: flippedX ? flip(columns, extent.width) : columns)
  }

  /// Turns stored pixels of that extent upright.
  func turn(
    _ source: UnsafePointer<UInt8>, _ extent: Extent, channels: Int,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let seen = turned(extent)
    for y in 0..<seen.height {
      for x in 0..<seen.width {
        let (u, v) = swapped ? (y, x) : (x, y)
        let column = flippedX ? extent.width - 1 - u : u
        let row = flippedY ? extent.height - 1 - v : v
        let from = source + (row * extent.width + column) * channels
        let to = target + (y * seen.width + x) * channels
        for channel in 0..<channels { to[channel] = from[channel] }
      }
    }
  }
}
