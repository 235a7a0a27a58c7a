import CKernels

/// One convolution-shaped pass, blocked for a batch: forward, or backward to the data.
final class ConvolutionPass {
  let conv: UnsafeMutablePointer<rk_conv>
  /// Values of a channel behind each slot of the statistics, once counted: a batch can have more
  /// slots than a plan alone should take memory for.
  private(set) var slotCounts: [Int64] = []

  /// y(i) = sum over k of w(k) x(i*stride + k - padding).
  static func forward(
    _ target: PlanTarget, channels: (in: Int, out: Int), kernel: Int, stride: Int,
    padding: Int, input: Extent, output: Extent, images: Int
  ) -> ConvolutionPass {
    var taps: [rk_tap] = []
    for row in 0..<kernel {
      for column in 0..<kernel {
        taps.append(
          rk_tap(
            dh: Int32(row - padding), dw: Int32(column - padding),
            index: Int32(row * kernel + column)))
      }
    }
    let phase = rk_phase(
      origin_h: 0, origin_w: 0, rows: Int32(output.height), cols: Int32(output.width),
      tap_begin: 0, tap_end: Int32(taps.count), band_rows: 0, bands: 0)
    return ConvolutionPass(
      target, channels: channels, kernel: kernel, steps: (in: stride, out: 1), input: input,
      output: output, phases: [phase], taps: taps, images: images)
  }

  /// dx(j) = sum over k with (j + padding - k) divisible by the stride of
  /// w(k) dy((j + padding - k) / stride): for each remainder of j a stride-1 convolution of dy.
  static func backwardData(
    _ target: PlanTarget, channels: (in: Int, out: Int), kernel: Int, stride: Int,
    padding: Int, input: Extent, output: Extent, images: Int
  ) -> ConvolutionPass {
    /// (kernel position, offset into dy) of the taps that reach outputs of this remainder.
    func positions(_ origin: Int) -> [(position: Int, offset: Int)] {
      (0..<kernel).compactMap { position in
        let distance = origin + padding - position
        guard distance % stride == 0 else { return nil }
        return (position, distance / stride)
      }
    }
    var phases: [rk_phase] = []
    var taps: [rk_tap] = []
    for top in 0..<min(stride, input.height) {
      for left in 0..<min(stride, input.width) {
        let begin = taps.count
        for row in positions(top) {
          for column in positions(left) {
            taps.append(
              rk_tap(
                dh: Int32(row.offset), dw: Int32(column.offset),
                index: Int32(row.position * kernel + column.position)))
          }
        }
        phases.append(
          rk_phase(
            origin_h: Int32(top), origin_w: Int32(left),
            rows: Int32((input.height - top + stride - 1) / stride),
            cols: Int32((input.width - left + stride - 1) / stride),
            tap_begin: Int32(begin), tap_end: Int32(taps.count), band_rows: 0, bands: 0))
      }
    }
    return ConvolutionPass(
      target, channels: (in: channels.out, out: channels.in), kernel: kernel,
      steps: (in: 1, out: stride), input: output, output: input, phases: phases, taps: taps,
      images: images)
  }

  private init(
    _ target: PlanTarget, channels: (in: Int, out: Int), kernel: Int,
    steps: (in: Int, out: Int), input: Extent, output: Extent, phases: [rk_phase], taps: [rk_tap],
    images: Int
  ) {
    conv = .allocate(capacity: 1)
    conv.initialize(to: rk_conv())
    conv.pointee.in_channels = Int32(channels.in)
    conv.pointee.out_channels = Int32(channels.out)
    conv.pointee.in_h = Int32(input.height)
    conv.pointee.in_w = Int32(input.width)
    conv.pointee.out_h = Int32(output.height)
    conv.pointee.out_w = Int32(output.width)
    conv.pointee.kernel = Int32(kernel)
    conv.pointee.in_step = Int32(steps.in)
    conv.pointee.out_step = Int32(steps.out)
    conv.pointee.phase_count = Int32(phases.count)
    conv.pointee.tap_count = Int32(taps.count)
    withUnsafeMutableBytes(of: &conv.pointee.phases) { bytes in
      let slots = bytes.bindMemory(to: rk_phase.self)
      for (index, phase) in phases.enumerated() { slots[index] = phase }
    }
    withUnsafeMutableBytes(of: &conv.pointee.taps) { bytes in
      let slots = bytes.bindMemory(to: rk_tap.self)
      for (index, tap) in taps.enumerated() { slots[index] = tap }
    }
    conv.pointee.algorithm = target.algorithm
    target.kernels.pointee.conv_prepare(conv, Int32(images), Int32(target.workers))
  }

  deinit { conv.deallocate() }

  /// Counts the values behind the statistics of a forward pass.
  func countSlots() {
    slotCounts = (0..<conv.pointee.slots).map { [conv] in rk_conv_slot_values(conv, $0) }
  }

  var scratchFloats: Int { Int(conv.pointee.scratch_floats) }
  var packedFloats: Int { Int(conv.pointee.packed_floats) }
  /// Values of the statistics of a forward pass.
  var statisticsFloats: Int {
    Int(conv.pointee.slots) * 2 * Int(conv.pointee.out_blocks) * Int(RK_LANES)
  }
}
