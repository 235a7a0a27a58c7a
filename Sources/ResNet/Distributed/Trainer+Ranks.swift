extension Trainer {
  /// Trains from now on together with other processes, the ranks of a communicator, each with a trainer of
  /// the same network, options and steps taken. All ranks call this, and every further call of the trainer,
  /// in the same order. They take the weights, BN's running statistics and the momentum of rank 0; nil ends
  /// this, on the calling rank alone.
  ///
  /// Each rank hands ``step(_:labels:)`` its own share of a batch, all as many images; the gradient is that of the mean loss
  /// over all shares, and the loss returned is that mean. ``fit(_:validation:options:progress:)`` takes its share of
  /// every batch of the dataset, which all ranks have.
  ///
  /// A rank on which a call throws stops the others, at the next step: they throw `cancelled` if it was
  /// cancelled, else `communication`. When the connection is lost, the model is as the last complete step left it, and this
  /// must be called anew.
  ///
  /// - Throws: `communication` if the ranks' trainers differ; `invalidArgument` for an option out of range.
  public func distribute(
    over communicator: (any Communicator)?, options: DistributedOptions = DistributedOptions()
  ) throws(ResNetError) {
    engine = nil
    group = nil
    guard let communicator else { return }
    let group = try RankGroup(communicator, options)
    try group.together { () throws(ResNetError) in
      // Processes start at different times.
      group.barrier()
      try options.validate()
      let parameters = try model.parameters
      try group.requireSame(
        try identity(options), "the network, its options, its kind of processor or the steps taken",
        .joining)
      let before = try stateChecksum
      group.broadcast(
        UnsafeMutableRawBufferPointer(
          start: parameters.values, count: model.layout.totalFloats * MemoryLayout<Float>.stride),
        from: 0)
      group.broadcast(UnsafeMutableRawBufferPointer(momenta), from: 0)
      // A training that was stopped goes on with the weights that it had.
      if try stateChecksum != before { parameters.noteChange() }
      try group.meet(.joining)
    }
    self.group = group
  }

  private var momenta: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: velocity, count: model.layout.trainableFloats)
  }

  /// A checksum of what must be the same on all ranks before they take the weights of one.
  private func identity(_ distributed: DistributedOptions) throws(ResNetError) -> UInt32 {
    var checksum = CRC32()
    for tensor in model.layout.tensors {
      checksum.add(Array(tensor.name.utf8)[...])
      for size in tensor.shape { checksum.add(size) }
    }
    for layer in model.graph.layers {
      checksum.add(Array(layer.name.utf8)[...])
      for input in layer.inputs { checksum.add(input) }
    }
    // Strides and windows show in how images shrink.
    for extent in (try? model.graph.extents(input: Extent(height: 1024, width: 1024))) ?? [] {
      checksum.add(extent.height)
    }
    for layer in frozen.sorted() { checksum.add(layer) }
    for number in [options.learningRate, options.momentum, options.weightDecay] {
      checksum.add(Int(number.bitPattern))
    }
    checksum.add(options.spareBatchNormAndBiases ? 1 : 0)
    for number in model.normalization.mean + model.normalization.scale {
      checksum.add(Int(number.bitPattern))
    }
    for number in [
      iterations, course?.step ?? -1, distributed.synchronizesBatchNorm ? 1 : 0,
      distributed.checkInterval, distributed.bucketBytes,
      // Where multiplication and addition are not one operation, updates are others.
      try Engine.instructionSet() == "portable" ? 1 : 0,
    ] {
      checksum.add(number)
    }
    return checksum.value
  }

  /// After so many steps as the options say, throws `communication` unless all ranks have the same weights,
  /// statistics and momentum.
  func compareRanksIfDue() throws(ResNetError) {
    guard let group, group.options.checkInterval > 0,
      iterations.isMultiple(of: group.options.checkInterval)
    else { return }
    try group.requireSame(
      try stateChecksum, "the state after step \(iterations)", .comparison)
  }

  /// Of the weights, the statistics and the momentum.
  private var stateChecksum: UInt32 {
    get throws(ResNetError) {
      var checksum = CRC32()
      checksum.add(
        UnsafeRawBufferPointer(
          start: try model.parameters.values,
          count: model.layout.totalFloats * MemoryLayout<Float>.stride))
      checksum.add(UnsafeRawBufferPointer(momenta))
      return checksum.value
    }
  }

  /// Runs what comes before and after such a call: what it throws, the others learn.
  package func announced(_ body: () throws -> Void) throws {
    guard let group else { return try body() }
    var other: (any Error)?
    do throws(ResNetError) {
      try group.together { () throws(ResNetError) in
        do {
          try body()
        } catch let error as ResNetError {
          throw error
        } catch {
          other = error
          throw ResNetError(.invalidArgument, "\(error)")
        }
      }
    } catch {
      throw other ?? error
    }
  }

  /// Why ranks end a call that they make together.
  package enum Parting {
    /// One of them stopped. They are as the last step left them, all the same.
    case stopped
    /// They are not the same, or do not do the same.
    case differ
  }

  /// Why the ranks ended the last call together, if they did and can still reach each other.
  package var parting: Parting? { group?.failure == nil ? group?.parting : nil }

  /// Runs a call that all ranks make.
  func together<Result>(_ body: () throws(ResNetError) -> Result) throws(ResNetError) -> Result {
    guard let group else { return try body() }
    return try group.together(body)
  }
}

extension FitState {
  /// Of what must be the same on all ranks: the images, how they are seen, and the options.
  func checksum(_ normalization: Normalization) -> UInt32 {
    var checksum = CRC32()
    func add(_ look: FitData.Look) {
      checksum.add(Array((look.appearance ?? "").utf8)[...])
      checksum.add(look.checksum ?? -1)
    }
    add(data.training)
    add(data.validation)
    for number in [
      data.images, data.validationImages ?? -1, total, step, options.batchSize,
      Int(bitPattern: UInt(options.seed)), options.augmentation?.padding ?? -1,
      options.augmentation?.mirror == true ? 1 : 0, options.plateau?.patience ?? -1,
      options.scaling?.batchSize ?? -1, options.scaling?.warmUpSteps ?? -1,
      control.warmUp == nil ? 0 : 1, control.recent.count, control.drops, control.epochsWithout,
    ] + options.schedule.milestones {
      checksum.add(number)
    }
    for number in [options.schedule.gamma, options.warmUp?.rate ?? -1]
      + normalization.mean + normalization.scale
    {
      checksum.add(Int(number.bitPattern))
    }
    for number in [options.warmUp?.untilError ?? -1, options.plateau?.threshold ?? -1] {
      checksum.add(Int(bitPattern: UInt(number.bitPattern)))
    }
    return checksum.value
  }
}
