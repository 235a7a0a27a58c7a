import Testing

@testable import ResNet
@testable import ResNetData

/// Training on several ranks is training on one.
@Suite struct DistributedTests {
  /// Networks with every way that a gradient comes about.
  static let cases = [
    GradientCases.basic[0], GradientCases.basic[3], GradientCases.bottleneck[1],
    GradientCases.imageNet[1], GradientCases.blocks[4],
  ]

  static let extent = Extent(height: 20, width: 20)

  /// `count` images of noise for a network, and their labels.
  static func batch(_ network: Network, count: Int, seed: UInt64) throws -> (
    images: Images, labels: [Int]
  ) {
    var random = ReferenceRandom(seed)
    let pixels = random.floats(
      count * network.inputChannels * extent.height * extent.width, -1...1)
    let images = try Images(
      .float(pixels), count: count, channels: network.inputChannels, height: extent.height,
      width: extent.width)
    return (images, (0..<count).map { ($0 * 7 + Int(seed)) % network.classes })
  }

  /// Those of one rank.
  static func share(_ images: Images, _ labels: [Int], rank: Int, of ranks: Int) throws -> (
    Images, [Int]
  ) {
    let count = images.count / ranks
    guard case .float(let pixels) = images.pixels else { throw ResNetError(.notFound, "floats") }
    let size = pixels.count / images.count * count
    let own = Array(pixels[rank * size..<(rank + 1) * size])
    return (
      try Images(
        .float(own), count: count, channels: images.channels, height: images.extent.height,
        width: images.extent.width),
      Array(labels[rank * count..<(rank + 1) * count])
    )
  }

  static func values(_ model: Model) throws -> [Float] {
    let values = try model.parameters.values
    return (0..<model.layout.totalFloats).map { values[$0] }
  }

  /// The largest difference of two models' tensors, of weights and of running statistics, as a part of the
  /// largest value of the tensor.
  static func difference(_ a: Model, _ values: [Float]) throws -> Double {
    let own = try Self.values(a)
    var largest = 0.0
    for tensor in a.layout.tensors {
      let range = tensor.offset..<tensor.offset + tensor.count
      let size = own[range].map { abs(Double($0)) }.max() ?? 0
      for index in range {
        largest = max(largest, abs(Double(own[index]) - Double(values[index])) / max(size, 1e-3))
      }
    }
    return largest
  }

  @Test(
    "With BN synchronised, ranks give what one rank gives on the whole batch",
    arguments: cases, [2, 4])
  func synchronized(_ test: ReferenceCase, ranks: Int) throws {
    let network = test.network
    let alone = try Trainer(try Model(network, seed: 3), options: SGDOptions(learningRate: 0.02))
    var losses: [Double] = []
    for step in 0..<4 {
      let (images, labels) = try Self.batch(network, count: 8, seed: UInt64(step))
      losses.append(try alone.step(images, labels: labels))
    }
    let results = ThreadRanks.run(ranks) { rank in
      // The weights are those of rank 0.
      let model = try Model(network, seed: rank.rank == 0 ? 3 : 4)
      let trainer = try Trainer(model, options: SGDOptions(learningRate: 0.02))
      try trainer.distribute(
        over: rank,
        options: DistributedOptions(
          synchronizesBatchNorm: true, checkInterval: 1, bucketBytes: 1000))
      var losses: [Double] = []
      for step in 0..<4 {
        let (images, labels) = try Self.batch(network, count: 8, seed: UInt64(step))
        let (own, ownLabels) = try Self.share(images, labels, rank: rank.rank, of: ranks)
        losses.append(try trainer.step(own, labels: ownLabels))
      }
      return (values: try Self.values(model), losses: losses)
    }
    for result in results {
      let (values, ownLosses) = try result.get()
      #expect(try Self.difference(alone.model, values) <= 1e-5)
      for (own, expected) in zip(ownLosses, losses) {
        #expect(abs(own - expected) <= 1e-5 * expected)
      }
    }
    #expect(try Set(results.map { try $0.get().values.map(\.bitPattern) }).count == 1)
  }

