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
  func run(_ kernels: rk_kernels, backwards: Bool = false) -> (Buffer, Buffer) {
    var conv = conv
    kernels.conv_prepare(&conv, Int32(images))
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

  /// Adds what follows the sum of products, and returns the tolerance of each value from the sum
  /// of magnitudes.
  func finish(_ sums: inout Tensor, magnitudes: [Double]) -> [Double] {
    var tolerances = magnitudes
    for i in sums.values.indices {
      let channel = i / sums.pixels % sums.c
      var value = sums.values[i]
      for extra in [
        extras.accumulate ? start.values[i] : 0, bias?.values[channel] ?? 0,
        addend?.values[i] ?? 0,
      ] {
        value += extra
        tolerances[i] += abs(extra)
      }
      sums.values[i] = extras.relu ? max(0, value) : value
      tolerances[i] = 1e-6 * tolerances[i] + 1e-12
    }
    return tolerances
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

@Suite struct ConvolutionTests {
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
      let tolerances = pass.finish(&expected, magnitudes: magnitudes)
      for isa in InstructionSet.available {
        let kernels = try isa.kernels
        let (got, statistics) = pass.run(kernels)
        #expect(expected.mismatch(got) { tolerances[$0] } == nil, "\(isa.name) \(extras)")
        if extras.statistics {
          var conv = pass.conv
          kernels.conv_prepare(&conv, Int32(shape.images))
          let wrong = statisticsMismatch(statistics, of: got, conv: conv)
          #expect(wrong == nil, "\(isa.name) \(extras)")
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
      let tolerances = pass.finish(&expected, magnitudes: magnitudes)
      for isa in InstructionSet.available {
        let (got, _) = pass.run(try isa.kernels)
        #expect(expected.mismatch(got) { tolerances[$0] } == nil, "\(isa.name) \(extras)")
      }
    }
  }

  @Test(arguments: Convolution.sweep)
  func orderOfTasksDoesNotMatter(_ shape: Convolution) throws {
    for isa in InstructionSet.available {
      let kernels = try isa.kernels
      for extras in Extras.all {
        let pass = extras.statistics ? forwardPass(shape, extras) : backwardPass(shape, extras)
        let (one, statistics) = pass.run(kernels)
        let (other, otherStatistics) = pass.run(kernels, backwards: true)
        #expect(one.bits == other.bits, "\(isa.name) \(extras)")
        #expect(statistics.bits == otherStatistics.bits, "\(isa.name) \(extras)")
      }
    }
  }

  /// An image's scores must not depend on which others are in its batch.
  @Test(arguments: Convolution.single)
  func imagesDoNotDependOnTheirBatch(_ shape: Convolution) throws {
    for isa in InstructionSet.available {
      let kernels = try isa.kernels
      let alone = forwardPass(shape, Extras())
      var many = shape
      many.images = 66
      let pass = forwardPass(many, Extras())
      // The first random values are the same, so the first image is.
      let same = Pass(
        conv: pass.conv, images: many.images, source: pass.source, weights: alone.weights,
        transposed: false, rowScale: nil, start: pass.start, bias: nil, addend: nil,
        extras: Extras())
      let one = alone.run(kernels).0.bits
      #expect(Array(same.run(kernels).0.bits.prefix(one.count)) == one, "\(isa.name)")
    }
  }
}

/// Compares each slot's mean and squared deviations with those of the values it stands for.
private func statisticsMismatch(_ statistics: Buffer, of y: Buffer, conv: rk_conv) -> String? {
  let (blocks, plane) = (Int(conv.out_blocks), Int(conv.out_h * conv.out_w))
  for slot in 0..<Int(conv.slots) {
    let (image, band) = (slot / Int(conv.bands), slot % Int(conv.bands))
    let first = band * Int(conv.phases.0.band_rows)
    let rows = min(Int(conv.phases.0.band_rows), Int(conv.phases.0.rows) - first)
    let pixels = (first * Int(conv.out_w))..<((first + rows) * Int(conv.out_w))
    for channel in 0..<(blocks * 16) {
      let start = y.pointer + ((image * blocks + channel / 16) * plane) * 16 + channel % 16
      let values = pixels.map { Double(start[$0 * 16]) }
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
