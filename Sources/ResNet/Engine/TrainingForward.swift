import CKernels

extension TrainingPlan.Operand {
  /// This operand as the kernels read it.
  func source(_ arena: Arena) -> rk_source {
    rk_source(
      data: arena[buffer], scale: statistics.map { UnsafePointer(arena[$0.scale]) },
      shift: statistics.map { UnsafePointer(arena[$0.shift]) }, relu: relu ? 1 : 0)
  }
}

/// What the steps of a training plan compute with.
struct TrainingContext {
  let arena: Arena
  let kernels: UnsafePointer<rk_kernels>
  let pool: ThreadPool
  let batch: Int
  let parameters: UnsafePointer<Float>
  let gradients: UnsafeMutablePointer<Float>
  /// With the other ranks of a distributed training.
  let exchange: GradientExchange?

  func run(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    pool.run(tasks, workers: arena.workers, body)
  }

  /// Packs the weights at offset `weight` of the parameters for a pass.
  func pack(
    _ pass: ConvolutionPass, weight: Int, transposed: Bool, _ packed: UnsafeMutablePointer<Float>
  ) {
    run(Int(pass.conv.pointee.out_blocks)) { task, _ in
      kernels.pointee.conv_pack(
        pass.conv, parameters + weight, nil, transposed ? 1 : 0, packed, Int64(task))
    }
  }
}

extension TrainingContext {
  func forward(_ step: TrainingPlan.Step) {
    let kernels = kernels.pointee
    switch step {
    case .convolution(let unit):
      forward(unit)
    case .maxPool(var shape, let tasks, let argmax, let route):
      let positions = UnsafeMutableRawPointer(arena[argmax]).assumingMemoryBound(to: UInt8.self)
      withUnsafePointer(to: &shape) { shape in
        run(tasks) { task, _ in
          kernels.max_pool(
            shape, arena[route.source], arena[route.destination], positions, Int64(task))
        }
      }
    case .padShortcut(let channels, let zerosBefore, let stride, let input, _, let route):
      run(batch * PlanShapes.blocks(channels.out)) { task, _ in
        kernels.pad_shortcut(
          Int32(channels.in), Int32(channels.out), Int32(zerosBefore), Int32(stride),
          Int32(input.height), Int32(input.width), arena[route.source], arena[route.destination],
          Int64(task))
      }
    case .maxout(
      let channels, let pieces, let images, let pixels, let winners, let route):
      let positions = UnsafeMutableRawPointer(arena[winners]).assumingMemoryBound(to: UInt8.self)
      run(images * PlanShapes.blocks(channels)) { task, _ in
        kernels.maxout(
          Int32(channels), Int32(pieces), arena[route.source], arena[route.destination],
          positions, Int64(pixels), Int64(task))
      }
    case .gate(let unit):
      run(unit.tasks) { task, _ in
        kernels.highway(
          arena[unit.h], arena[unit.g], arena[unit.x], arena[unit.y], Int64(unit.pixels),
          Int64(task))
      }
    case .flatten(var shape, let source, let destination, _):
      withUnsafePointer(to: &shape) { shape in
        run(batch) { task, _ in
          rk_flatten_run(shape, arena[source], arena[destination], Int64(task))
        }
      }
    case .averagePool(let pooling, let route):
      run(pooling.tasks) { task, _ in
        kernels.average_pool(
          arena[route.source], arena[route.destination], Int32(pooling.images),
          Int32(pooling.blocks), Int64(pooling.pixels), Int64(task))
      }
    case .linear(let unit, let route):
      pack(
        unit.layer.forward, weight: unit.layer.tensors.weight, transposed: false, arena[unit.packed]
      )
      unit.layer.scores(
        x: arena[route.source], packed: arena[unit.packed], bias: bias(unit.layer.tensors),
        blocked: arena[unit.blocked], into: arena[route.destination], arena: arena, pool: pool)
    }
  }

  private func forward(_ unit: TrainingPlan.ConvolutionUnit) {
    let kernels = kernels.pointee
    guard let norm = unit.norm else {
      convolve(
        unit, packed: unit.packed, y: unit.y, addend: unit.addend.map { arena[$0.buffer] },
        relu: unit.relu)
      return
    }
    convolve(
      unit, packed: unit.packed, y: unit.y, statistics: norm.isFrozen ? nil : arena[norm.slots])
    // Of means and of means of squares, less the running mean, from which those of a batch are not far. The
    // ranks have as many values each.
    let synchronized = synchronize(unit, norm) { channel in
      let (mean, variance) = statistics(unit, norm, channel: channel)
      let shifted = mean - Double(parameters[norm.tensors.mean + channel])
      return (shifted, shifted * shifted + variance)
    }
    run(unit.blocks) { block, _ in
      normalizationFactors(unit, norm, synchronized, block: block)
    }
    guard let activation = norm.activation else { return }
    var addend = unit.addend?.source(arena) ?? rk_source()
    withUnsafePointer(to: &addend) { addend in
      run(unit.tasks) { task, _ in
        kernels.apply_run(
          arena[unit.y], arena[norm.factors.scale], arena[norm.factors.shift],
          unit.addend == nil ? nil : addend, unit.relu ? 1 : 0, arena[activation],
          Int32(unit.blocks), Int64(unit.pixels), Int64(task))
      }
    }
  }

