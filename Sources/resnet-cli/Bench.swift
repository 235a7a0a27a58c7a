import ArgumentParser
import ResNet

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast a network runs and trains, and what share of the peak that is.",
    discussion: """
      Random images that lie in memory are run, and then trained on, in batches. Beside that multiply-adds in \
      registers are timed, which is the most that the processor can do; all by turns, so that whatever \
      the machine does in between, it does to all. The median of the turns is shown, with the least and \
      the most.

      Operations are those of the direct method, a multiply-add being two: with Winograd's algorithm, \
      which needs fewer, more than 100% of the peak are possible. A training step counts three times the \
      forward pass, less the gradient of the images.

          resnet bench resnet20 --batch 1 --threads 1
          resnet bench model.h5 --batch 16 --only inference --json
      """)

  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case inference, training
  }

  @Argument(
    help: """
      A preset, such as resnet20 or resnet50, or a model file, whose name has a point or a slash.
      """,
    completion: .list(Network.publishedPresets))
  var network: String

  @Option(help: "Images to a batch. (default: 16 for ImageNet, 128 for CIFAR networks)")
  var batch: Int?

  @Option(help: "Measure one of the two.")
  var only: Kind?

  @Option(help: "How many turns.")
  var repetitions = 7

  @Option(help: "Seconds for each measurement of a turn; one batch at least.")
  var seconds = 0.4

  @Flag(help: "Print one object of JSON, with every single time.")
  var json = false

  @OptionGroup
  var size: SizeOptions

  @OptionGroup(title: "Changes to a preset")
  var changes: NetworkOptions

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func validate() throws {
    if isFile(network) && !changes.given.isEmpty {
      throw ValidationError("\(network) is a file: its network cannot be changed by options")
    }
    if let batch, batch < 1 {
      throw ValidationError("--batch is \(batch), expected 1 image or more")
    }
    if repetitions < 1 {
      throw ValidationError("--repetitions is \(repetitions), expected 1 turn or more")
    }
    if !(seconds > 0 && seconds <= 3600) {
      throw ValidationError("--seconds is \(seconds), expected more than 0, and 3600 at most")
    }
  }

  func run() throws {
    try engine.apply()
    let model = try isFile(network) ? loadModel(network) : Model(changes.network(network))
    let extent = size.extent(of: model.network, model.normalization)
    let batch = batch ?? (model.network.publishedExtent.height > 32 ? 16 : 128)
    let images = try Self.images(of: model.network, batch, extent)
    let labels = (0..<batch).map { $0 % model.network.classes }

    var rows: [Row] = []
    if only != .training {
      let flop = try model.graph.inferenceOperations(input: extent)
      rows.append(Row("inference", flop: Double(batch) * flop) { _ = try model.logits(images) })
    }
    if only != .inference {
      // A model of its own: a step would have the next run prepare the weights again.
      let trained = try only == .training ? model : Model(model.network)
      try trained.setNormalization(model.normalization)
      let trainer = try Trainer(trained, options: SGDOptions(learningRate: 0))
      let flop = try model.graph.trainingOperations(input: extent)
      rows.append(
        Row("training", flop: Double(batch) * flop) { try trainer.step(images, labels: labels) })
    }
    let isa = try Engine.instructionSet()
    // The first call prepares weights and memory.
    for row in rows { try row.run() }
    var peaks: [Double] = []
    for _ in 0..<repetitions {
      peaks.append(Peak.rate(isa, seconds: seconds / 4))
      for index in rows.indices { try rows[index].measure(seconds: seconds) }
    }

    let conditions = Conditions(
      network: model.network.name, batch: batch, channels: model.network.inputChannels,
      extent: extent, threads: Engine.threads, isa: isa)
    if json {
      print(conditions.json(peaks, rows))
    } else {
      conditions.show(peaks, rows)
    }
  }

  /// Any pixels do: none of what is computed depends on their values.
  private static func images(of network: Network, _ count: Int, _ extent: Extent)
    throws(ResNetError) -> Images
  {
    let values = try ImagesView.pixelCount(
      count: count, channels: network.inputChannels, height: extent.height, width: extent.width)
    try expectMemory(2 * values, of: MemoryLayout<Float>.stride, for: "\(count) images")
    var random = Philox(seed: 0, stream: .order)
    let pixels = (0..<values).map { _ in Float(random.next() & 0xFF) }
    return try Images(
      .float(pixels), count: count, channels: network.inputChannels, height: extent.height,
      width: extent.width)
  }
}