  @Test(
    "With BN of each rank's own, the gradient is the mean of the shares' and so are running statistics",
    arguments: cases, [2, 4])
  func ownStatistics(_ test: ReferenceCase, ranks: Int) throws {
    let network = test.network
    let options = SGDOptions(learningRate: 0.02)
    // One process that goes through the shares one by one.
    let model = try Model(network, seed: 3)
    let parameters = try model.parameters
    let layout = model.layout
    var velocity = [Float](repeating: 0, count: layout.trainableFloats)
    for step in 0..<4 {
      let (images, labels) = try Self.batch(network, count: 8, seed: UInt64(step))
      let before = try Self.values(model)
      var gradients = [Double](repeating: 0, count: layout.trainableFloats)
      var statistics = [Double](repeating: 0, count: layout.totalFloats)
      for rank in 0..<ranks {
        let (own, ownLabels) = try Self.share(images, labels, rank: rank, of: ranks)
        let engine = try TrainingEngine(model, batch: own.count, extent: own.extent)
        _ = try own.withView { view throws(ResNetError) in
          try engine.forwardBackward(
            view, normalization: .identity, labels: ownLabels.map { Int32($0) })
        }
        for index in 0..<gradients.count {
          gradients[index] += Double(engine.gradients[index]) / Double(ranks)
        }
        var still = [Float](repeating: 0, count: layout.trainableFloats)
        engine.update(
          velocity: &still, rate: 0, momentum: 0, decay: 0, spareBNAndBiases: false)
        for index in layout.trainableFloats..<layout.totalFloats {
          statistics[index] += Double(parameters.values[index]) / Double(ranks)
          parameters.values[index] = before[index]
        }
      }
      for index in 0..<layout.trainableFloats {
        let gradient = gradients[index] + Double(options.weightDecay) * Double(before[index])
        velocity[index] = Float(
          Double(options.momentum) * Double(velocity[index]) + Double(options.learningRate)
            * gradient)
        parameters.values[index] = before[index] - velocity[index]
      }
      for index in layout.trainableFloats..<layout.totalFloats {
        parameters.values[index] = Float(statistics[index])
      }
      parameters.noteChange()
    }
    let results = ThreadRanks.run(ranks) { rank in
      let trainer = try Trainer(try Model(network, seed: 3), options: options)
      try trainer.distribute(over: rank, options: DistributedOptions(bucketBytes: 1000))
      for step in 0..<4 {
        let (images, labels) = try Self.batch(network, count: 8, seed: UInt64(step))
        let (own, ownLabels) = try Self.share(images, labels, rank: rank.rank, of: ranks)
        try trainer.step(own, labels: ownLabels)
      }
      return try Self.values(trainer.model)
    }
    for result in results { #expect(try Self.difference(model, try result.get()) <= 1e-5) }
    #expect(try Set(results.map { try $0.get().map(\.bitPattern) }).count == 1)
  }

  static let fitOptions = FitOptions(
    epochs: 3, batchSize: 12, augmentation: Augmentation(padding: 1, mirror: true),
    schedule: StepSchedule(milestones: [7], gamma: 0.5),
    warmUp: WarmUp(rate: 0.01, untilError: 0.7), plateau: Plateau(patience: 1, threshold: 0.5),
    seed: 5)

  /// Fits as one of the ranks, or alone; stops after so many reports and goes on if `resumed`.
  static func fit(
    _ rank: (any Communicator)?, _ options: FitOptions = fitOptions, trainer: Trainer? = nil,
    synchronized: Bool = true, reports: Int = .max
  ) throws -> (trainer: Trainer, history: [EpochMetrics], error: ResNetError?) {
    let trainer =
      try trainer
      ?? Trainer(
        try Model(TrainingSupport.network(), seed: 1), options: SGDOptions(learningRate: 0.05))
    if let rank {
      try trainer.distribute(
        over: rank,
        options: DistributedOptions(synchronizesBatchNorm: synchronized, checkInterval: 2))
    }
    var count = 0
    do throws(ResNetError) {
      let data = try fitData()
      let history = try trainer.fit(data.0, validation: data.1, options: options) { _ in
        count += 1
        return count < reports
      }
      return (trainer, history, nil)
    } catch {
      return (trainer, trainer.history, error)
    }
  }

  private static func fitData() throws(ResNetError) -> (ImageDataset, ImageDataset) {
    do {
      return (try TrainingSupport.data(count: 63), try TrainingSupport.data(count: 21, seed: 2))
    } catch {
      throw error as? ResNetError ?? ResNetError(.notFound, "\(error)")
    }
  }

  @Test("Fitting on ranks is fitting on one: weights, history, and the validation that they share")
  func fitting() throws {
    let alone = try Self.fit(nil)
    for ranks in [1, 2, 3, 4] {
      let results = ThreadRanks.run(ranks) { rank in
        let (trainer, history, error) = try Self.fit(rank)
        if let error { throw error }
        return (values: try Self.values(trainer.model), history: history)
      }
      for result in results {
        let (values, history) = try result.get()
        #expect(try Self.difference(alone.trainer.model, values) <= 1e-4)
        for (own, expected) in zip(history, alone.history) {
          #expect(abs(own.loss - expected.loss) <= 1e-5)
          #expect(own.learningRate == expected.learningRate)
          #expect(own.accuracy == expected.accuracy)
          #expect(own.validation?.count == 21)
          #expect(own.validation?.accuracy == expected.validation?.accuracy)
          #expect(abs((own.validation?.loss ?? 0) - (expected.validation?.loss ?? 1)) <= 1e-4)
        }
        #expect(history.count == 3)
      }
      #expect(try Set(results.map { try $0.get().values.map(\.bitPattern) }).count == 1)
    }
  }

  @Test("Whatever stops one rank stops all, at the same step", arguments: 0..<7)
  func stopping(_ way: Int) throws {
    let results = ThreadRanks.run(3) { rank in
      let isOdd = rank.rank == 1
      let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
      try trainer.distribute(over: rank, options: DistributedOptions(checkInterval: 2))
      let data = WatchedData(try TrainingSupport.data(count: 60))
      var options = Self.fitOptions
      options.plateau = nil
      options.workers = 0
      var count = 0
      var stop = Int.max
      switch way {
      case 0: stop = isOdd ? 4 : .max
      // At the end of an epoch, and after the last step.
      case 1: stop = isOdd ? 6 : .max
      case 2: stop = isOdd ? 17 : .max
      case 3:
        data.onRead = { (_, epoch) throws(ResNetError) in
          if isOdd, epoch == 1 { throw ResNetError(.inputOutput, "the disk is gone") }
        }
      case 4: options.seed = isOdd ? 1 : 2
      case 5: options.batchSize = isOdd ? 80 : 12
      default: break
      }
      do throws(ResNetError) {
        try trainer.fit(data, validation: data, options: options) { _ in
          count += 1
          if way == 6, isOdd, count == 3 {
            // What no rank may do: the comparison finds it.
            (try? trainer.model.parameters.values)?[0] += 1
          }
          return count < stop
        }
        return (kind: ResNetError.Kind?.none, message: "", steps: trainer.iterations)
      } catch {
        return (kind: error.kind, message: error.message, steps: trainer.iterations)
      }
    }
    let outcomes = try results.map { try $0.get() }
    #expect(Set(outcomes.map(\.steps)).count == 1, "\(outcomes)")
    let own: ResNetError.Kind =
      switch way {
      case 0...2: .cancelled
      case 3: .inputOutput
      case 4, 6: .communication
      default: .invalidArgument
      }
    let others: ResNetError.Kind = way <= 2 ? .cancelled : .communication
    #expect(outcomes.map(\.kind) == [others, own, others], "\(outcomes)")
    #expect(outcomes[0].steps == [4, 5, 15, 5, 0, 0, 4][way], "\(outcomes)")
  }

  @Test("Ranks whose networks, options or steps differ are told so", arguments: 0..<9)
  func differing(_ way: Int) throws {
    let results = ThreadRanks.run(2) { rank in
      let isOdd = rank.rank == 1
      let trainer = try Trainer(
        try Model(TrainingSupport.network(classes: way == 0 && isOdd ? 5 : 4), seed: 1),
        options: SGDOptions(learningRate: way == 1 && isOdd ? 0.2 : 0.1))
      var options = DistributedOptions()
      if isOdd, way == 2 { options.synchronizesBatchNorm = true }
      if isOdd, way == 3 { options.bucketBytes = 1 }
      if isOdd, way == 4 { options.checkInterval = 1 }
      let count = way == 5 && isOdd ? 4 : 8
      let side = way == 6 && isOdd ? 12 : 8
      let images = try Images(
        .float([Float](repeating: 0.5, count: count * 3 * side * side)), count: count, channels: 3,
        height: side, width: side)
      do throws(ResNetError) {
        try trainer.distribute(over: rank, options: options)
        if isOdd, way == 7 { try trainer.freeze(["conv1"]) }
        if isOdd, way == 8 { try trainer.setLearningRate(0.2) }
        try trainer.step(images, labels: [Int](repeating: 1, count: count))
      } catch {
        return error
      }
      return ResNetError(.notFound, "nothing was thrown")
    }
    for result in results {
      let error = try result.get()
      #expect(
        error.kind == .communication && error.message.contains("from that of rank 0"), "\(error)")
    }
  }

