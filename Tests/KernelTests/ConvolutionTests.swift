import CKernels
import Testing

/// What is asked of a pass beside the sum itself.
private struct Extras {
  var load = Load.plain, accumulate = false, bias = false, addend = false, relu = false
  var statistics = false

  static let all = [
    Extras(),
    Extras(load: .affineReLU, bias: true, relu: true),
    Extras(load: .affine, accumulate: true, addend: true, relu: true),
    Extras(load: .affineReLU, statistics: true),
    Extras(accumulate: true, bias: true, addend: true, statistics: true),
  ]
}

/// A pass with all its operands: what to run and what should come of it.
private struct Pass {
  var conv: rk_conv
  let images: Int
  let source: Source
  let weights: [Float]  // OIHW
  let transposed: Bool
  let rowScale: [Float]?
  let start: Tensor  // what the destination holds before
  let bias: PerChannel?
  let addend: Tensor?
  let extras: Extras

  /// The destination after all tasks, and the statistics.
  func run(
    _ kernels: rk_kernels, _ algorithm: rk_algorithm, workers: Int32 = 2, backwards: Bool = false
  ) -> (Buffer, Buffer) {
    var conv = conv
    conv.algorithm = Int32(algorithm.rawValue)
    kernels.conv_prepare(&conv, Int32(images), workers)
    #expect(conv.algorithm == Int32(algorithm.rawValue))
    let packed = Buffer(Int(conv.packed_floats))
    forEachTask(Int64(conv.out_blocks), backwards: backwards) { task in
      kernels.conv_pack(&conv, weights, rowScale, transposed ? 1 : 0, packed.pointer, task)
    }
    let destination = extras.accumulate ? start.blocked : Buffer(start.blockedCount)
    let statistics = Buffer(Int(conv.slots) * 2 * start.blocks * 16)
    let addendBuffer = addend?.blocked
    let scratch = Buffer(Int(conv.scratch_floats))
    var epilogue = rk_epilogue(
      accumulate: extras.accumulate ? 1 : 0, relu: extras.relu ? 1 : 0, bias: bias?.pointer,
      addend: addendBuffer.map { UnsafePointer($0.pointer) },
      statistics: extras.statistics ? statistics.pointer : nil)
    source.withSource { source in
      var source = source
      forEachTask(conv.tasks, backwards: backwards) { task in
        kernels.conv_run(
          &conv, &source, packed.pointer, destination.pointer, &epilogue, task, scratch.pointer)
      }
    }
    #expect(packed.isIntact && scratch.isIntact && statistics.isIntact)
    withExtendedLifetime((bias, addendBuffer)) {}
    return (destination, statistics)
  }

  /// Adds what follows the sum of products, and returns what the tolerance of each value is a part
  /// of: the sum of magnitudes.
  func finish(_ sums: inout Tensor, magnitudes: [Double]) -> [Double] {
    var sizes = magnitudes
    for i in sums.values.indices {
      let channel = i / sums.pixels % sums.c
      var value = sums.values[i]
      for extra in [
        extras.accumulate ? start.values[i] : 0, bias?.values[channel] ?? 0,
        addend?.values[i] ?? 0,
      ] {
        value += extra
        sizes[i] += abs(extra)
      }
      sums.values[i] = extras.relu ? max(0, value) : value
    }
    return sizes
  }
}

private func forwardPass(_ shape: Convolution, _ extras: Extras) -> Pass {
  var random = Random(7)
  let x = Tensor(shape.images, shape.input, shape.height, shape.width, random: &random)
  let y = Tensor(shape.images, shape.output, shape.outHeight, shape.outWidth, random: &random)
  return Pass(
    conv: shape.forward, images: shape.images,
    source: Source(x, load: extras.load, random: &random),
    weights: random.floats(shape.output * shape.input * shape.kernel * shape.kernel),
    transposed: false,
    rowScale: extras.bias ? random.floats(shape.output, in: 0.5...2) : nil, start: y,
    bias: extras.bias ? PerChannel(shape.output, in: -1...1, random: &random) : nil,
    addend: extras.addend
      ? Tensor(shape.images, shape.output, shape.outHeight, shape.outWidth, random: &random) : nil,
    extras: extras)
}

private func backwardPass(_ shape: Convolution, _ extras: Extras) -> Pass {
  var random = Random(8)
  let dy = Tensor(shape.images, shape.output, shape.outHeight, shape.outWidth, random: &random)
  let dx = Tensor(shape.images, shape.input, shape.height, shape.width, random: &random)
  return Pass(
    conv: shape.backward, images: shape.images,
    source: Source(dy, load: extras.load, random: &random),
    weights: random.floats(shape.output * shape.input * shape.kernel * shape.kernel),
    transposed: true,
    rowScale: extras.bias ? random.floats(shape.output, in: 0.5...2) : nil, start: dx,
    bias: extras.bias ? PerChannel(shape.input, in: -1...1, random: &random) : nil,
    addend: extras.addend
      ? Tensor(shape.images, shape.input, shape.height, shape.width, random: &random) : nil,
    extras: extras)
}

