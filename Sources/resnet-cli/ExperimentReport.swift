import ResNet

/// The page that an experiment writes, in Markdown, with its plots.
struct ExperimentReport {
  let experiment: Experiment
  /// In the order of the report.
  let results: [TrialRun.Result]
  /// Other programs' trainings.
  let beside: [(name: String, history: TrainingHistory)]
  /// All that the experiment trains.
  let planned: [Trial]
  let iterations: Int
  let seed: UInt64
  let isQuick: Bool
  /// What else is to be said of the setting.
  let note: String?
  /// Where the records are, seen from the page.
  let runs: String

  func write(to folder: String) throws(ResNetError) {
    var text = """
      # \(title)

      In the paper:

      > \(experiment.claim)

      ## Setting

      \(setting)

      ## Result

      \(table(rows))

      """
    if let notes = experiment.notes, hasPublishedErrors { text += "\n\(notes)\n" }
    for plot in plots {
      try writeFile("\(folder)/\(plot.file)", plot.chart.svg())
      text += "\n![\(plot.chart.title)](\(plot.file))\n"
    }
    let findings = findings
    if !findings.isEmpty {
      text += arePapers ? "\n## Beside the paper\n\n" : "\n## Beside each other\n\n"
      text +=
        experiment == .responses
        ? "Of one training each.\n\n"
        : "Of one training each; five of the paper's ResNet-110 came to test errors of 6.61 ± 0.16%.\n\n"
      for finding in findings {
        let verdict = arePapers ? ("Agrees", "Does not agree") : ("Yes", "No")
        text += "- \(finding.holds ? verdict.0 : verdict.1): \(finding.text).\n"
      }
    }
    text += "\n## Raw numbers\n\n"
    for result in results {
      let folder = "\(runs)/\(result.folder.split(separator: "/").last ?? "")"
      text += "- \(result.trial.name): [what it was trained with](\(folder)/record.txt)"
      if !result.history.rows.isEmpty { text += ", [its epochs](\(folder)/epochs.csv)" }
      if !result.responses.isEmpty { text += ", [its responses](\(folder)/responses.csv)" }
      text += "\n"
    }
    try writeFile("\(folder)/README.md", text)
  }

  private var title: String {
    planned == experiment.trials
      ? experiment.title
      : "\(experiment.title.prefix { $0 != ":" }): \(planned.map(\.name).joined(separator: ", "))"
  }

  /// Whether the networks are the experiment's, trained for as long as the paper's.
  private var areWhole: Bool {
    iterations == 64_000 && results.allSatisfy { experiment.trials.contains($0.trial) }
  }

  /// Whether the paper speaks of them, on these images.
  private var arePapers: Bool { areWhole && experiment != .options }

  private var setting: String {
    let iterations = self.iterations == 64_000 ? "64,000" : "\(self.iterations) (the paper: 64,000)"
    let first = results.first?.record
    let versions = Set(results.compactMap { $0.record["version"] }).sorted()
    let missing = planned.filter { trial in !results.contains { $0.trial == trial } }
    var text = """
      CIFAR-10, \(first?["training-images"] ?? "no") training images; iterations: \(iterations), batches of \
      \(first?["batch-size"] ?? "128"); learning rate 0.1, divided by 10 at one half and at three quarters, \
      momentum 0.9, weight decay 0.0001; crops out of 4 pixels of padding, half of them mirrored; the \
      per-pixel mean subtracted; seed \(seed). Training errors are means over an epoch's batches as they \
      were trained on, in the table those of the last whole epoch; test errors are of single views.

      libresnet \(versions.joined(separator: ", ")).
      """
    if results.contains(where: { $0.record["recipe"] == "cifar-resnet110" }) {
      text +=
        " ResNet-110 and deeper begin at a rate of 0.01, until the training error is below 80%."
    }
    if results.contains(where: { $0.record["lr"] == "0.01" }) {
      text += " Networks without BN begin at a rate of 0.01."
    }
    if let note { text += "\n\n\(note)" }
    if isQuick {
      text +=
        "\n\nA quick look: networks so small, and so few steps, say nothing about the paper's."
    } else if results.count == 1 {
      text += "\n\nThis is one network: alone it does not show what the paper says."
    } else if !areWhole {
      text += "\n\nOther networks or steps than the paper's: they say nothing about those."
    }
    if !missing.isEmpty {
      text += "\n\nNot trained yet: \(missing.map(\.name).joined(separator: ", "))."
    }
    return text
  }

