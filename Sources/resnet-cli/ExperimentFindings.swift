import ResNet

extension ExperimentReport {
  /// A statement of the paper's, in figures of this experiment.
  struct Finding {
    let text: String
    let holds: Bool
  }

  /// As far as what was trained has something to say about them.
  var findings: [Finding] {
    switch experiment {
    case .degradation: degradation
    case .depth: gains
    case .options: options
    case .responses: smallerResponses
    case .table6: []
    }
  }

  private typealias Result = TrialRun.Result

  private func done(_ isWanted: (Trial) -> Bool) -> [Result] {
    results.filter { isWanted($0.trial) && $0.failure == nil && !$0.history.rows.isEmpty }
  }

  private enum Relation: String {
    case higher, lower
  }

  /// Compares a figure of two networks, which the paper leads one to expect higher or lower in the first. What is
  /// the same as far as it is shown is neither.
  private func compare(
    _ first: Result, _ expected: Relation, _ quantity: String, _ second: Result,
    _ figure: (Result) -> Double?, _ unit: String = "%", decimals: Int = 2
  ) -> Finding? {
    guard let one = figure(first), let other = figure(second) else { return nil }
    let shown = [one, other].map { fixed($0, decimals: decimals) + unit }
    let found: Relation? = shown[0] == shown[1] ? nil : one > other ? .higher : .lower
    var text =
      found.map { relation in
        "\(first.trial.name) has a \(relation.rawValue) \(quantity) than \(second.trial.name), "
          + "\(shown[0]) to \(shown[1])"
      } ?? "\(first.trial.name) has the same \(quantity) as \(second.trial.name), \(shown[0])"
    if found != expected { text += ", where a \(expected.rawValue) one was expected" }
    return Finding(text: text, holds: found == expected)
  }

  private var degradation: [Finding] {
    let (plain, residual) = (done { $0.isPlain }, done { !$0.isPlain })
    var findings: [Finding?] = []
    if let shallow = plain.first, let deep = plain.last, plain.count > 1 {
      findings.append(compare(deep, .higher, "training error", shallow, \.trainingError))
      findings.append(compare(deep, .higher, "test error", shallow, \.testError))
    }
    if let shallow = residual.first, let deep = residual.last, residual.count > 1 {
      findings.append(compare(deep, .lower, "training error", shallow, \.trainingError))
      findings.append(compare(deep, .lower, "test error", shallow, \.testError))
    }
    if let plain = plain.last, let residual = residual.last {
      findings.append(compare(residual, .lower, "training error", plain, \.trainingError))
      findings.append(compare(residual, .lower, "test error", plain, \.testError))
    }
    return findings.compactMap(\.self)
  }

  private var gains: [Finding] {
    let networks = done { _ in true }
    return zip(networks, networks.dropFirst()).compactMap { shallow, deep in
      compare(deep, .lower, "test error", shallow, \.testError)
    }
  }

  private var options: [Finding] {
    let networks = done { _ in true }
    return zip(networks, networks.dropFirst()).compactMap { before, after in
      guard before.trial.preset == after.trial.preset else { return nil }
      return compare(after, .lower, "test error", before, \.testError)
    }
  }

  private var smallerResponses: [Finding] {
    let (plain, residual) = (done { $0.isPlain }, done { !$0.isPlain })
    func depth(_ result: Result) -> Substring { result.trial.preset.drop { !$0.isNumber } }
    let beside = residual.compactMap { network in
      plain.first { depth($0) == depth(network) }.flatMap {
        compare(network, .lower, "mean response", $0, \.meanResponse, "", decimals: 3)
      }
    }
    let deeper = zip(residual, residual.dropFirst()).compactMap { shallow, deep in
      compare(deep, .lower, "mean response", shallow, \.meanResponse, "", decimals: 3)
    }
    return beside + deeper
  }
}