/// The weights as the pass uses them, with the factor per output channel.
private func scaledWeights(_ pass: Pass, _ shape: Convolution) -> [Double] {
  let each = shape.input * shape.kernel * shape.kernel
  return pass.weights.enumerated().map { i, w in Double(w) * Double(pass.rowScale?[i / each] ?? 1) }
}

/// Every instruction set of this processor with every algorithm for a shape.
private func combinations(_ shape: Convolution) throws -> [(Isa, rk_algorithm)] {
  try InstructionSet.available.flatMap { isa in
    try shape.algorithms.map { (Isa(name: isa.name, kernels: try isa.kernels), $0) }
  }
}

private struct Isa: CustomStringConvertible {
  let name: String
  let kernels: rk_kernels
  var description: String { name }
}

@Suite struct ConvolutionTests {
  /// By shape alone: see docs/PERFORMANCE.md for why.
  @Test(arguments: [
    (1, 64, 56, 3, 1, RK_WINOGRAD_4), (1, 64, 8, 3, 1, RK_WINOGRAD_2),
    (2, 64, 8, 3, 1, RK_WINOGRAD_4), (1, 16, 8, 3, 1, RK_WINOGRAD_4),
    (1, 256, 14, 3, 1, RK_WINOGRAD_4), (1, 512, 7, 3, 1, RK_WINOGRAD_2),
    (2, 512, 7, 3, 1, RK_WINOGRAD_4), (9, 3, 32, 3, 1, RK_DIRECT), (9, 64, 56, 3, 2, RK_DIRECT),
    (9, 64, 56, 1, 1, RK_DIRECT), (9, 3, 56, 7, 2, RK_DIRECT),
  ])
  func algorithmFollowsFromShape(
    _ images: Int, _ channels: Int, _ extent: Int, _ kernel: Int, _ stride: Int,
    _ expected: rk_algorithm
  ) throws {
    let shape = Convolution(
      images: images, input: channels, output: channels, height: extent, width: extent,
      kernel: kernel, stride: stride)
    for isa in InstructionSet.available {
      for workers in [1, 2, 64] as [Int32] {
        var conv = shape.forward
        try isa.kernels.conv_prepare(&conv, Int32(images), workers)
        #expect(conv.algorithm == Int32(expected.rawValue))
        var forbidden = shape.forward
        forbidden.algorithm = Int32(RK_DIRECT.rawValue)
        try isa.kernels.conv_prepare(&forbidden, Int32(images), workers)
        #expect(forbidden.algorithm == Int32(RK_DIRECT.rawValue))
      }
    }
  }

  @Test(arguments: Convolution.sweep + Convolution.widths)
  func forwardMatchesDefinition(_ shape: Convolution) throws {
    for extras in Extras.all {
      let pass = forwardPass(shape, extras)
      var expected = Tensor(shape.images, shape.output, shape.outHeight, shape.outWidth)
      var magnitudes = expected.values
      let (x, sizes) = (pass.source.seen.values, pass.source.magnitudes)
      let w = scaledWeights(pass, shape)
      shape.forEachProduct { xi, wi, yi in
        expected.values[yi] += x[xi] * w[wi]
        magnitudes[yi] += sizes[xi] * abs(w[wi])
      }
      let outputs = pass.finish(&expected, magnitudes: magnitudes)
      for (isa, algorithm) in try combinations(shape) {
        let (got, statistics) = pass.run(isa.kernels, algorithm)
        let tolerance = Tolerance(algorithm, sizes: outputs, pixels: x, weights: w) {
          $0 / (w.count / shape.output)
        }
        #expect(expected.mismatch(got) { tolerance($0) } == nil, "\(isa) \(extras)")
        if extras.statistics {
          var conv = pass.conv
          conv.algorithm = Int32(algorithm.rawValue)
          isa.kernels.conv_prepare(&conv, Int32(shape.images), 2)
          let wrong = statisticsMismatch(statistics, of: got, conv: conv)
          #expect(wrong == nil, "\(isa) \(extras)")
        }
      }
    }
  }

  @Test(arguments: Convolution.sweep)
  func backwardMatchesDefinition(_ shape: Convolution) throws {
    for extras in Extras.all where !extras.statistics {
      let pass = backwardPass(shape, extras)
      var expected = Tensor(shape.images, shape.input, shape.height, shape.width)
      var magnitudes = expected.values
      let (dy, sizes) = (pass.source.seen.values, pass.source.magnitudes)
      let w = scaledWeights(pass, shape)
      shape.forEachProduct { xi, wi, yi in
        expected.values[xi] += dy[yi] * w[wi]
        magnitudes[xi] += sizes[yi] * abs(w[wi])
      }
      let inputs = pass.finish(&expected, magnitudes: magnitudes)
      for (isa, algorithm) in try combinations(shape) {
        let (got, _) = pass.run(isa.kernels, algorithm)
        let tolerance = Tolerance(algorithm, sizes: inputs, pixels: dy, weights: w) {
          $0 / (shape.kernel * shape.kernel) % shape.input
        }
        #expect(expected.mismatch(got) { tolerance($0) } == nil, "\(isa) \(extras)")
      }
    }
  }