extension Bench {
  /// What is measured.
  struct Row {
    let name: String
    /// Operations of one batch.
    let flop: Double
    /// Seconds of a batch, one for each turn.
    private(set) var times: [Double] = []
    let run: () throws -> Void

    init(_ name: String, flop: Double, run: @escaping () throws -> Void) {
      (self.name, self.flop, self.run) = (name, flop, run)
    }

    mutating func measure(seconds: Double) throws {
      let clock = ContinuousClock()
      let start = clock.now
      var count = 0
      repeat {
        try run()
        count += 1
      } while (clock.now - start) / .seconds(1) < seconds
      times.append((clock.now - start) / .seconds(1) / Double(count))
    }
  }

  /// What the figures are of.
  struct Conditions {
    let network: String
    let batch: Int
    let channels: Int
    let extent: Extent
    let threads: Int
    let isa: String

    func show(_ peaks: [Double], _ rows: [Row]) {
      let peak = Spread(peaks)
      print(
        "\(network), \(counted(batch, "image")) of \(channels)x\(extent) to a batch, "
          + "\(counted(threads, "thread")), \(isa), \(counted(peaks.count, "turn"))")
      print(
        "peak: \(giga(peak.median)) GFLOP/s (\(giga(peak.least)) to \(giga(peak.most))), multiply-adds in "
          + "registers")
      for row in rows {
        let time = Spread(row.times)
        print(
          "\(row.name): \(milliseconds(time.median)) ms a batch (\(milliseconds(time.least)) to "
            + "\(milliseconds(time.most))), \(fixed(Double(batch) / time.median, decimals: 1)) images/s, "
            + "\(giga(row.flop / time.median)) GFLOP/s, "
            + "\(fixed(100 * row.flop / time.median / peak.median, decimals: 0))% of peak")
      }
    }

    func json(_ peaks: [Double], _ rows: [Row]) -> JSON {
      let peak = Spread(peaks)
      let measured = rows.map { row in
        let time = Spread(row.times)
        return JSON.object([
          ("name", .string(row.name)), ("seconds", .numbers(row.times)),
          ("median_seconds", .number(time.median)),
          ("images_per_second", .number(Double(batch) / time.median)),
          ("flop", .number(row.flop)), ("gflops", .number(row.flop / time.median / 1e9)),
          ("share_of_peak", .number(row.flop / time.median / peak.median)),
        ])
      }
      return [
        "network": .string(network), "batch": .number(batch), "channels": .number(channels),
        "height": .number(extent.height), "width": .number(extent.width),
        "threads": .number(threads), "instruction_set": .string(isa),
        "peak_gflops": .numbers(peaks.map { $0 / 1e9 }), "rows": .array(measured),
      ]
    }

    private func giga(_ rate: Double) -> String { fixed(rate / 1e9, decimals: 1) }
    private func milliseconds(_ time: Double) -> String { fixed(time * 1000, decimals: 3) }
  }

  /// Of some measurements, of which there is one at least.
  struct Spread {
    let least: Double
    let median: Double
    let most: Double

    init(_ values: [Double]) {
      let sorted = values.sorted()
      let middle = sorted.count / 2
      least = sorted[0]
      median =
        sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
      most = sorted[sorted.count - 1]
    }
  }
}
