import CKernels
import Foundation
import Testing

/// What only the networks need that the paper compares with.
@Suite struct ComparatorTests {
  /// channels, height, width
  static let shapes = [(1, 1, 1), (3, 5, 7), (16, 4, 4), (21, 1, 9), (48, 3, 2)]

  @Test(arguments: InstructionSet.available)
  func biasBackwardMasksAndSums(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (c, h, w) in Self.shapes {
      for (masked, kept) in [(false, false), (false, true), (true, false), (true, true)] {
        let n = 3
        var random = Random(c * 100 + h)
        let gradient = Tensor(n, c, h, w, random: &random)
        var activation = Tensor(n, c, h, w, random: &random)
        activation.values = activation.values.map { max($0, 0) }
        var expected = gradient
        var sums = Tensor(n, c, 1, 1)
        for index in gradient.values.indices {
          if masked, activation.values[index] <= 0 { expected.values[index] = 0 }
          sums.values[index / (h * w)] += expected.values[index]
        }
        let (blocked, mask) = (gradient.blocked, activation.blocked)
        let (dy, gotSums) = (Buffer(gradient.blockedCount), Buffer(sums.blockedCount))
        forEachTask(Int64(n * gradient.blocks)) { task in
          kernels.bias_backward(
            blocked.pointer, masked ? mask.pointer : nil, dy.pointer,
            kept ? blocked.pointer : nil, gotSums.pointer, Int64(h * w), task)
        }
        let what: Comment = "\((c, h, w, masked, kept))"
        #expect(expected.mismatch(dy) { _ in 0 } == nil, what)
        #expect((kept ? expected : gradient).mismatch(blocked) { _ in 0 } == nil, what)
        #expect(sums.mismatch(gotSums) { _ in 1e-5 } == nil, what)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func highwayMatchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (c, h, w) in Self.shapes {
      let n = 2
      var random = Random(c * 100 + w)
      let transformed = Tensor(n, c, h, w, random: &random)
      var gate = Tensor(n, c, h, w, random: &random)
      // Saturated gates too, on either side and beyond what e^x holds in float32.
      gate.values = gate.values.enumerated().map { Double(Float($1 * [1, 10, 200][$0 % 3])) }
      let x = Tensor(n, c, h, w, random: &random)
      let dy = Tensor(n, c, h, w, random: &random)
      let zero = Tensor(n, c, h, w)
      var (y, dh, dg, dx) = (zero, zero, zero, zero)
      for index in y.values.indices {
        let t = 1 / (1 + exp(-gate.values[index]))
        let (a, b, gradient) = (
          transformed.values[index], x.values[index], dy.values[index]
        )
        y.values[index] = a * t + b * (1 - t)
        dh.values[index] = gradient * t
        dx.values[index] = gradient * (1 - t)
        dg.values[index] = gradient * (a - b) * t * (1 - t)
      }
      let (hIn, gIn, xIn, gradient) = (
        transformed.blocked, gate.blocked, x.blocked, dy.blocked
      )
      let outputs = (0..<5).map { _ in Buffer(x.blockedCount) }
      forEachTask(Int64(n * x.blocks)) { task in
        kernels.highway(
          hIn.pointer, gIn.pointer, xIn.pointer, outputs[0].pointer, Int64(h * w), task)
        kernels.highway_backward(
          hIn.pointer, gIn.pointer, xIn.pointer, gradient.pointer, outputs[1].pointer,
          outputs[2].pointer, outputs[3].pointer, Int64(h * w), task)
        kernels.highway_backward(
          hIn.pointer, gIn.pointer, xIn.pointer, gradient.pointer, outputs[1].pointer,
          outputs[4].pointer, nil, Int64(h * w), task)
      }
      for (expected, got) in zip([y, dh, dg, dx, dg], outputs) {
        #expect(expected.mismatch(got) { _ in 4e-7 } == nil, "\((c, h, w))")
      }
    }
  }

  @Test("A gate hands NaN on", arguments: InstructionSet.available)
  func highwayKeepsNaN(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for position in 0..<3 {
      let inputs = (0..<3).map { index in
        Buffer([Float](repeating: index == position ? .nan : 1, count: 16))
      }
      let y = Buffer(16)
      kernels.highway(inputs[0].pointer, inputs[1].pointer, inputs[2].pointer, y.pointer, 1, 0)
      // An array, unlike an object, may go once it was used last.
      withExtendedLifetime(inputs) {}
      #expect(y.values.allSatisfy { $0.isNaN }, "input \(position)")
    }
  }

  /// Small whole numbers, so that there are ties.
  @Test(arguments: InstructionSet.available)
  func maxoutMatchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (c, h, w) in Self.shapes {
      for pieces in [2, 3, 8] {
        let n = 2
        var random = Random(c * 100 + pieces)
        var x = Tensor(n, c * pieces, h, w)
        for index in x.values.indices {
          x.values[index] = Double(Int.random(in: -9 ... -1, using: &random))
        }
        let dout = Tensor(n, c, h, w, random: &random)
        var (out, dx) = (Tensor(n, c, h, w), Tensor(n, c * pieces, h, w))
        for image in 0..<n {
          for channel in 0..<c {
            for pixel in 0..<h * w {
              let (row, column) = (pixel / w, pixel % w)
              var best = 0
              for piece in 1..<pieces
              where x[image, piece * c + channel, row, column]
                > x[image, best * c + channel, row, column]
              {
                best = piece
              }
              out[image, channel, row, column] = x[image, best * c + channel, row, column]
              dx[image, best * c + channel, row, column] = dout[image, channel, row, column]
            }
          }
        }
        let (blockedX, blockedDout) = (x.blocked, dout.blocked)
        let (got, same, gradient) = (
          Buffer(out.blockedCount), Buffer(out.blockedCount), Buffer(dx.blockedCount)
        )
        var winners = [UInt8](repeating: 255, count: out.blockedCount)
        forEachTask(Int64(n * out.blocks)) { task in
          kernels.maxout(
            Int32(c), Int32(pieces), blockedX.pointer, got.pointer, &winners, Int64(h * w), task)
          kernels.maxout(
            Int32(c), Int32(pieces), blockedX.pointer, same.pointer, nil, Int64(h * w), task)
        }
        forEachTask(Int64(n * dx.blocks)) { task in
          kernels.maxout_backward(
            Int32(c), Int32(pieces), blockedDout.pointer, winners, gradient.pointer,
            Int64(h * w), task)
        }
        let what: Comment = "\((c, h, w, pieces))"
        #expect(out.mismatch(got) { _ in 0 } == nil, what)
        #expect(out.mismatch(same) { _ in 0 } == nil, what)
        #expect(dx.mismatch(gradient) { _ in 0 } == nil, what)
      }
    }
  }

