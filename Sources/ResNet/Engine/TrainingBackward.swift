import CKernels

extension TrainingContext {
  func backward(_ step: TrainingPlan.Step) {
    let kernels = kernels.pointee
    switch step {
    case .convolution(let unit):
      guard let own = unit.gradients else { return }
      if let norm = unit.norm {
        batchNormBackward(unit, norm, own)
      } else {
        biasBackward(unit, own)
      }
      weightsBackward(unit, own)
      dataBackward(unit, own)
    case .maxPool(var shape, let tasks, let argmax, let route):
      guard let output = route.outputGradient, let input = route.inputGradient else { return }
      let positions = UnsafeMutableRawPointer(arena[argmax]).assumingMemoryBound(to: UInt8.self)
      withUnsafePointer(to: &shape) { shape in
        run(tasks) { task, _ in
          kernels.max_pool_backward(
            shape, arena[output], positions, arena[input],
            Int64(task))
        }
      }
    case .padShortcut(
      let channels, let zerosBefore, let stride, let extent, let accumulate, let route):
      guard let output = route.outputGradient, let input = route.inputGradient else { return }
      run(batch * PlanShapes.blocks(channels.in)) { task, _ in
        kernels.pad_shortcut_backward(
          Int32(channels.in), Int32(channels.out), Int32(zerosBefore), Int32(stride),
          Int32(extent.height), Int32(extent.width), arena[output],
          arena[input], accumulate ? 1 : 0, Int64(task))
      }
    case .maxout(
      let channels, let pieces, let images, let pixels, let winners, let route):
      guard let output = route.outputGradient, let input = route.inputGradient else { return }
      let positions = UnsafeMutableRawPointer(arena[winners]).assumingMemoryBound(to: UInt8.self)
      run(images * PlanShapes.blocks(channels * pieces)) { task, _ in
        kernels.maxout_backward(
          Int32(channels), Int32(pieces), arena[output], positions,
          arena[input], Int64(pixels), Int64(task))
      }
    case .gate(let unit):
      guard let own = unit.gradients else { return }
      run(unit.tasks) { task, _ in
        kernels.highway_backward(
          arena[unit.h], arena[unit.g], arena[unit.backwardX], arena[own.y], arena[own.h],
          arena[own.g], own.x.map { arena[$0] }, Int64(unit.pixels), Int64(task))
      }
    case .flatten(var shape, _, _, let route):
      guard let output = route?.outputGradient, let input = route?.inputGradient else { return }
      withUnsafePointer(to: &shape) { shape in
        run(batch) { task, _ in
          rk_flatten_backward(
            shape, arena[output], arena[input], Int64(task))
        }
      }
    case .averagePool(let pooling, let route):
      guard let output = route.outputGradient, let input = route.inputGradient else { return }
      run(pooling.tasks) { task, _ in
        kernels.average_pool_backward(
          arena[output], arena[input], Int32(pooling.images),
          Int32(pooling.blocks), Int64(pooling.pixels), Int64(task))
      }
    case .linear(let unit, let route):
      backward(unit, route)
    }
  }

  /// From the gradient of the activation to those of BN's weight and bias and of the
  /// convolution's output (and, in place, of the shortcut).
  private func batchNormBackward(
    _ unit: TrainingPlan.ConvolutionUnit, _ norm: TrainingPlan.Norm,
    _ own: TrainingPlan.ConvolutionGradients
  ) {
    let kernels = kernels.pointee
    if let again = norm.again {
      convolve(unit, packed: again.packed, y: again.y)
    }
    let y = arena[norm.again?.y ?? unit.y]
    var mask = rk_mask(
      relu: unit.relu ? 1 : 0,
      activation: unit.addend == nil ? nil : norm.activation.map { UnsafePointer(arena[$0]) },
      scale: arena[norm.factors.scale], shift: arena[norm.factors.shift])
    withUnsafePointer(to: &mask) { mask in
      if !norm.isFrozen {
        run(unit.tasks) { task, _ in
          kernels.bn_backward_sums(
            arena[own.output], y, mask, arena[norm.factors.mean],
            arena[norm.factors.inverseDeviation], arena[own.sums], Int32(unit.blocks),
            Int64(unit.pixels), Int64(task))
        }
      }
      let synchronized = synchronize(unit, norm) { batchNormSums(unit, own, channel: $0) }
      run(unit.blocks) { block, _ in
        batchNormCoefficients(unit, norm, own, synchronized, block: block)
      }
      run(unit.tasks) { task, _ in
        kernels.bn_backward_apply(
          arena[own.output], y, mask, arena[norm.coefficients], arena[own.y],
          own.feedsShortcut ? arena[own.output] : nil, Int32(unit.blocks), Int64(unit.pixels),
          Int64(task))
      }
    }
  }