  @Test(arguments: Convolution.sweep)
  func neitherOrderNorNumberOfTasksMatters(_ shape: Convolution) throws {
    for (isa, algorithm) in try combinations(shape) {
      for extras in Extras.all {
        let pass = extras.statistics ? forwardPass(shape, extras) : backwardPass(shape, extras)
        let (one, statistics) = pass.run(isa.kernels, algorithm)
        for workers in [1, 64] as [Int32] {
          let (other, otherStatistics) = pass.run(
            isa.kernels, algorithm, workers: workers, backwards: true)
          #expect(one.bits == other.bits, "\(isa) \(extras) \(workers) workers")
          #expect(statistics.bits == otherStatistics.bits, "\(isa) \(extras) \(workers) workers")
        }
      }
    }
  }

  /// With one algorithm, an image's values do not depend on which others are in its batch.
  @Test(arguments: Convolution.single)
  func imagesDoNotDependOnTheirBatch(_ shape: Convolution) throws {
    for (isa, algorithm) in try combinations(shape) {
      let alone = forwardPass(shape, Extras())
      var many = shape
      many.images = 66
      let pass = forwardPass(many, Extras())
      // The first random values are the same, so the first image is.
      let same = Pass(
        conv: pass.conv, images: many.images, source: pass.source, weights: alone.weights,
        transposed: false, rowScale: nil, start: pass.start, bias: nil, addend: nil,
        extras: Extras())
      let one = alone.run(isa.kernels, algorithm).0.bits
      let first = same.run(isa.kernels, algorithm).0.bits.prefix(one.count)
      #expect(Array(first) == one, "\(isa)")
    }
  }
}

/// Part `index` of `total` things cut into parts whose sizes differ by at most one.
private func part(of total: Int, in parts: Int, _ index: Int) -> Range<Int> {
  total * index / parts..<total * (index + 1) / parts
}

/// The pixels that a slot's statistics are of.
private func slotPixels(_ conv: rk_conv, _ slot: Int) -> [(image: Int, pixel: Int)] {
  let (height, width) = (Int(conv.out_h), Int(conv.out_w))
  guard conv.algorithm != Int32(RK_DIRECT.rawValue) else {
    let (image, band) = (slot / Int(conv.bands), slot % Int(conv.bands))
    let rows = part(of: height, in: Int(conv.bands), band)
    return (rows.lowerBound * width..<rows.upperBound * width).map { (image, $0) }
  }
  let m = conv.algorithm == Int32(RK_WINOGRAD_4.rawValue) ? 4 : 2
  let (tileRows, tileCols) = ((height + m - 1) / m, (width + m - 1) / m)
  return part(of: Int(conv.tiles.count), in: Int(conv.slots), slot).flatMap { tile in
    let (image, place) = tile.quotientAndRemainder(dividingBy: tileRows * tileCols)
    let (row, col) = (place / tileCols * m, place % tileCols * m)
    return (row..<min(row + m, height)).flatMap { h in
      (col..<min(col + m, width)).map { w in (image, h * width + w) }
    }
  }
}

/// Compares each slot's mean and squared deviations with those of the values it stands for.
private func statisticsMismatch(_ statistics: Buffer, of y: Buffer, conv: rk_conv) -> String? {
  let (blocks, plane) = (Int(conv.out_blocks), Int(conv.out_h * conv.out_w))
  for slot in 0..<Int(conv.slots) {
    let pixels = slotPixels(conv, slot)
    guard withUnsafePointer(to: conv, { rk_conv_slot_values($0, Int64(slot)) }) == pixels.count
    else { return "slot \(slot) stands for \(pixels.count) values" }
    for channel in 0..<(blocks * 16) {
      let start = y.pointer + channel / 16 * plane * 16 + channel % 16
      let values = pixels.map { Double(start[($0.image * blocks * plane + $0.pixel) * 16]) }
      let mean = values.reduce(0, +) / Double(values.count)
      let deviation = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let size = values.reduce(0) { max($0, abs($1)) }
      let gotMean = Double(statistics.pointer[slot * 2 * blocks * 16 + channel])
      let gotDeviation = Double(statistics.pointer[(slot * 2 + 1) * blocks * 16 + channel])
      if !(abs(gotMean - mean) <= 1e-6 * size) {
        return "slot \(slot) channel \(channel): mean \(gotMean), expected \(mean)"
      }
      let tolerance = 1e-5 * deviation + 1e-12 * size * size * Double(values.count)
      if !(abs(gotDeviation - deviation) <= tolerance) {
        return "slot \(slot) channel \(channel): \(gotDeviation), expected \(deviation)"
      }
    }
  }
  return nil
}
