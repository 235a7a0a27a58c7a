extension Network {
  /// The network as a table; see ``Graph/summary(name:input:)``. Without `input`, for images of
  /// the published size.
  public func summary(input: Extent? = nil) throws(ResNetError) -> String {
    try Graph(self).summary(name: name, input: input ?? publishedExtent)
  }
}

extension Graph {
  /// A table of the layers in fixed-width text, one line each, with output size (channels x height
  /// x width), parameters and multiply-adds for one image of that size, and their totals. BN, ReLU
  /// and maxout stand on the line of the layer that they follow. Ends with a newline.
  ///
  /// Throws `shapeMismatch` where ``multiplyAdds(input:)`` does.
  public func summary(name: String, input: Extent) throws(ResNetError) -> String {
    let extents = try extents(input: input)
    let work = multiplyAddsPerLayer(extents: extents)

    var rows = [["layer", "operation", "output", "parameters", "multiply-adds"]]
    for group in groups() {
      let last = group.upperBound - 1
      let operations = group.compactMap { describe(layers[$0].operation) }
      rows.append([
        layers[group.lowerBound].name,
        operations.joined(separator: ", "),
        last == layers.count - 1
          ? "\(layers[last].channels)" : "\(layers[last].channels)x\(extents[last])",
        countText(group.reduce(0) { $0 + parameterCount(ofLayer: $1) }),
        countText(group.reduce(0) { $0 + work[$1] }),
      ])
    }
    rows.append([
      "total", "\(weightedLayers) weighted layers", "", countText(parameterCount),
      countText(work.reduce(0, +)),
    ])

    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { row in
      row.indices.map { column in
        pad(row[column], to: widths[column], atEnd: column < 2)
      }.joined(separator: "  ")
    }
    let rule = String(repeating: "-", count: widths.reduce(0, +) + 2 * (widths.count - 1))
    lines.insert(rule, at: lines.count - 1)
    lines.insert(rule, at: 1)
    lines.insert("\(name), input \(layers[0].channels)x\(input)", at: 0)
    return lines.joined(separator: "\n") + "\n"
  }

  /// Each layer but the input, together with the BN and activation that directly follow it.
  private func groups() -> [Range<Int>] {
    var groups: [Range<Int>] = []
    for index in layers.indices.dropFirst() {
      let layer = layers[index]
      let follows =
        switch layer.operation {
        case .batchNorm, .relu, .maxout: true
        default: false
        }
      if follows, layer.inputs == [index - 1], let group = groups.popLast() {
        groups.append(group.lowerBound..<index + 1)
      } else {
        groups.append(index..<index + 1)
      }
    }
    return groups
  }
}

/// In the paper's words.
private func describe(_ operation: Graph.Operation) -> String? {
  switch operation {
  case .input: nil
  case .convolution(let kernel, let stride, _, _): "\(kernel)x\(kernel) conv" + describe(stride)
  case .batchNorm: "BN"
  case .relu: "ReLU"
  case .maxout(let pieces): "maxout of \(pieces)"
  case .gate: "highway gate"
  case .add: "add shortcut"
  case .maxPool(let kernel, let stride, _, let ceil):
    "\(kernel)x\(kernel) max pool" + describe(stride) + (ceil ? ", ceil" : "")
  case .padShortcut(let stride, _): "identity, zero-padded" + describe(stride)
  case .flatten(let window): "\(window)x\(window) patches as vectors"
  case .globalAveragePool: "global average pool"
  case .linear: "fully connected"
  }
}

private func describe(_ stride: Int) -> String { stride == 1 ? "" : " /\(stride)" }

/// `1234567` as `1,234,567`, nothing as `-`.
private func countText(_ count: Int) -> String {
  guard count > 0 else { return "-" }
  var text = ""
  for (index, digit) in String(count).reversed().enumerated() {
    if index > 0, index.isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return String(text.reversed())
}

private func pad(_ text: String, to width: Int, atEnd: Bool) -> String {
  let padding = String(repeating: " ", count: width - text.count)
  return atEnd ? text + padding : padding + text
}
