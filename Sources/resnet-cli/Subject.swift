import ResNet
import ResNetExchange

/// What `resnet inspect` describes: a preset, or what is in a file.
struct Subject {
  struct Tensor {
    let name: String
    let shape: [Int]
    /// What another program calls it, if that is something else.
    var origin: String?

    var text: String {
      "\(name)  \(shape.map { "\($0)" }.joined(separator: "x"))"
        + (origin.map { "  (\($0))" } ?? "")
    }
  }

  private enum Kind: String {
    case preset, model, checkpoint, weights
  }

  /// Nil if the file's network is none of this library's.
  private(set) var network: Network?
  private(set) var normalization = Normalization.identity
  private(set) var tensors: [Tensor] = []
  /// A line for each thing that is known of a file.
  private(set) var facts: [String] = []

  private let kind: Kind
  private var classNames: [String] = []
  private(set) var metadata: [String: String] = [:]
  /// Of a file and, of a checkpoint, its training.
  private var members: [(name: String, value: JSON)] = []

  init(_ network: Network) throws(ResNetError) {
    self.network = network
    kind = .preset
    tensors = Self.tensors(of: try Graph(network))
  }

  /// Throws what is wrong with the file, if anything is.
  init(file path: String) throws(ResNetError) {
    do throws(ResNetError) {
      let (model, stored) = try ModelFile.inspect(path)
      self.init(path, model, stored)
      if stored.isCheckpoint { note(try Trainer.load(from: path)) }
    } catch {
      guard error.kind == .badFormat, !WeightsFile.claimsToBeModel(path) else { throw error }
      self.init(path, try WeightsFile.inspect(path))
    }
  }

  private init(_ path: String, _ model: Model, _ stored: ModelFileFacts) {
    network = model.network
    kind = stored.isCheckpoint ? .checkpoint : .model
    normalization = model.normalization
    classNames = model.classNames
    metadata = model.metadata
    tensors = Self.tensors(of: model.graph)
    let writer = stored.writer.map { "libresnet \($0)" } ?? "an unknown version"
    facts = [
      "\(path): \(stored.isCheckpoint ? "a checkpoint" : "a model") of libresnet",
      "format version \(stored.formatVersion), written by \(writer), \(stored.bytes) bytes, all "
        + "checksums right",
    ]
    members = [
      (
        "file",
        [
          "path": .string(path), "bytes": .number(stored.bytes), "format": "libresnet",
          "format_version": .number(stored.formatVersion),
          "library_version": stored.writer.map { .string($0) } ?? .null, "checksums": "right",
        ]
      )
    ]
    noteImages()
    noteMetadata()
  }

  private init(_ path: String, _ found: WeightsFacts) {
    let weights = found.weights
    kind = .weights
    network = try? found.network.get()
    normalization = weights.normalization
    classNames = weights.classNames
    metadata = weights.metadata
    tensors = weights.tensors.map {
      Tensor(name: $0.name, shape: $0.shape, origin: $0.origin == $0.name ? nil : $0.origin)
    }
    facts = [
      "\(path): \(weights.format.title) weights",
      "\(found.bytes) bytes, \(weights.tensors.count) tensors",
    ]
    var reason: JSON = .null
    if case .failure(let error) = found.network {
      facts.append("no network that libresnet knows: \(error.message)")
      reason = .string(error.message)
    } else {
      facts += Self.lines(found.notes)
    }
    members = [
      (
        "file",
        [
          "path": .string(path), "bytes": .number(found.bytes),
          "format": .string(Convert.Target.name(of: weights.format)),
        ]
      ),
      ("not_understood", reason), ("notes", .array(found.notes.map(\.json))),
    ]
    if network != nil { noteImages() }
    noteMetadata()
  }

