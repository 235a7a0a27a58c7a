import CKernels
import Testing

@Suite struct ImageTests {
  private enum Mean: CaseIterable {
    case none, channel, pixel
  }

  @Test(arguments: [1, 3, 16, 19], [false, true])
  func imagesBecomeBlocked(channels: Int, bytes: Bool) {
    let (n, h, w) = (2, 23, 31)
    var random = Random(11)
    var x = Tensor(n, channels, h, w)
    for i in x.values.indices { x.values[i] = Double(Int.random(in: 0...255, using: &random)) }
    for mean in Mean.allCases {
      for scaled in [false, true] {
        let meanPixels = mean == .pixel ? x.pixels : 1
        let means = random.floats(channels * meanPixels, in: 0...255)
        let scales = random.floats(channels, in: 0.01...0.1)
        var expected = x
        for i in x.values.indices {
          let (channel, pixel) = (i / x.pixels % channels, i % x.pixels)
          let subtracted: Float =
            switch mean {
            case .none: 0
            case .channel: means[channel]
            case .pixel: means[channel * x.pixels + pixel]
            }
          expected.values[i] =
            (x.values[i] - Double(subtracted)) * Double(scaled ? scales[channel] : 1)
        }
        let out = Buffer(x.blockedCount)
        let (floatPixels, bytePixels) = (x.values.map(Float.init), x.values.map { UInt8($0) })
        for task in 0..<n {
          let result =
            if bytes {
              rk_load_image(
                bytePixels, 1, Int32(channels), Int64(x.pixels), mean == .none ? nil : means,
                Int64(meanPixels), scaled ? scales : nil, out.pointer, Int64(task))
            } else {
              rk_load_image(
                floatPixels, 0, Int32(channels), Int64(x.pixels), mean == .none ? nil : means,
                Int64(meanPixels), scaled ? scales : nil, out.pointer, Int64(task))
            }
          #expect(result == 0)
        }
        #expect(expected.mismatch(out) { _ in 4e-5 } == nil, "\(mean) scaled \(scaled)")
      }
    }
  }

  @Test func firstBadPixelIsNamed() {
    let (channels, pixels) = (3, 1500)
    for bad in [Float.nan, .infinity, -.infinity] {
      for place in [0, 1023, 1024, 2999, 4499] {
        var images = [Float](repeating: .greatestFiniteMagnitude, count: 2 * channels * pixels)
        images[channels * pixels + place] = bad
        images[2 * channels * pixels - 1] = bad
        let out = Buffer(2 * pixels * 16)
        let results = (0..<2).map { task in
          rk_load_image(
            images, 0, Int32(channels), Int64(pixels), nil, 1, nil, out.pointer, Int64(task))
        }
        #expect(results == [0, Int64(place) + 1])
      }
    }
  }
}
