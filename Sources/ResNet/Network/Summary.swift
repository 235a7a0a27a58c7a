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
    let layers = try layerRows(input: input)
    var rows = [["layer", "operation", "output", "parameters", "multiply-adds"]]
    rows += layers.map { row in
      [
        row.name, row.operation,
        row.extent.map { "\(row.channels)x\($0)" } ?? "\(row.channels)",
        countText(row.parameters), countText(row.multiplyAdds),
      ]
    }
    rows.append([
      "total", "\(weightedLayers) weighted layers", "", countText(parameterCount),
      countText(layers.reduce(0) { $0 + $1.multiplyAdds }),
    ])
    return "\(name), input \(self.layers[0].channels)x\(input)\n" + table(rows, textColumns: 2)
  }

  /// What ``summary(name:input:)`` has of each layer.
  package func layerRows(input: Extent) throws(ResNetError) -> [LayerRow] {
    let extents = try extents(input: input)
    let work = multiplyAddsPerLayer(extents: extents)
    return groups().map { group in
      let last = group.upperBound - 1
      return LayerRow(
        name: layers[group.lowerBound].name,
        operation: group.compactMap { describe(layers[$0].operation) }.joined(separator: ", "),
        channels: layers[last].channels,
        extent: last == layers.count - 1 ? nil : extents[last],
        parameters: group.reduce(0) { $0 + parameterCount(ofLayer: $1) },
        multiplyAdds: group.reduce(0) { $0 + work[$1] })
    }
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

/// A layer with the BN and the activation that directly follow it.
package struct LayerRow {
  package let name: String
  /// In the paper's words, such as `3x3 conv /2, BN, ReLU`.
  package let operation: String
  /// Of the output.
  package let channels: Int
  /// Of the output; nil for the scores.
  package let extent: Extent?
  package let parameters: Int
  /// Of one image.
  package let multiplyAdds: Int
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