  /// A layer's bias, if it has one. What lies between the tensors is zero, so it is padded.
  func bias(_ tensors: WeightTensors) -> UnsafePointer<Float>? {
    tensors.bias.map { parameters + $0 }
  }

  /// y = the convolution of the unit's source and its bias; the rest is for units without BN.
  func convolve(
    _ unit: TrainingPlan.ConvolutionUnit, packed: Buffer, y: Buffer,
    addend: UnsafePointer<Float>? = nil, relu: Bool = false,
    statistics: UnsafeMutablePointer<Float>? = nil
  ) {
    let kernels = kernels.pointee
    let conv = unit.forward.conv
    pack(unit.forward, weight: unit.tensors.weight, transposed: false, arena[packed])
    var source = unit.source.source(arena)
    var epilogue = rk_epilogue(
      accumulate: 0, relu: relu ? 1 : 0, bias: bias(unit.tensors), addend: addend,
      statistics: statistics)
    withUnsafePointer(to: &source) { source in
      withUnsafePointer(to: &epilogue) { epilogue in
        run(Int(conv.pointee.tasks)) { task, worker in
          kernels.conv_run(
            conv, source, arena[packed], arena[y], epilogue, Int64(task), arena.scratch(worker))
        }
      }
    }
  }

  /// Mean and variance of a channel over the rank's batch.
  private func statistics(
    _ unit: TrainingPlan.ConvolutionUnit, _ norm: TrainingPlan.Norm, channel: Int
  ) -> (mean: Double, variance: Double) {
    var mean = 0.0
    var variance = 0.0
    unit.forward.slotCounts.withUnsafeBufferPointer { counts in
      rk_merge_statistics(
        arena[norm.slots], Int64(counts.count), counts.baseAddress,
        Int64(unit.blocks * Int(RK_LANES)), Int64(channel), &mean, &variance)
    }
    return (mean, variance)
  }

  /// Adds up two numbers of every channel of a BN layer over all ranks. Nil if it has no statistics of the
  /// batch, or each rank normalises by its own.
  func synchronize(
    _ unit: TrainingPlan.ConvolutionUnit, _ norm: TrainingPlan.Norm,
    _ own: (_ channel: Int) -> (Double, Double)
  ) -> UnsafePointer<Double>? {
    guard !norm.isFrozen, let exchange, !exchange.synchronized.isEmpty else { return nil }
    let sums = exchange.synchronized
    let lanes = Int(RK_LANES)
    run(unit.blocks) { block, _ in
      for channel in block * lanes..<min((block + 1) * lanes, norm.tensors.channels) {
        (sums[2 * channel], sums[2 * channel + 1]) = own(channel)
      }
    }
    exchange.synchronize(channels: norm.tensors.channels)
    return sums.baseAddress.map { UnsafePointer($0) }
  }

  /// Mean and variance of the block's channels, over the batch unless BN is frozen, and the affine
  /// map that BN amounts to:
  /// scale = gamma / sqrt(variance + eps), shift = beta - scale * mean.
  private func normalizationFactors(
    _ unit: TrainingPlan.ConvolutionUnit, _ norm: TrainingPlan.Norm,
    _ synchronized: UnsafePointer<Double>?, block: Int
  ) {
    let lanes = Int(RK_LANES)
    for channel in block * lanes..<(block + 1) * lanes {
      guard channel < norm.tensors.channels else {
        for buffer in [
          norm.factors.mean, norm.factors.inverseDeviation, norm.factors.variance,
          norm.factors.scale,
          norm.factors.shift,
        ] {
          arena[buffer][channel] = 0
        }
        continue
      }
      let mean: Double
      let variance: Double
      if norm.isFrozen {
        mean = Double(parameters[norm.tensors.mean + channel])
        variance = Double(parameters[norm.tensors.variance + channel])
      } else if let synchronized {
        let ranks = Double(exchange?.group.ranks ?? 1)
        let shifted = synchronized[2 * channel] / ranks
        mean = shifted + Double(parameters[norm.tensors.mean + channel])
        // What is not a number stays so.
        variance = max(synchronized[2 * channel + 1] / ranks - shifted * shifted, 0)
      } else {
        (mean, variance) = statistics(unit, norm, channel: channel)
      }
      let inverse = 1 / (variance + BatchNorm.epsilon).squareRoot()
      let scale = Double(parameters[norm.tensors.weight + channel]) * inverse
      arena[norm.factors.mean][channel] = Float(mean)
      arena[norm.factors.inverseDeviation][channel] = Float(inverse)
      arena[norm.factors.variance][channel] = Float(variance)
      arena[norm.factors.scale][channel] = Float(scale)
      arena[norm.factors.shift][channel] = Float(
        Double(parameters[norm.tensors.bias + channel]) - scale * mean)
    }
  }
}
