import CKernels
import Testing

/// Every instruction set against plain loops; that those are Pillow's is tested with Pillow.
@Suite struct ResampleTests {
  @Test(arguments: InstructionSet.available, [1, 3])
  func columns(isa: InstructionSet, channels: Int) throws {
    var random = Random(1)
    let kernels = try isa.kernels
    for (rows, width, outputs) in [(1, 1, 1), (3, 5, 9), (4, 40, 17), (2, 33, 100)] {
      let stride = width * channels + 5
      let source = (0..<rows * stride).map { _ in UInt8.random(in: 0...255, using: &random) }
      let taps = 1...min(width, 6)
      let counts = (0..<outputs).map { _ in Int.random(in: taps, using: &random) }
      let first = counts.map { Int.random(in: 0...width - $0, using: &random) }
      let weights = counts.flatMap { count in
        (0..<6).map { $0 < count ? Int32.random(in: -900_000...1_200_000, using: &random) : 0 }
      }
      var out = [UInt8](repeating: 7, count: rows * outputs * channels)
      var scratch = [UInt8](repeating: 0, count: 16 * width)
      let (first32, counts32) = (first.map(Int32.init), counts.map(Int32.init))
      first32.withUnsafeBufferPointer { first in
        counts32.withUnsafeBufferPointer { counts in
          weights.withUnsafeBufferPointer { weights in
            var filter = rk_filter(
              count: Int32(outputs), stride: 6, first: first.baseAddress, taps: counts.baseAddress,
              weights: weights.baseAddress)
            kernels.resample_columns(
              source, Int64(stride), Int32(rows), Int32(width), Int32(channels), &filter, &out,
              Int64(outputs * channels), &scratch)
          }
        }
      }
      var expected: [UInt8] = []
      for row in 0..<rows {
        for x in 0..<outputs {
          for channel in 0..<channels {
            expected.append(
              weighted(
                (0..<counts[x]).map { tap in
                  (
                    source[row * stride + (first[x] + tap) * channels + channel],
                    weights[x * 6 + tap]
                  )
                }))
          }
        }
      }
      #expect(out == expected)
    }
  }

  @Test(arguments: InstructionSet.available)
  func rows(isa: InstructionSet) throws {
    var random = Random(2)
    let kernels = try isa.kernels
    for bytes in [1, 15, 16, 17, 63, 100] {
      let stride = bytes + 3
      let source = (0..<5 * stride).map { _ in UInt8.random(in: 0...255, using: &random) }
      let weights = (0..<5).map { _ in Int32.random(in: -900_000...1_200_000, using: &random) }
      var out = [UInt8](repeating: 7, count: bytes + 1)
      kernels.resample_row(source, Int64(stride), weights, 5, Int64(bytes), &out)
      let expected = (0..<bytes).map { i in
        weighted((0..<5).map { (source[$0 * stride + i], weights[$0]) })
      }
      #expect(out == expected + [7])
    }
  }

  @Test(arguments: InstructionSet.available, [1, 3])
  func batches(isa: InstructionSet, channels: Int) throws {
    var random = Random(3)
    let kernels = try isa.kernels
    let (height, plane) = (3, 3 * 37)
    for width in [1, 16, 37] {
      let count = height * width * channels
      let pixels = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      let offset = random.floats(channels, in: -9...9)
      let scale = random.floats(channels)
      let means = random.floats(channels * plane, in: 0...255)
      for mirrored in [false, true] {
        for meanPixels in [0, 1, height * width] {
          var out = [Float](repeating: .nan, count: count)
          means.withUnsafeBufferPointer { means in
            offset.withUnsafeBufferPointer { offset in
              scale.withUnsafeBufferPointer { scale in
                var normalize = rk_normalize(
                  channels: Int32(channels), mirrored: mirrored ? 1 : 0,
                  offset: offset.baseAddress,
                  mean: meanPixels == 0 ? nil : means.baseAddress, mean_pixels: Int64(meanPixels),
                  scale: scale.baseAddress)
                kernels.batch_image(pixels, Int32(height), Int32(width), &normalize, &out)
              }
            }
          }
          var expected: [Float] = []
          for channel in 0..<channels {
            for row in 0..<height {
              for column in 0..<width {
                let from = mirrored ? width - 1 - column : column
                let pixel = Float(pixels[(row * width + from) * channels + channel])
                let at = meanPixels > 1 ? row * width + column : 0
                let mean = meanPixels == 0 ? 0 : means[channel * meanPixels + at]
                expected.append((pixel + offset[channel] - mean) * scale[channel])
              }
            }
          }
          #expect(out == expected)
        }
      }
    }
  }

  private func weighted(_ terms: [(pixel: UInt8, weight: Int32)]) -> UInt8 {
    let sum = terms.reduce(Int32(1 << 21)) { $0 + Int32($1.pixel) * $1.weight }
    return UInt8(clamping: sum >> 22)
  }
}
