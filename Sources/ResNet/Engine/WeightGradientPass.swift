import CKernels

/// The gradient of a convolution with respect to its weights, blocked for a batch.
final class WeightGradientPass {
  let wgrad: UnsafeMutablePointer<rk_wgrad>

  init(
    _ target: PlanTarget, channels: (in: Int, out: Int), kernel: Int, stride: Int,
    padding: Int, input: Extent, output: Extent, images: Int
  ) {
    wgrad = .allocate(capacity: 1)
    wgrad.initialize(to: rk_wgrad())
    wgrad.pointee.in_channels = Int32(channels.in)
    wgrad.pointee.out_channels = Int32(channels.out)
    wgrad.pointee.in_h = Int32(input.height)
    wgrad.pointee.in_w = Int32(input.width)
    wgrad.pointee.out_h = Int32(output.height)
    wgrad.pointee.out_w = Int32(output.width)
    wgrad.pointee.kernel = Int32(kernel)
    wgrad.pointee.stride = Int32(stride)
    wgrad.pointee.padding = Int32(padding)
    wgrad.pointee.images = Int32(images)
    wgrad.pointee.algorithm = target.algorithm
    target.kernels.pointee.wgrad_prepare(wgrad)
  }

  deinit { wgrad.deallocate() }

  var scratchFloats: Int { Int(wgrad.pointee.scratch_floats) }
  var partialFloats: Int { Int(wgrad.pointee.partial_floats) }
}
