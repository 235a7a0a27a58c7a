import CKernels
import Testing

@Suite struct WeightGradientTests {
  private func run(
    _ kernels: rk_kernels, _ algorithm: rk_algorithm, _ shape: Convolution, _ source: Source,
    _ dy: Tensor, backwards: Bool = false
  ) -> Buffer {
    var wgrad = rk_wgrad()
    wgrad.in_channels = Int32(shape.input)
    wgrad.out_channels = Int32(shape.output)
    (wgrad.in_h, wgrad.in_w) = (Int32(shape.height), Int32(shape.width))
    (wgrad.out_h, wgrad.out_w) = (Int32(shape.outHeight), Int32(shape.outWidth))
    wgrad.kernel = Int32(shape.kernel)
    wgrad.stride = Int32(shape.stride)
    wgrad.padding = Int32(shape.padding)
    wgrad.images = Int32(shape.images)
    wgrad.algorithm = Int32(algorithm.rawValue)
    kernels.wgrad_prepare(&wgrad)
    #expect(wgrad.algorithm == Int32(algorithm.rawValue))
    #expect(wgrad.chunks >= 1 && wgrad.chunks <= wgrad.images)
    let partials = Buffer(Int(wgrad.partial_floats))
    let scratch = Buffer(Int(wgrad.scratch_floats))
    let gradient = Buffer(shape.output * shape.input * shape.kernel * shape.kernel)
    let dyBuffer = dy.blocked
    source.withSource { source in
      var source = source
      forEachTask(wgrad.tasks, backwards: backwards) { task in
        kernels.wgrad_run(
          &wgrad, &source, dyBuffer.pointer, partials.pointer, task, scratch.pointer)
      }
    }
    forEachTask(wgrad.reduce_tasks, backwards: backwards) { task in
      kernels.wgrad_reduce(&wgrad, partials.pointer, gradient.pointer, task)
    }
    #expect(partials.isIntact && scratch.isIntact && gradient.isIntact)
    return gradient
  }

  @Test(arguments: Convolution.sweep)
  func matchesDefinition(_ shape: Convolution) throws {
    for load in Load.allCases {
      var random = Random(9)
      let x = Tensor(shape.images, shape.input, shape.height, shape.width, random: &random)
      let dy = Tensor(shape.images, shape.output, shape.outHeight, shape.outWidth, random: &random)
      let source = Source(x, load: load, random: &random)
      var expected = [Double](
        repeating: 0, count: shape.output * shape.input * shape.kernel * shape.kernel)
      var magnitudes = expected
      let (seen, sizes) = (source.seen.values, source.magnitudes)
      shape.forEachProduct { xi, wi, yi in
        expected[wi] += seen[xi] * dy.values[yi]
        magnitudes[wi] += sizes[xi] * abs(dy.values[yi])
      }
      for isa in InstructionSet.available {
        let kernels = try isa.kernels
        for algorithm in shape.algorithms where algorithm != RK_WINOGRAD_2 {
          let got = run(kernels, algorithm, shape, source, dy)
          let tolerance = Tolerance(
            algorithm, sizes: magnitudes, pixels: seen, weights: dy.values
          ) { $0 / dy.pixels % dy.c }
          let wrong = expected.indices.first {
            !(abs(Double(got.pointer[$0]) - expected[$0]) <= tolerance($0))
          }
          #expect(wrong == nil, "\(isa.name) \(load)")
          let again = run(kernels, algorithm, shape, source, dy, backwards: true)
          #expect(again.bits == got.bits, "\(isa.name) \(load): order of tasks matters")
        }
      }
    }
  }
}
