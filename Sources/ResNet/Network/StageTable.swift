/// A row of the paper's Table 1: a part of a network whose layers come one after the other, up to the
/// size of its output.
package struct StageRow {
  /// `stem`, `maxpool`, `layer1`, `layer2`, ... and `head`.
  package let name: String
  /// Of its last layer.
  package let channels: Int
  package let extent: Extent
  /// In the table's words, such as `[3x3, 64; 3x3, 64] x 2`.
  package let text: String
  /// As the paper counts them: BN's running statistics are no parameters.
  package let parameters: Int
  /// Of one image.
  package let multiplyAdds: Int
}

extension Network {
  /// The network as the paper's Table 1 has it, for images of that size.
  ///
  /// Throws `invalidArgument` where ``validate()`` does, `shapeMismatch` where
  /// ``Graph/multiplyAdds(input:)`` does.
  package func stageRows(input: Extent) throws(ResNetError) -> [StageRow] {
    let graph = try Graph(self)
    let extents = try graph.extents(input: input)
    let work = graph.multiplyAddsPerLayer(extents: extents)
    func row(_ name: String, _ layers: Range<Int>, _ text: String) -> StageRow {
      let last = layers.upperBound - 1
      return StageRow(
        name: name, channels: graph.layers[last].channels, extent: extents[last], text: text,
        parameters: layers.reduce(0) { $0 + graph.parameterCount(ofLayer: $1) },
        multiplyAdds: layers.reduce(0) { $0 + work[$1] })
    }
    var rows: [StageRow] = []
    let body = (graph.stages.first?.lowerBound ?? 1)..<(graph.stages.last?.upperBound ?? 1)
    switch stem {
    case .none: break
    case .cifar: rows.append(row("stem", 1..<body.lowerBound, "3x3, \(stemWidth)"))
    case .vector: rows.append(row("stem", 1..<body.lowerBound, "\(stemWidth)-d fc"))
    case .imageNet:
      rows.append(row("stem", 1..<body.lowerBound - 1, "7x7, \(stemWidth), stride 2"))
      rows.append(
        row(
          "maxpool", body.lowerBound - 1..<body.lowerBound,
          "3x3 max pool, stride 2\(stemPool == .ceil ? ", ceil" : "")"))
    }
    for (index, (stage, layers)) in zip(stages, graph.stages).enumerated() {
      rows.append(row("layer\(index + 1)", layers, text(stage)))
    }
    rows.append(row("head", body.upperBound..<graph.layers.count, headText))
    return rows
  }

  /// The same as text, with totals. Ends with a newline.
  package func stageTable(input: Extent) throws(ResNetError) -> String {
    let rows = try stageRows(input: input)
    let graph = try Graph(self)
    let lines =
      [["stage", "output", "layers", "parameters", "multiply-adds"]]
      + rows.map { row in
        [
          row.name, "\(row.extent)", row.text, countText(row.parameters),
          countText(row.multiplyAdds),
        ]
      } + [
        [
          "total", "", "\(graph.weightedLayers) weighted layers", countText(graph.parameterCount),
          countText(rows.reduce(0) { $0 + $1.multiplyAdds }),
        ]
      ]
    return "\(name), input \(inputChannels)x\(input), \(attributesText)\n"
      + table(lines, textColumns: 3)
  }

  /// What all blocks have in common.
  private var attributesText: String {
    var text =
      switch shortcut {
      case .a: "shortcuts A (zeros for new channels)"
      case .b: "shortcuts B (projections where dimensions change)"
      case .c: "shortcuts C (projections everywhere)"
      case .none: "no shortcuts"
      case .gate: "highway gates"
      }
    if block == .bottleneck { text += ", stride on the \(bottleneckStride.rawValue)" }
    if activation.pieces > 1 { text += ", maxout of \(activation.pieces)" }
    return text
  }

  private func text(_ stage: Stage) -> String {
    let layers = block.layers.map { layer in
      let width = stage.width * layer.widthMultiple
      return stem == .vector ? "\(width)-d fc" : "\(layer.kernel)x\(layer.kernel), \(width)"
    }
    var text = "[\(layers.joined(separator: "; "))] x \(stage.blocks)"
    if stage.stride > 1 { text += ", stride \(stage.stride)" }
    if stage.maxPool > 0 { text += ", \(stage.maxPool)x\(stage.maxPool) max pool" }
    return text
  }

  private var headText: String {
    var parts: [String] = []
    if stem != .vector, window > 1 { parts.append("\(window)x\(window) patches") }
    parts += hidden.map { "\($0)-d fc" }
    parts += ["average pool", "\(classes)-d fc, softmax"]
    return parts.joined(separator: ", ")
  }
}