  private mutating func noteMetadata() {
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
      let lines = value.split(whereSeparator: \.isNewline)
      facts.append(
        "metadata: \(name)\(lines.count == 1 ? ", \(lines[0])" : ", \(lines.count) lines")")
    }
  }

  private static func tensors(of graph: Graph) -> [Tensor] {
    ParameterLayout(graph).tensors.map { Tensor(name: $0.name, shape: $0.shape) }
  }

  /// How images are normalised, and how classes are called.
  private mutating func noteImages() {
    let shown = 5
    facts.append("normalisation: \(normalization.text)")
    facts.append(
      classNames.isEmpty
        ? "class names: none"
        : "\(counted(classNames.count, "class name")): "
          + classNames.prefix(shown).joined(separator: ", ")
          + (classNames.count > shown ? ", ..." : ""))
    if let seen = SeenSize(in: metadata) { facts.append("image files: \(seen.text)") }
  }

  private mutating func note(_ trainer: Trainer) {
    let options = trainer.options
    var text = "after \(counted(trainer.iterations, "step"))"
    let areTaken = trainer.stepsLeft.map { $0 == 0 }
    if areTaken == true {
      text += ", all that the training was to take"
    } else if let planned = trainer.plannedSteps {
      text += " of a training of \(planned)"
    }
    text += ", \(counted(trainer.history.count, "epoch")) ended"
    if areTaken == true, !trainer.lastEpochHasEnded {
      text += "; the evaluation of the last one is to come"
    }
    facts.append("training: \(text)")
    facts.append(
      "learning rate \(options.learningRate), momentum \(options.momentum), weight decay "
        + "\(options.weightDecay)")
    let history = TrainingHistory(trainer.epochReports).rows.map(\.json)
    members.append(
      (
        "training",
        [
          "steps": .number(trainer.iterations),
          "planned_steps": trainer.plannedSteps.map { .number($0) } ?? .null,
          "all_steps_taken": areTaken.map { .bool($0) } ?? .null,
          "lr": .number(options.learningRate), "momentum": .number(options.momentum),
          "weight_decay": .number(options.weightDecay), "epochs": .array(history),
        ]
      ))
  }

  /// What is in a file besides the tensors of its network, and what is missing.
  static func lines(_ notes: [ImportReport.Note]) -> [String] {
    let kinds: [(ImportReport.Kind, String)] = [
      (.missing, "missing"), (.unexpected, "unexpected"), (.mismatched, "unusable"),
    ]
    let shown = 4
    let others = kinds.compactMap { kind, title -> String? in
      let found = notes.filter { $0.kind == kind }
      guard !found.isEmpty else { return nil }
      let names = found.prefix(shown).map {
        $0.reason.isEmpty ? $0.name : "\($0.name) (\($0.reason))"
      }
      return "\(title): \(found.count), \(names.joined(separator: ", "))"
        + (found.count > shown ? ", ..." : "")
    }
    return others + ignoredLines(notes.filter { $0.kind == .ignored })
  }

  /// A line for each reason, as it is that of one tensor of every BN.
  private static func ignoredLines(_ notes: [ImportReport.Note]) -> [String] {
    let shown = 4
    var rest = notes[...]
    var lines: [String] = []
    while let first = rest.first {
      let names = rest.filter { $0.reason == first.reason }.map(\.name)
      rest.removeAll { $0.reason == first.reason }
      let ends = Set(names.map { $0.split(separator: ".").last ?? "" })
      let text =
        if names.count > 1, ends.count == 1, let end = ends.first {
          "\(names.count), all ….\(end)"
        } else {
          "\(names.count), \(names.prefix(shown).joined(separator: ", "))"
            + (names.count > shown ? ", ..." : "")
        }
      lines.append("not needed: \(text) (\(first.reason))")
    }
    return lines
  }
}

// MARK: - JSON

