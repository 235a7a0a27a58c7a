import CKernels

/// A convolution layer's shape.
struct Convolution: Sendable, CustomStringConvertible {
  var images = 2
  let input: Int
  let output: Int
  let height: Int
  let width: Int
  let kernel: Int
  let stride: Int

  var padding: Int { kernel / 2 }
  var outHeight: Int { (height + 2 * padding - kernel) / stride + 1 }
  var outWidth: Int { (width + 2 * padding - kernel) / stride + 1 }
  var description: String {
    "\(images)x\(input)x\(height)x\(width) to \(output) channels, \(kernel)x\(kernel)/\(stride)"
  }

  /// Channel counts around the block size of 16, and alone, in pairs and odd numbers of blocks.
  private static let channels = [
    (1, 1), (3, 16), (3, 40), (10, 17), (17, 10), (16, 64), (40, 48), (64, 80),
  ]
  /// Single pixels, sizes below and above a register tile, odd and even extents at stride 2.
  private static let extents = [
    (1, 1, 1, 1), (1, 1, 3, 1), (1, 1, 3, 2), (1, 1, 1, 2), (5, 7, 3, 1), (7, 5, 3, 2),
    (8, 10, 3, 2), (8, 9, 1, 2), (9, 8, 1, 1), (2, 3, 3, 2), (9, 8, 7, 2), (6, 5, 7, 1),
    (17, 16, 3, 1),
  ]
  static let sweep =
    channels.flatMap { (input, output) in
      extents.map { (height, width, kernel, stride) in
        Convolution(
          input: input, output: output, height: height, width: width, kernel: kernel,
          stride: stride)
      }
    } + single
    + [
      Convolution(images: 3, input: 3, output: 64, height: 36, width: 64, kernel: 7, stride: 2),
      Convolution(images: 70, input: 17, output: 16, height: 4, width: 4, kernel: 3, stride: 1),
      Convolution(images: 70, input: 3, output: 48, height: 4, width: 4, kernel: 3, stride: 1),
    ]

  /// Single images: several bands, several chunks of source blocks, groups of destination blocks.
  static let single = [
    Convolution(images: 1, input: 20, output: 24, height: 57, width: 57, kernel: 3, stride: 1),
    Convolution(images: 1, input: 300, output: 64, height: 14, width: 14, kernel: 1, stride: 1),
    Convolution(images: 1, input: 520, output: 40, height: 15, width: 15, kernel: 1, stride: 2),
    Convolution(images: 1, input: 130, output: 130, height: 7, width: 7, kernel: 3, stride: 1),
    Convolution(images: 1, input: 20, output: 40, height: 40, width: 112, kernel: 3, stride: 2),
  ]

  /// Every width of a register tile, in pairs of blocks and single ones, on blocks and on images.
  static let widths = (1...33).flatMap { width in
    [(5, 1), (5, 3), (3, 3)].map { (input, kernel) in
      Convolution(
        images: 1, input: input, output: 48, height: 2, width: width, kernel: kernel, stride: 1)
    }
  }

  /// The algorithms that can compute it, and its gradients.
  var algorithms: [rk_algorithm] {
    kernel == 3 && stride == 1 ? [RK_DIRECT, RK_WINOGRAD_2, RK_WINOGRAD_4] : [RK_DIRECT]
  }

  /// The forward pass.
  var forward: rk_conv {
    var conv = rk_conv()
    conv.in_channels = Int32(input)
    conv.out_channels = Int32(output)
    (conv.in_h, conv.in_w) = (Int32(height), Int32(width))
    (conv.out_h, conv.out_w) = (Int32(outHeight), Int32(outWidth))
    conv.kernel = Int32(kernel)
    conv.in_step = Int32(stride)
    conv.out_step = 1
    var taps: [rk_tap] = []
    for kh in 0..<kernel {
      for kw in 0..<kernel {
        taps.append(
          rk_tap(
            dh: Int32(kh - padding), dw: Int32(kw - padding), index: Int32(kh * kernel + kw)))
      }
    }
    conv.tap_count = Int32(taps.count)
    fill(&conv.taps, with: taps)
    conv.phase_count = 1
    conv.phases.0.rows = conv.out_h
    conv.phases.0.cols = conv.out_w
    conv.phases.0.tap_end = conv.tap_count
    return conv
  }

  /// The pass with respect to the data. dx(y) sums dy(o) over the taps k with o*stride + k - padding
  /// = y: which k those are depends on y's remainder, so each remainder is a phase.
  var backward: rk_conv {
    var conv = rk_conv()
    conv.in_channels = Int32(output)
    conv.out_channels = Int32(input)
    (conv.in_h, conv.in_w) = (Int32(outHeight), Int32(outWidth))
    (conv.out_h, conv.out_w) = (Int32(height), Int32(width))
    conv.kernel = Int32(kernel)
    conv.in_step = 1
    conv.out_step = Int32(stride)
    var taps: [rk_tap] = []
    var phases: [rk_phase] = []
    for y in 0..<stride {
      for x in 0..<stride {
        var phase = rk_phase()
        (phase.origin_h, phase.origin_w) = (Int32(y), Int32(x))
        phase.rows = Int32((height - y + stride - 1) / stride)
        phase.cols = Int32((width - x + stride - 1) / stride)
        phase.tap_begin = Int32(taps.count)
        for kh in 0..<kernel where (y + padding - kh) % stride == 0 {
          for kw in 0..<kernel where (x + padding - kw) % stride == 0 {
            taps.append(
              rk_tap(
                dh: Int32((y + padding - kh) / stride), dw: Int32((x + padding - kw) / stride),
                index: Int32(kh * kernel + kw)))
          }
        }
        phase.tap_end = Int32(taps.count)
        phases.append(phase)
      }
    }
    conv.tap_count = Int32(taps.count)
    fill(&conv.taps, with: taps)
    conv.phase_count = Int32(phases.count)
    fill(&conv.phases, with: phases)
    return conv
  }

  /// Calls the body with the flat indices of x, w and y of every product that a convolution sums.
  func forEachProduct(_ body: (_ x: Int, _ w: Int, _ y: Int) -> Void) {
    for image in 0..<images {
      for o in 0..<output {
        for oh in 0..<outHeight {
          for ow in 0..<outWidth {
            let y = ((image * output + o) * outHeight + oh) * outWidth + ow
            for i in 0..<input {
              for kh in 0..<kernel {
                let ih = oh * stride + kh - padding
                guard ih >= 0 && ih < height else { continue }
                for kw in 0..<kernel {
                  let iw = ow * stride + kw - padding
                  guard iw >= 0 && iw < width else { continue }
                  body(
                    ((image * input + i) * height + ih) * width + iw,
                    ((o * input + i) * kernel + kh) * kernel + kw, y)
                }
              }
            }
          }
        }
      }
    }
  }
}
