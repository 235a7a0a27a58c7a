import CKernels
import Testing

@Suite struct ShortcutTests {
  /// in channels, out channels, zero channels before, stride, height, width
  static let shapes = [
    (1, 1, 0, 1, 1, 1), (16, 32, 0, 2, 8, 8), (16, 32, 8, 2, 8, 8), (32, 64, 16, 2, 5, 7),
    (16, 64, 24, 1, 3, 2), (3, 10, 3, 2, 7, 5), (10, 40, 15, 2, 5, 5), (17, 34, 8, 2, 9, 8),
    (40, 80, 20, 1, 2, 2), (24, 48, 0, 2, 4, 3),
  ]

  @Test(arguments: InstructionSet.available)
  func matchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (input, output, before, stride, h, w) in Self.shapes {
      let n = 2
      let (outH, outW) = ((h + stride - 1) / stride, (w + stride - 1) / stride)
      var random = Random(10)
      let x = Tensor(n, input, h, w, random: &random)
      let dout = Tensor(n, output, outH, outW, random: &random)
      var (out, dx) = (Tensor(n, output, outH, outW), Tensor(n, input, h, w))
      for image in 0..<n {
        for channel in 0..<input {
          for row in 0..<outH {
            for column in 0..<outW {
              out[image, channel + before, row, column] =
                x[image, channel, row * stride, column * stride]
              dx[image, channel, row * stride, column * stride] =
                dout[image, channel + before, row, column]
            }
          }
        }
      }
      let (blockedX, blockedDout) = (x.blocked, dout.blocked)
      let added = x.blocked
      let (gotOut, gotDx) = (Buffer(out.blockedCount), Buffer(dx.blockedCount))
      forEachTask(Int64(n * out.blocks)) { task in
        kernels.pad_shortcut(
          Int32(input), Int32(output), Int32(before), Int32(stride), Int32(h), Int32(w),
          blockedX.pointer, gotOut.pointer, task)
      }
      forEachTask(Int64(n * x.blocks)) { task in
        kernels.pad_shortcut_backward(
          Int32(input), Int32(output), Int32(before), Int32(stride), Int32(h), Int32(w),
          blockedDout.pointer, gotDx.pointer, 0, task)
        kernels.pad_shortcut_backward(
          Int32(input), Int32(output), Int32(before), Int32(stride), Int32(h), Int32(w),
          blockedDout.pointer, added.pointer, 1, task)
      }
      var sum = x
      for index in sum.values.indices { sum.values[index] += dx.values[index] }
      let shape = (input, output, before, stride, h, w)
      #expect(sum.mismatch(added) { _ in 1e-6 } == nil, "\(shape), added")
      #expect(out.mismatch(gotOut) { _ in 0 } == nil, "\(shape)")
      #expect(dx.mismatch(gotDx) { _ in 0 } == nil, "\(shape)")
    }
  }
}