  /// sum dz and sum dz x^ of a channel, over the rank's batch.
  private func batchNormSums(
    _ unit: TrainingPlan.ConvolutionUnit, _ own: TrainingPlan.ConvolutionGradients, channel: Int
  ) -> (sum: Double, product: Double) {
    let padded = unit.blocks * Int(RK_LANES)
    var sum = 0.0
    var product = 0.0
    for image in 0..<unit.images {
      let row = arena[own.sums] + image * 2 * padded
      sum += Double(row[channel])
      product += Double(row[padded + channel])
    }
    return (sum, product)
  }

  /// With x^ = (y - mean) / s, s = sqrt(variance + eps), and means over all n values of a channel:
  /// dbeta = sum dz, dgamma = sum dz x^, and
  /// dy = gamma / s * (dz - mean(dz) - x^ mean(dz x^)) = c0 dz + c1 y + c2. The sum of dy is 0, and so
  /// is the gradient of a bias before BN.
  private func batchNormCoefficients(
    _ unit: TrainingPlan.ConvolutionUnit, _ norm: TrainingPlan.Norm,
    _ own: TrainingPlan.ConvolutionGradients, _ synchronized: UnsafePointer<Double>?, block: Int
  ) {
    let lanes = Int(RK_LANES)
    let padded = unit.blocks * lanes
    let values = Double(unit.images * unit.pixels * (exchange?.group.ranksOfBatchNorm ?? 1))
    let coefficients = arena[norm.coefficients]
    for channel in block * lanes..<(block + 1) * lanes {
      guard channel < norm.tensors.channels, !norm.isFrozen else {
        // Frozen, mean and s are constants: dy = gamma / s * dz. The scale of lanes beyond the last
        // channel is 0.
        coefficients[channel] = arena[norm.factors.scale][channel]
        for row in 1..<3 { coefficients[row * padded + channel] = 0 }
        continue
      }
      var (sum, product) = batchNormSums(unit, own, channel: channel)
      gradients[norm.tensors.bias + channel] = Float(sum)
      gradients[norm.tensors.weight + channel] = Float(product)
      if let synchronized {
        (sum, product) = (synchronized[2 * channel], synchronized[2 * channel + 1])
      }
      let inverse = Double(arena[norm.factors.inverseDeviation][channel])
      let mean = Double(arena[norm.factors.mean][channel])
      let scale = Double(parameters[norm.tensors.weight + channel]) * inverse
      let slope = -scale * inverse * product / values
      coefficients[channel] = Float(scale)
      coefficients[padded + channel] = Float(slope)
      coefficients[2 * padded + channel] = Float(-scale * sum / values - slope * mean)
    }
  }

