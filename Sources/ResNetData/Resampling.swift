import CKernels
import ResNet

/// A resampling of a part of an image, or of a part of its result: both axes.
struct Resampling {
  let rows: AxisFilter
  let columns: AxisFilter

  /// Most pixels on a side, and in all, of what is asked for.
  private static let sideLimit = 1 << 20
  private static let pixelLimit = 1 << 28

  /// The part `source` of an image becomes `size`, of which `window` is wanted.
  ///
  /// - Throws: `invalidArgument` for a part that is none, a size of nothing or one too large.
  init(of source: Region, to size: Extent, window: Region, filter: ResamplingFilter)
    throws(ResNetError)
  {
    try self.init(
      of: source, denominator: 1, in: source.extent, to: size, window: window, filter: filter)
  }

  /// The same for an image that was decoded at a fraction of its size and has the extent `image`.
  init(
    of source: Region, denominator: Int, in image: Extent, to size: Extent, window: Region,
    filter: ResamplingFilter
  ) throws(ResNetError) {
    let sides = 1...Resampling.sideLimit
    guard sides.contains(size.height), sides.contains(size.width),
      size.height * size.width <= Resampling.pixelLimit
    else {
      throw ResNetError(
        .invalidArgument,
        "an image cannot become \(size.height)x\(size.width); each side must be 1 to "
          + "\(Resampling.sideLimit), and their product at most \(Resampling.pixelLimit)")
    }
    try window.validate(in: size)
    func axis(
      _ range: Range<Int>, side: Int, output: Int, window: Range<Int>
    ) throws(ResNetError) -> AxisFilter {
      if denominator == 1 {
        return try AxisFilter(
          input: range, from: 0, to: Double(range.count), output: output, window: window,
          filter: filter)
      }
      let low = range.lowerBound / denominator
      let high = min((range.upperBound + denominator - 1) / denominator, side)
      let from = Double(range.lowerBound) / Double(denominator) - Double(low)
      // The last pixel of a scaled image may stand for fewer than the others.
      let to = min(Double(range.upperBound) / Double(denominator), Double(side)) - Double(low)
      return try AxisFilter(
        input: low..<high, from: from, to: to, output: output, window: window, filter: filter)
    }
    rows = try axis(source.rows, side: image.height, output: size.height, window: window.rows)
    columns = try axis(
      source.columns, side: image.width, output: size.width, window: window.columns)
  }

  /// The part of the image that is read.
  var reads: Region { Region(rows: rows.reads, columns: columns.reads) }

  var output: Extent { Extent(height: rows.outputs, width: columns.outputs) }

  /// Resamples the pixels of `reads`, [height][width][channels] without gaps, into `target`.
  func run(
    _ source: UnsafePointer<UInt8>, channels: Int, into target: UnsafeMutablePointer<UInt8>,
    scratch: ResamplingScratch
  ) throws(ResNetError) {
    let kernels = try Kernels.selected()
    let reads = reads.extent
    var (from, width) = (source, reads.width)
    if !columns.isIdentity {
      let stride = columns.outputs * channels
      let narrowed =
        rows.isIdentity ? target : try scratch.rows.reserve(reads.height * stride)
      let interleaved = try scratch.columns.reserve(16 * reads.width)
      let group = channels == 3 ? 4 : 16
      columns.withKernel { filter in
        for row in Swift.stride(from: 0, to: reads.height, by: group) {
          kernels.pointee.resample_columns(
            source + row * reads.width * channels, Int64(reads.width * channels),
            Int32(truncatingIfNeeded: min(group, reads.height - row)),
            Int32(truncatingIfNeeded: reads.width), Int32(truncatingIfNeeded: channels), &filter,
            narrowed + row * stride, Int64(stride), interleaved)
        }
      }
      (from, width) = (UnsafePointer(narrowed), columns.outputs)
    }
    let stride = width * channels
    if rows.isIdentity {
      if columns.isIdentity { target.update(from: source, count: reads.height * stride) }
      return
    }
    rows.withKernel { filter in
      for row in 0..<rows.outputs {
        kernels.pointee.resample_row(
          from + Int(filter.first[row]) * stride, Int64(stride),
          filter.weights + row * Int(filter.stride), filter.taps[row], Int64(stride),
          target + row * stride)
      }
    }
  }

  /// The same for one plane of floats.
  func run(
    _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>,
    scratch: Scratch<Float>
  ) throws(ResNetError) {
    let reads = reads.extent
    var (from, stride) = (source, reads.width)
    if !columns.isIdentity {
      stride = columns.outputs
      let narrowed = rows.isIdentity ? target : try scratch.reserve(reads.height * stride)
      columns.withFloatKernel { filter in
        rk_resample_float_columns(
          source, Int64(reads.width), Int64(reads.height), &filter, narrowed, Int64(stride))
      }
      from = UnsafePointer(narrowed)
    }
    if rows.isIdentity {
      if columns.isIdentity { target.update(from: source, count: reads.height * stride) }
      return
    }
    rows.withFloatKernel { filter in
      for row in 0..<rows.outputs {
        rk_resample_float_row(
          from + Int(filter.first[row]) * stride, Int64(stride),
          filter.weights + row * Int(filter.stride), filter.taps[row], Int64(stride),
          target + row * stride)
      }
    }
  }
}

/// What a resampling of bytes needs for a while.
final class ResamplingScratch {
  let rows = Scratch<UInt8>()
  let columns = Scratch<UInt8>()
}
