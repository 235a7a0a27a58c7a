import CKernels
import Testing

@Suite struct PoolingTests {
  /// channels, height, width, kernel, stride, padding, and pixels that rounding up adds at the end
  static let shapes = [
    (1, 1, 1, 1, 1, 0, 0), (3, 1, 1, 3, 2, 1, 0), (17, 2, 3, 3, 2, 1, 0), (10, 7, 8, 3, 2, 1, 0),
    (40, 9, 9, 3, 2, 1, 0), (16, 6, 7, 2, 2, 0, 0), (16, 5, 5, 3, 1, 1, 0), (16, 5, 6, 5, 2, 2, 0),
    (3, 2, 2, 3, 2, 0, 1), (17, 2, 3, 3, 2, 0, 1), (10, 7, 8, 3, 2, 0, 1), (40, 9, 4, 3, 2, 0, 1),
  ]

  /// Small whole numbers, all negative for some images: ties occur, and zero padding would win.
  private func input(_ n: Int, _ c: Int, _ h: Int, _ w: Int) -> Tensor {
    var random = Random(4)
    var x = Tensor(n, c, h, w)
    for i in x.values.indices {
      let image = i / (c * h * w)
      x.values[i] = Double(Int.random(in: -3...3, using: &random) - image * 10)
    }
    return x
  }

  @Test(arguments: InstructionSet.available)
  func maxPoolMatchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (c, h, w, kernel, stride, padding, added) in Self.shapes {
      let n = 2
      let (outH, outW) = (
        (h + 2 * padding + added - kernel) / stride + 1,
        (w + 2 * padding + added - kernel) / stride + 1
      )
      var pool = rk_pool(
        channels: Int32(c), in_h: Int32(h), in_w: Int32(w), out_h: Int32(outH), out_w: Int32(outW),
        kernel: Int32(kernel), stride: Int32(stride), padding: Int32(padding))
      let x = input(n, c, h, w)
      var random = Random(5)
      let dout = Tensor(n, c, outH, outW, random: &random)
      var expected = Tensor(n, c, outH, outW)
      var dx = Tensor(n, c, h, w)
      for image in 0..<n {
        for channel in 0..<c {
          for oh in 0..<outH {
            for ow in 0..<outW {
              var best: (value: Double, row: Int, column: Int)?
              for row in (oh * stride - padding)..<(oh * stride - padding + kernel) {
                for column in (ow * stride - padding)..<(ow * stride - padding + kernel)
                where row >= 0 && row < h && column >= 0 && column < w {
                  let value = x[image, channel, row, column]
                  if best.map({ value > $0.value }) ?? true { best = (value, row, column) }
                }
              }
              let found = try #require(best)
              expected[image, channel, oh, ow] = found.value
              dx[image, channel, found.row, found.column] += dout[image, channel, oh, ow]
            }
          }
        }
      }
      let (blockedX, blockedDout) = (x.blocked, dout.blocked)
      let (out, same) = (Buffer(expected.blockedCount), Buffer(expected.blockedCount))
      let gradient = Buffer(x.blockedCount)
      var argmax = [UInt8](repeating: 255, count: expected.blockedCount)
      forEachTask(Int64(n * x.blocks)) { task in
        kernels.max_pool(&pool, blockedX.pointer, out.pointer, &argmax, task)
        kernels.max_pool(&pool, blockedX.pointer, same.pointer, nil, task)
        kernels.max_pool_backward(&pool, blockedDout.pointer, argmax, gradient.pointer, task)
      }
      let shape = (c, h, w, kernel, stride, padding, added)
      #expect(expected.mismatch(out) { _ in 0 } == nil, "\(shape)")
      #expect(expected.mismatch(same) { _ in 0 } == nil, "\(shape)")
      #expect(argmax.allSatisfy { Int($0) < kernel * kernel }, "\(shape)")
      #expect(dx.mismatch(gradient) { _ in 1e-6 } == nil, "\(shape)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func maxPoolHandsOnNotANumber(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    var pool = rk_pool(
      channels: 1, in_h: 3, in_w: 3, out_h: 1, out_w: 1, kernel: 3, stride: 1, padding: 0)
    for place in 0..<9 {
      let x = Tensor(1, 1, 3, 3).blocked
      x.pointer[place * 16] = .nan
      let out = Buffer(16)
      kernels.max_pool(&pool, x.pointer, out.pointer, nil, 0)
      #expect(out.pointer[0].isNaN && out.pointer[1] == 0)
    }
  }

  @Test(arguments: InstructionSet.available)
  func averagePoolMatchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (n, c, h, w) in [(1, 1, 1, 1), (2, 17, 1, 3), (3, 40, 7, 7), (2, 64, 8, 8)] {
      var random = Random(6)
      let x = Tensor(n, c, h, w, random: &random)
      let dout = Tensor(n, c, 1, 1, random: &random)
      var (mean, dx) = (Tensor(n, c, 1, 1), Tensor(n, c, h, w))
      for i in x.values.indices {
        mean.values[i / x.pixels] += x.values[i] / Double(x.pixels)
        dx.values[i] = dout.values[i / x.pixels] / Double(x.pixels)
      }
      /// [block][image][16] from [image][block][16], or back.
      func exchanged(_ buffer: Buffer, _ rows: Int, _ columns: Int) -> Buffer {
        let other = Buffer(buffer.count)
        for i in 0..<buffer.count {
          let (row, column) = (i / 16 / columns, i / 16 % columns)
          other.pointer[(column * rows + row) * 16 + i % 16] = buffer.pointer[i]
        }
        return other
      }
      let (blockedX, blockedDout) = (x.blocked, exchanged(dout.blocked, n, x.blocks))
      let (out, gradient) = (Buffer(mean.blockedCount), Buffer(x.blockedCount))
      forEachTask(Int64(n * x.blocks)) { task in
        kernels.average_pool(
          blockedX.pointer, out.pointer, Int32(n), Int32(x.blocks), Int64(x.pixels), task)
        kernels.average_pool_backward(
          blockedDout.pointer, gradient.pointer, Int32(n), Int32(x.blocks), Int64(x.pixels), task)
      }
      #expect(out.isIntact)
      let byImage = exchanged(out, x.blocks, n)
      #expect(mean.mismatch(byImage) { _ in 1e-6 } == nil, "\((n, c, h, w))")
      #expect(dx.mismatch(gradient) { _ in 1e-7 } == nil, "\((n, c, h, w))")
    }
  }
}