  /// From the gradient of the activation to those of the bias and of the convolution's output (and,
  /// in place, of the shortcut).
  private func biasBackward(
    _ unit: TrainingPlan.ConvolutionUnit, _ own: TrainingPlan.ConvolutionGradients
  ) {
    let kernels = kernels.pointee
    run(unit.tasks) { task, _ in
      kernels.bias_backward(
        arena[own.output], unit.relu ? arena[unit.y] : nil, arena[own.y],
        own.feedsShortcut ? arena[own.output] : nil, arena[own.sums], Int64(unit.pixels),
        Int64(task))
    }
    guard unit.wgrad != nil, let bias = unit.tensors.bias else { return }
    let padded = unit.blocks * Int(RK_LANES)
    for channel in 0..<unit.tensors.outputs {
      let sums = arena[own.sums] + channel
      gradients[bias + channel] = Float(
        (0..<unit.images).reduce(0.0) { $0 + Double(sums[$1 * padded]) })
    }
  }

  private func weightsBackward(
    _ unit: TrainingPlan.ConvolutionUnit, _ own: TrainingPlan.ConvolutionGradients
  ) {
    guard let wgrad = unit.wgrad else { return }
    weightsBackward(
      wgrad, source: unit.backwardSource.source(arena), dy: arena[own.y],
      partials: arena[own.partials], weight: unit.tensors.weight)
  }

  /// The gradient of the weights at offset `weight` of the parameters.
  private func weightsBackward(
    _ pass: WeightGradientPass, source: rk_source, dy: UnsafePointer<Float>,
    partials: UnsafeMutablePointer<Float>, weight: Int
  ) {
    let kernels = kernels.pointee
    let wgrad = pass.wgrad
    withUnsafePointer(to: source) { source in
      run(Int(wgrad.pointee.tasks)) { task, worker in
        kernels.wgrad_run(wgrad, source, dy, partials, Int64(task), arena.scratch(worker))
      }
    }
    run(Int(wgrad.pointee.reduce_tasks)) { task, _ in
      kernels.wgrad_reduce(wgrad, partials, gradients + weight, Int64(task))
    }
  }

  /// dx = dscores W, dW = dscores^T x, db = sum of dscores over the images.
  private func backward(_ unit: TrainingPlan.LinearUnit, _ route: TrainingPlan.Route) {
    let own = unit.gradients
    let layer = unit.layer
    guard let output = route.outputGradient else { return }
    let dscores = arena[output]
    layer.block(dscores, into: arena[own.blocked], pool: pool, workers: arena.workers)
    if let pass = unit.backward, let input = route.inputGradient {
      pack(pass, weight: layer.tensors.weight, transposed: true, arena[own.packed])
      pass.run(
        kernels, source: arena[own.blocked], packed: arena[own.packed], bias: nil,
        destination: arena[input], arena: arena, pool: pool)
    }
    guard let wgrad = unit.wgrad else { return }
    weightsBackward(
      wgrad, source: rk_source(data: arena[route.source], scale: nil, shift: nil, relu: 0),
      dy: arena[own.blocked], partials: arena[own.partials], weight: layer.tensors.weight)
    guard let bias = layer.tensors.bias else { return }
    for label in 0..<layer.classes {
      var sum = 0.0
      for image in 0..<batch { sum += Double(dscores[image * layer.classes + label]) }
      gradients[bias + label] = Float(sum)
    }
  }

  private func dataBackward(
    _ unit: TrainingPlan.ConvolutionUnit, _ own: TrainingPlan.ConvolutionGradients
  ) {
    guard let pass = unit.backward, let input = own.input else { return }
    let kernels = kernels.pointee
    pack(pass, weight: unit.tensors.weight, transposed: true, arena[own.packed])
    var source = rk_source(data: arena[own.y], scale: nil, shift: nil, relu: 0)
    var epilogue = rk_epilogue(
      accumulate: own.accumulate ? 1 : 0, relu: 0, bias: nil, addend: nil, statistics: nil)
    withUnsafePointer(to: &source) { source in
      withUnsafePointer(to: &epilogue) { epilogue in
        run(Int(pass.conv.pointee.tasks)) { task, worker in
          kernels.conv_run(
            pass.conv, source, arena[own.packed], arena[input], epilogue, Int64(task),
            arena.scratch(worker))
        }
      }
    }
  }
}