extension Subject {
  func json(_ size: SizeOptions) throws(ResNetError) -> JSON {
    var all: [(name: String, value: JSON)] = [("kind", .string(kind.rawValue))]
    all += members
    if let network {
      let extent = size.extent(of: network, normalization)
      let graph = try Graph(network)
      all += [
        ("network", network.json),
        (
          "input",
          [
            "channels": .number(network.inputChannels), "height": .number(extent.height),
            "width": .number(extent.width),
          ]
        ),
        ("weighted_layers", .number(graph.weightedLayers)),
        ("parameters", .number(graph.parameterCount)),
        ("multiply_adds", .number(try graph.multiplyAdds(input: extent))),
        ("stages", .array(try network.stageRows(input: extent).map(\.json))),
        ("layers", .array(try graph.layerRows(input: extent).map(\.json))),
      ]
    }
    all.append(
      (
        "tensors",
        .array(
          tensors.map {
            [
              "name": .string($0.name), "shape": .numbers($0.shape),
              "name_in_file": .string($0.origin ?? $0.name),
            ]
          })
      ))
    if kind != .preset {
      let metadata = metadata.sorted { $0.key < $1.key }
      all += [
        ("normalization", normalization.json),
        ("image_files", SeenSize(in: self.metadata)?.json ?? .null),
        ("class_names", .strings(classNames)),
        ("metadata", .object(metadata.map { ($0.key, .string($0.value)) })),
      ]
    }
    return .object(all)
  }
}

extension ImportReport.Note {
  var json: JSON {
    ["kind": .string("\(kind)"), "name": .string(name), "reason": .string(reason)]
  }
}

extension Network {
  fileprivate var json: JSON {
    var pieces = 1
    if case .maxout(let count) = activation { pieces = count }
    return [
      "name": .string(name), "input_channels": .number(inputChannels),
      "stem": .string(stem.rawValue),
      "stem_pool": stem == .imageNet ? .string(stemPool.rawValue) : .null,
      "stem_width": .number(stemWidth),
      "block": .array(
        block.layers.map {
          ["kernel": .number($0.kernel), "width_multiple": .number($0.widthMultiple)]
        }),
      "stages": .array(
        stages.map {
          [
            "blocks": .number($0.blocks), "width": .number($0.width), "stride": .number($0.stride),
            "max_pool": .number($0.maxPool),
          ]
        }),
      "shortcut": .string(shortcut.rawValue),
      "bottleneck_stride": .string(bottleneckStride.rawValue),
      "zero_channels": .string(zeroChannels.rawValue), "affine": .string(affine.rawValue),
      "maxout_pieces": .number(pieces), "window": .number(window),
      "hidden_widths": .numbers(hidden), "classes": .number(classes),
    ]
  }
}

extension StageRow {
  fileprivate var json: JSON {
    [
      "name": .string(name), "channels": .number(channels), "height": .number(extent.height),
      "width": .number(extent.width), "layers": .string(text), "parameters": .number(parameters),
      "multiply_adds": .number(multiplyAdds),
    ]
  }
}

extension LayerRow {
  fileprivate var json: JSON {
    [
      "name": .string(name), "operation": .string(operation), "channels": .number(channels),
      "height": .number(extent?.height ?? 1), "width": .number(extent?.width ?? 1),
      "parameters": .number(parameters), "multiply_adds": .number(multiplyAdds),
    ]
  }
}

extension Normalization {
  /// In a few words.
  var text: String {
    guard !mean.isEmpty || !scale.isEmpty else { return "none, pixels enter as they are" }
    func list(_ values: [Float]) -> String {
      values.map { fixed(Double($0), decimals: 3) }.joined(separator: ", ")
    }
    var parts: [String] = []
    if let meanExtent {
      parts.append(
        "less the mean of each of \(meanExtent) pixels (of channels \(list(perChannel.mean)))")
    } else if !mean.isEmpty {
      parts.append("less the means \(list(mean)) of channels")
    }
    if let first = scale.first {
      // Deviations say more than their reciprocals.
      let divisors = scale.contains(0) ? nil : scale.map { 1 / $0 }
      let values = scale.allSatisfy { $0 == first } ? 1 : scale.count
      parts.append(
        divisors.map { "divided by \(list(Array($0.prefix(values))))" }
          ?? "times \(list(Array(scale.prefix(values))))")
    }
    return parts.joined(separator: ", ")
  }

  /// A mean per pixel by its means per channel and its size.
  var json: JSON {
    [
      "mean": .numbers(perChannel.mean),
      "mean_extent": meanExtent.map { .numbers([$0.height, $0.width]) } ?? .null,
      "scale": .numbers(scale),
    ]
  }
}