  private var hasPublishedErrors: Bool { results.contains { $0.trial.publishedError != nil } }

  private var rows: [[String]] {
    func error(_ value: Double?) -> String { value.map { fixed($0, decimals: 2) + "%" } ?? "" }
    let responses = results.contains { $0.meanResponse != nil } && experiment == .responses
    var header = [
      "network", "parameters", "training error", "test error", "lowest test error",
    ]
    if hasPublishedErrors { header.append("paper's test error") }
    if responses { header.append("mean response") }
    header += ["seconds of training", "median images/s", "threads", "processor"]
    let own = results.map { result in
      var row = [result.trial.name, "\(fixed(Double(result.parameters) / 1e6, decimals: 2))M"]
      row +=
        result.failure.map { [$0, "", ""] }
        ?? [result.trainingError, result.testError, result.lowestTestError].map(error)
      if hasPublishedErrors { row.append(error(result.trial.publishedError)) }
      if responses { row.append(result.meanResponse.map { fixed($0, decimals: 3) } ?? "") }
      let hasTime = !result.history.rows.isEmpty
      return row + [
        hasTime ? fixed(result.seconds, decimals: result.seconds < 100 ? 1 : 0) : "",
        hasTime ? fixed(result.imagesPerSecond, decimals: 0) : "",
        result.record["threads"] ?? "",
        [result.record["processor"], result.record["instruction-set"]].compactMap(\.self)
          .joined(separator: ", "),
      ]
    }
    let others = beside.map { name, history in
      let evaluated = history.validationErrors
      let errors = [history.trainingError, evaluated.last, evaluated.min()]
      let row = [name, ""] + errors.map { error($0.map { 100 * $0 }) }
      return row + [String](repeating: "", count: header.count - row.count)
    }
    return [header] + own + others
  }

  private func table(_ rows: [[String]]) -> String {
    let lines = rows.map { "| \($0.joined(separator: " | ")) |" }
    let rule = "|" + String(repeating: "---|", count: rows[0].count)
    return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n")
  }

  private var plots: [(file: String, chart: LineChart)] {
    let (plain, residual) = (trained { $0.isPlain }, trained { !$0.isPlain })
    return switch experiment {
    case .degradation:
      [("plain.svg", "Plain networks", plain), ("residual.svg", "Residual networks", residual)]
        .filter { !$0.2.isEmpty }.map { ($0, curves($1, of: $2)) }
    case .responses:
      [
        ("responses.svg", responses("Responses by layer", sorted: false)),
        ("responses-sorted.svg", responses("Responses by size", sorted: true)),
      ]
    case .depth, .options, .table6:
      [("curves.svg", curves(title, of: trained { _ in true }))]
    }
  }

  private func trained(_ isWanted: (Trial) -> Bool) -> [TrialRun.Result] {
    results.filter { isWanted($0.trial) && !$0.history.rows.isEmpty }
  }

  private func curves(_ title: String, of results: [TrialRun.Result]) -> LineChart {
    let histories =
      results.map { ($0.trial.name, $0.history) } + beside.map { ($0.name, $0.history) }
    let lines = histories.enumerated().flatMap { place, item in
      item.1.lines(named: ("\(item.0), training", item.0), color: place)
    }
    // As in Figure 6: what is above tells nothing of how well it was learned.
    let last = lines.compactMap { $0.points.last?.y }.max() ?? 0
    return LineChart(
      title: title, xLabel: "iterations", yLabel: "error (%)", lines: lines,
      xRange: 0...Double(iterations),
      yRange: 0...max(20, (last / 10).rounded(.up) * 10 + 10))
  }

  private func responses(_ title: String, sorted: Bool) -> LineChart {
    let lines = results.enumerated().compactMap { place, result -> LineChart.Line? in
      var values = result.shownResponses
      if sorted { values.sort(by: >) }
      guard !values.isEmpty else { return nil }
      return LineChart.Line(
        name: result.trial.name,
        points: values.enumerated().map { (Double($0.offset + 1), $0.element) }, color: place,
        isDashed: result.trial.isPlain)
    }
    return LineChart(
      title: title, xLabel: sorted ? "layers, sorted by magnitude" : "layer",
      yLabel: "standard deviation", lines: lines,
      yRange: 0...max(1, lines.flatMap(\.points).map(\.y).filter(\.isFinite).max() ?? 1))
  }
}