  /// Windows that fit, that move, and that a side is too short for, in either direction.
  @Test(
    "Patches become vectors, and their gradients maps",
    arguments: [
      (3, 4, 5, 1), (5, 7, 7, 7), (18, 4, 6, 3), (2, 3, 9, 4), (17, 1, 1, 7), (1, 5, 2, 3),
    ])
  func flatten(_ channels: Int, _ height: Int, _ width: Int, _ window: Int) {
    let n = 2
    let (down, across) = (max(height - window, 0) + 1, max(width - window, 0) + 1)
    var random = Random(height * 10 + width)
    let x = Tensor(n, channels, height, width, random: &random)
    // To the engine vectors are one image, whose pixels are the patches of all.
    let dout = Tensor(1, channels * window * window, n * down * across, 1, random: &random)
    var (out, dx) = (
      Tensor(1, channels * window * window, n * down * across, 1),
      Tensor(n, channels, height, width)
    )
    /// Shares of a side's pixels in a cell: of PyTorch's adaptive average pooling if it is short.
    func pixels(_ side: Int, _ position: Int, _ cell: Int) -> Range<Int> {
      if side >= window { return position + cell..<position + cell + 1 }
      let end = Double((cell + 1) * side) / Double(window)
      return cell * side / window..<Int(end.rounded(.up))
    }
    for image in 0..<n {
      for position in 0..<down * across {
        for feature in 0..<channels * window * window {
          let channel = feature / (window * window)
          let rows = pixels(height, position / across, feature / window % window)
          let columns = pixels(width, position % across, feature % window)
          let vector = image * down * across + position
          for row in rows {
            for column in columns {
              let share = 1 / Double(rows.count * columns.count)
              out[0, feature, vector, 0] += share * x[image, channel, row, column]
              dx[image, channel, row, column] += share * dout[0, feature, vector, 0]
            }
          }
        }
      }
    }
    var shape = rk_flatten(
      channels: Int32(channels), in_h: Int32(height), in_w: Int32(width), window: Int32(window),
      images: Int32(n))
    let (blockedX, blockedDout) = (x.blocked, dout.blocked)
    let (got, gradient) = (Buffer(out.blockedCount), Buffer(dx.blockedCount))
    forEachTask(Int64(n)) { task in
      rk_flatten_run(&shape, blockedX.pointer, got.pointer, task)
    }
    // The lanes beyond the last channel are zeroed with the rest.
    forEachTask(Int64(n)) { task in
      rk_flatten_backward(&shape, blockedDout.pointer, gradient.pointer, task)
    }
    #expect(out.mismatch(got) { _ in 1e-6 } == nil)
    #expect(dx.mismatch(gradient) { _ in 1e-5 } == nil)
  }
}
