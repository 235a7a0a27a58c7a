import ResNet

extension ImportedWeights {
  /// A tensor of a model, and that of the file that it is to be set to.
  typealias Pair = (target: ParameterLayout.Tensor, source: ImportedTensor)

  /// Which tensors of a network of that layout the file's are: all or, if `partial`, those that fit. The
  /// report says what does not; throws `shapeMismatch` if anything does not, or if `partial` if nothing
  /// does.
  func fit(
    _ layout: ParameterLayout, of network: Network, partial: Bool, _ report: inout ImportReport
  ) throws(ResNetError) -> [Pair] {
    report.format = format
    report.imported = 0
    let pairs = pairs(layout, reading: false, &report.notes)
    let isFit =
      partial
      ? !pairs.isEmpty && otherAffine(layout) == nil
      : report.notes.allSatisfy { $0.kind == .ignored }
    guard isFit else { throw misfit(layout, of: network, &report) }
    if format == .caffe, network.stem == .imageNet, network.stemPool == .padded {
      report.notes.append(
        .init(
          .ignored, "pool1",
          "Caffe's first pooling is not padded (\(Network.StemPool.ceil.rawValue)), the model's is: "
            + "scores differ from Caffe's"))
    }
    return pairs
  }

  /// Why kernels that fit are no use all the same, if a convolution of the file has BN and the network's has none,
  /// or the other way round: BN that is folded into a convolution has made another kernel of it.
  private func otherAffine(_ layout: ParameterLayout) -> String? {
    let names = Set(tensors.map(\.name))
    for target in layout.tensors where target.kind == .convolutionWeight {
      let convolution = target.name.dropLast(".weight".utf8.count)
      guard let batchNorm = Self.batchNorm(after: convolution) else { continue }
      let (bias, variance) = ("\(convolution).bias", "\(batchNorm).running_var")
      let hasBatchNorm = names.contains(variance)
      if hasBatchNorm, layout.tensor(named: variance) == nil {
        return "they have BN, and its convolutions have biases instead"
      }
      if names.contains(bias), !hasBatchNorm, layout.tensor(named: bias) == nil {
        return
          "their convolutions have biases instead of its BN, as where that is folded into them: import "
          + "them as a model of their own"
      }
    }
    return nil
  }

  /// The name of the BN after a convolution, of those whose names tell.
  private static func batchNorm(after convolution: Substring) -> String? {
    let dot = convolution.utf8.lastIndex(of: UInt8(ascii: "."))
    let start = dot.map { convolution.utf8.index(after: $0) } ?? convolution.startIndex
    let last = convolution[start...]
    if last == "0" { return "\(convolution[..<start])1" }
    return last.hasPrefix("conv") ? "\(convolution[..<start])bn\(last.dropFirst(4))" : nil
  }

  /// Says that a bottleneck's stride may be on another convolution than the model's, which no tensor shows.
  func noteStride(of network: Network, in report: inout ImportReport) {
    let strided = "layer2.0.conv\(bottleneckStride == .conv3x3 ? 2 : 1).weight"
    guard self.network == nil, network.block == .bottleneck,
      network.bottleneckStride != bottleneckStride,
      let tensor = tensors.first(where: { $0.name == strided })
    else { return }
    report.notes.append(
      .init(
        .ignored, tensor.origin,
        "\(format.title)'s bottlenecks usually have the stride on the \(bottleneckStride.rawValue) convolution, "
          + "the model's have it on the \(network.bottleneckStride.rawValue): scores differ unless the file's "
          + "have it there, too"))
  }

  /// What a network has no use for, and what it lacks, by names and shapes.
  func notes(_ graph: Graph) -> [ImportReport.Note] {
    var notes: [ImportReport.Note] = []
    _ = pairs(ParameterLayout(graph), reading: false, &notes)
    return notes
  }

  /// Which tensors fit; the notes are of the others. If `reading`, those that are not finite do not.
  private func pairs(
    _ layout: ParameterLayout, reading: Bool, _ notes: inout [ImportReport.Note]
  ) -> [Pair] {
    notes = self.notes
    var pairs: [Pair] = []
    var found: Set<String> = []
    for tensor in tensors {
      guard let target = layout.tensor(named: tensor.name) else {
        notes.append(.init(.unexpected, tensor.origin, ""))
        continue
      }
      var problem = tensor.problem
      var name = tensor.origin
      if !found.insert(tensor.name).inserted {
        name = tensor.name
        problem = "is there twice, once as \(tensor.origin)"
      } else if problem == nil, tensor.shape != target.shape {
        problem = "has shape \(text(tensor.shape)), expected \(text(target.shape))"
      } else if problem == nil, reading, let values = try? tensor.read(),
        !values.allSatisfy(\.isFinite)
      {
        problem = "has values that are not finite"
      }
      if let problem {
        notes.append(.init(.mismatched, name, problem))
      } else {
        pairs.append((target, tensor))
      }
    }
    for tensor in layout.tensors where !found.contains(tensor.name) {
      notes.append(.init(.missing, tensor.name, ""))
    }
    return pairs
  }

  /// The error that says all that is wrong, as the report does.
  private func misfit(
    _ layout: ParameterLayout, of network: Network, _ report: inout ImportReport
  ) -> ResNetError {
    _ = pairs(layout, reading: true, &report.notes)
    let problems = [
      otherAffine(layout), report.list(.missing, "missing"), report.list(.unexpected, "unexpected"),
      report.list(.mismatched, "unusable"),
    ].compactMap(\.self)
    return ResNetError(
      .shapeMismatch,
      "the weights do not fit \(network.name): \(problems.joined(separator: "; "))")
  }

  private func text(_ shape: [Int]) -> String {
    shape.count <= 16 ? "(\(shape.map { "\($0)" }.joined(separator: ", ")))" : shape.shown
  }

  /// Sets tensors of a new model, which is of no use if this throws.
  func fill(_ model: Model, _ pairs: [Pair], _ report: inout ImportReport) throws(ResNetError) {
    let parameters = try model.parameters
    for (target, source) in pairs {
      _ = parameters[target].update(fromContentsOf: try values(source, for: target, &report))
    }
    parameters.noteChange()
    report.imported = pairs.count
  }

  /// Sets tensors of a model in use, which is as it was if this throws: all are read before the first is
  /// set.
  func replace(in model: Model, _ pairs: [Pair], _ report: inout ImportReport)
    throws(ResNetError)
  {
    let parameters = try model.parameters
    var all: [[Float]] = []
    for (target, source) in pairs { all.append(try values(source, for: target, &report)) }
    for (pair, values) in zip(pairs, all) {
      _ = parameters[pair.target].update(fromContentsOf: values)
    }
    parameters.noteChange()
    report.imported = pairs.count
  }

  private func values(
    _ source: ImportedTensor, for target: ParameterLayout.Tensor, _ report: inout ImportReport
  ) throws(ResNetError) -> [Float] {
    let values = try source.read()
    func refuse(_ kind: ResNetError.Kind, _ reason: String) -> ResNetError {
      report.notes.append(.init(.mismatched, source.origin, reason))
      return ResNetError(kind, "\(source.origin) \(reason)")
    }
    guard values.count == target.count, values.allSatisfy(\.isFinite) else {
      throw refuse(.notFinite, "has values that are not finite")
    }
    guard target.kind != .runningVariance || values.allSatisfy({ $0 >= 0 }) else {
      throw refuse(.badFormat, "has a negative variance")
    }
    return values
  }
}
