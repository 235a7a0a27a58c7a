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
    report.notes = notes
    var pairs: [Pair] = []
    var origins: [String: String] = [:]
    for tensor in tensors {
      guard let target = layout.tensor(named: tensor.name) else {
        report.notes.append(.init(.unexpected, tensor.origin, ""))
        continue
      }
      if let first = origins.updateValue(tensor.origin, forKey: tensor.name) {
        throw ResNetError(
          .badFormat, "\(first) and \(tensor.origin) are both the tensor \(tensor.name)")
      }
      if tensor.shape == target.shape {
        pairs.append((target, tensor))
      } else {
        report.notes.append(
          .init(
            .mismatched, tensor.origin, "has shape \(tensor.shape), expected \(target.shape)"))
      }
    }
    for tensor in layout.tensors where origins[tensor.name] == nil {
      report.notes.append(.init(.missing, tensor.name, ""))
    }
    let problems = [
      report.list(.missing, "missing"), report.list(.unexpected, "unexpected"),
      report.list(.mismatched, "unusable"),
    ].compactMap(\.self)
    guard partial ? !pairs.isEmpty : problems.isEmpty else {
      throw ResNetError(
        .shapeMismatch,
        "the weights do not fit \(network.name): \(problems.joined(separator: "; "))")
    }
    return pairs
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
    guard values.count == target.count, values.allSatisfy(\.isFinite) else {
      let reason = "has values that are not finite"
      report.notes.append(.init(.mismatched, source.origin, reason))
      throw ResNetError(.notFinite, "\(source.origin) \(reason)")
    }
    return values
  }
}