  @Test("Sums that are none end the training, not the process")
  func strangeSums() throws {
    for strange in [Double.nan, .infinity, -1, 1e300, 0.5] {
      let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
      let error = thrownError { try trainer.distribute(over: StrangeSums(strange)) }
      #expect(error?.kind == .communication)
    }
  }

  @Test("What fails in a callback and is not told there is told by the call around it")
  func swallowing() throws {
    let results = ThreadRanks.run(2) { rank in
      let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
      try trainer.distribute(over: rank)
      let (images, _) = try TrainingSupport.images(count: 4)
      do throws(ResNetError) {
        try trainer.fit(try Self.fitData().0, options: FitOptions(batchSize: 12)) { progress in
          if rank.rank == 1, progress.step == 2 {
            _ = try? trainer.step(images, labels: [99, 99, 99, 99])
          }
          return true
        }
      } catch {
        return error
      }
      return ResNetError(.notFound, "nothing was thrown")
    }
    #expect(try results.map { try $0.get().kind } == [.communication, .communication])
  }

  /// Two ranks whose every sum comes out as the same.
  private final class StrangeSums: Communicator {
    let rank = 0
    let ranks = 2
    private let sum: Double

    init(_ sum: Double) { self.sum = sum }

    func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws(ResNetError)
      -> UnsafeMutableRawPointer?
    { nil }
    func startSum(_ values: UnsafeMutableBufferPointer<Double>) throws(ResNetError)
      -> UnsafeMutableRawPointer?
    {
      values.update(repeating: sum)
      return nil
    }
    func wait(for sum: UnsafeMutableRawPointer?) throws(ResNetError) {}
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ResNetError) {}
    func barrier() throws(ResNetError) {}
  }

  @Test(
    "A lost connection leaves the model as the last step left it, and is said",
    arguments: [14, 15, 20, 26, 33])
  func losing(_ lifetime: Int) throws {
    let results = ThreadRanks.run(2) { rank in
      let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
      try trainer.distribute(
        over: rank, options: DistributedOptions(synchronizesBatchNorm: true, bucketBytes: 2000))
      rank.lifetime = lifetime
      let (images, labels) = try TrainingSupport.images(count: 8)
      var before = try TrainingSupport.bits(trainer.model)
      do throws(ResNetError) {
        for _ in 0..<10 {
          try trainer.step(images, labels: labels)
          if let now = try? TrainingSupport.bits(trainer.model) { before = now }
        }
      } catch {
        #expect(try TrainingSupport.bits(trainer.model) == before)
        let again = thrownError { try trainer.step(images, labels: labels) }
        #expect(again?.kind == .communication)
        try trainer.distribute(over: nil)
        try trainer.step(images, labels: labels)
        return error
      }
      return ResNetError(.notFound, "nothing was thrown")
    }
    for result in results {
      let error = try result.get()
      #expect(error.kind == .communication && error.message.contains("is lost"), "\(error)")
    }
  }

  @Test func numbersOfRanksAndOptionsAreChecked() throws {
    final class Strange: Communicator {
      let (rank, ranks): (Int, Int)
      init(_ rank: Int, of ranks: Int) { (self.rank, self.ranks) = (rank, ranks) }
      func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws(ResNetError)
        -> UnsafeMutableRawPointer?
      { nil }
      func startSum(_ values: UnsafeMutableBufferPointer<Double>) throws(ResNetError)
        -> UnsafeMutableRawPointer?
      { nil }
      func wait(for sum: UnsafeMutableRawPointer?) throws(ResNetError) {}
      func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ResNetError) {}
      func barrier() throws(ResNetError) {}
    }
    let trainer = try Trainer(try Model(TrainingSupport.network(), seed: 1))
    for (rank, ranks) in [(0, 0), (-1, 2), (2, 2), (0, 1 << 21)] {
      #expect(
        thrownError { try trainer.distribute(over: Strange(rank, of: ranks)) }?.kind
          == .invalidArgument)
    }
    for options in [DistributedOptions(checkInterval: -1), DistributedOptions(bucketBytes: 0)] {
      #expect(
        thrownError { try trainer.distribute(over: Strange(0, of: 1), options: options) }?.kind
          == .invalidArgument)
    }
  }

  @Test("Buckets hold every trained tensor once, and wait for all of theirs")
  func buckets() throws {
    for (preset, bytes) in [("resnet20", 100_000), ("resnet50", 4 << 20), ("resnet18", 1)] {
      let graph = try Graph(
        try Network.preset(preset, family: preset == "resnet20" ? .cifar : .imageNet))
      let layout = ParameterLayout(graph)
      let plan = try TrainingPlan(
        graph, layout: layout, extent: Extent(height: 64, width: 64), batch: 2,
        target: try .current(), frozen: [])
      let trained = try plan.trained(layout, frozen: [])
      #expect(trained.count == layout.tensors.filter(\.kind.isTrainable).count)
      let buckets = GradientExchange.buckets(trained, floats: bytes / 4)
      for (tensor, step) in trained {
        let own = buckets.filter { $0.range.contains(tensor.offset) }
        #expect(own.count == 1 && own[0].range.upperBound >= tensor.offset + tensor.count)
        #expect(own[0].step <= step)
      }
      #expect(
        buckets.first!.range.upperBound == layout.tensors.last!.offset + layout.tensors.last!.count)
      if bytes > 1 { #expect(buckets.last!.range.count < bytes / 4 / 2) }
    }
  }
}
