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
    case .padShortcut(let channels, let zerosBefore, let stride, let input, let route):
      run(batch * PlanShapes.blocks(channels.out)) { task, _ in
        kernels.pad_shortcut(
          Int32(channels.in), Int32(channels.out), Int32(zerosBefore), Int32(stride),
          Int32(input.height), Int32(input.width), arena[route.source], arena[route.destination],
          Int64(task))
      }
    case .averagePool(let blocks, let pixels, let route):
      run(batch * blocks) { task, _ in
        kernels.average_pool(
          arena[route.source], arena[route.destination], Int32(batch), Int32(blocks),
          Int64(pixels), Int64(task))
      }
    case .linear(let unit, let route):
      pack(
        unit.layer.forward, weight: unit.layer.tensors.weight, transposed: false, arena[unit.packed]
      )
      // What lies between the tensors is zero, so the bias is padded.
      unit.layer.scores(
        x: arena[route.source], packed: arena[unit.packed],
        bias: parameters + unit.layer.tensors.bias,
        blocked: arena[unit.blocked], into: arena[route.destination], arena: arena, pool: pool)
    }
  }

  private func forward(_ unit: TrainingPlan.ConvolutionUnit) {
    let kernels = kernels.pointee
    convolve(
      unit, packed: unit.packed, y: unit.y,
      statistics: unit.isNormFrozen ? nil : arena[unit.slots])
    run(unit.blocks) { block, _ in normalizationFactors(unit, block: block) }
    guard let activation = unit.activation else { return }
    var addend = unit.addend?.source(arena) ?? rk_source()
    withUnsafePointer(to: &addend) { addend in
      run(batch * unit.blocks) { task, _ in
        kernels.apply_run(
          arena[unit.y], arena[unit.norm.scale], arena[unit.norm.shift],
          unit.addend == nil ? nil : addend, unit.relu ? 1 : 0, arena[activation],
          Int32(unit.blocks), Int64(unit.pixels), Int64(task))
      }
    }
  }

  /// y = the convolution of the unit's source.
  func convolve(
    _ unit: TrainingPlan.ConvolutionUnit, packed: Buffer, y: Buffer,
    statistics: UnsafeMutablePointer<Float>?
  ) {
    let kernels = kernels.pointee
    let conv = unit.forward.conv
    pack(unit.forward, weight: unit.weight, transposed: false, arena[packed])
    var source = unit.source.source(arena)
    var epilogue = rk_epilogue(
      accumulate: 0, relu: 0, bias: nil, addend: nil, statistics: statistics)
    withUnsafePointer(to: &source) { source in
      withUnsafePointer(to: &epilogue) { epilogue in
        run(Int(conv.pointee.tasks)) { task, worker in
          kernels.conv_run(
            conv, source, arena[packed], arena[y], epilogue, Int64(task), arena.scratch(worker))
        }
      }
    }
  }

  /// Mean and variance of the block's channels, over the batch unless BN is frozen, and the affine
  /// map that BN amounts to:
  /// scale = gamma / sqrt(variance + eps), shift = beta - scale * mean.
  private func normalizationFactors(_ unit: TrainingPlan.ConvolutionUnit, block: Int) {
    let lanes = Int(RK_LANES)
    let padded = unit.blocks * lanes
    for channel in block * lanes..<(block + 1) * lanes {
      guard channel < unit.batchNorm.channels else {
        for buffer in [
          unit.norm.mean, unit.norm.inverseDeviation, unit.norm.variance, unit.norm.scale,
          unit.norm.shift,
        ] {
          arena[buffer][channel] = 0
        }
        continue
      }
      var mean = 0.0
      var variance = 0.0
      if unit.isNormFrozen {
        mean = Double(parameters[unit.batchNorm.mean + channel])
        variance = Double(parameters[unit.batchNorm.variance + channel])
      } else {
        unit.forward.slotCounts.withUnsafeBufferPointer { counts in
          rk_merge_statistics(
            arena[unit.slots], Int64(counts.count), counts.baseAddress, Int64(padded),
            Int64(channel), &mean, &variance)
        }
      }
      let inverse = 1 / (variance + BatchNorm.epsilon).squareRoot()
      let scale = Double(parameters[unit.batchNorm.weight + channel]) * inverse
      arena[unit.norm.mean][channel] = Float(mean)
      arena[unit.norm.inverseDeviation][channel] = Float(inverse)
      arena[unit.norm.variance][channel] = Float(variance)
      arena[unit.norm.scale][channel] = Float(scale)
      arena[unit.norm.shift][channel] = Float(
        Double(parameters[unit.batchNorm.bias + channel]) - scale * mean)
    }
  }
}
