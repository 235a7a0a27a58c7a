extension Graph {
  /// The height and width of every layer's output, for images of that size; 1x1 from the global
  /// average pooling on. Those of vectors tell at how many positions there is one.
  ///
  /// A window of k pixels at stride s over n pixels, p added on each side, has
  /// floor((n + 2p - k) / s) + 1 positions, or one more where a pooling rounds up and this is no
  /// whole number; shortcut A keeps every s-th pixel, ceil(n / s).
  ///
  /// Throws `shapeMismatch` if the images have no pixels or more than ``Network/Limits/inputSide``
  /// on a side, if a layer would have no pixel left, or if the two inputs of an addition differ.
  public func extents(input: Extent) throws(ResNetError) -> [Extent] {
    try extents(input: input, to: layers.count - 1)
  }

  /// The same of the layers up to `output` alone.
  func extents(input: Extent, to output: Int) throws(ResNetError) -> [Extent] {
    let sides = 1...Network.Limits.inputSide
    guard sides.contains(input.height), sides.contains(input.width) else {
      throw ResNetError(
        .shapeMismatch,
        "images of \(input) pixels; expected a height and width of 1 to \(sides.upperBound)")
    }
    var extents: [Extent] = []
    extents.reserveCapacity(output + 1)
    for layer in layers[...output] {
      let first = layer.inputs.first.map { extents[$0] } ?? input
      switch layer.operation {
      case .input, .batchNorm, .relu, .maxout, .linear:
        extents.append(first)
      case .flatten(let window):
        extents.append(first.map { max($0 - window, 0) + 1 })
      case .convolution(let kernel, let stride, let padding, _):
        let room = first.map { $0 + 2 * padding }
        extents.append(try windows(of: layer, kernel, stride, room, over: first, input: input))
      case .maxPool(let kernel, let stride, let padding, let ceil):
        // Rounding up is as if there were more room after the last pixel.
        let room = first.map { $0 + 2 * padding + (ceil ? stride - 1 : 0) }
        extents.append(try windows(of: layer, kernel, stride, room, over: first, input: input))
      case .padShortcut(let stride, _):
        extents.append(first.map { ($0 + stride - 1) / stride })
      case .add, .gate:
        for other in layer.inputs where extents[other] != first {
          throw ResNetError(
            .shapeMismatch,
            "\(layer.name) cannot join maps of \(first) and \(extents[other]) pixels: the residual "
              + "branch and the shortcut must have the same size")
        }
        extents.append(first)
      case .globalAveragePool:
        extents.append(Extent(height: 1, width: 1))
      }
    }
    return extents
  }

  /// How many windows have room, which is padding and all.
  private func windows(
    of layer: Layer, _ kernel: Int, _ stride: Int, _ room: Extent, over map: Extent, input: Extent
  ) throws(ResNetError) -> Extent {
    guard min(room.height, room.width) >= kernel else {
      throw ResNetError(
        .shapeMismatch,
        "no pixel is left after \(layer.name): its \(kernel)x\(kernel) window does not fit its "
          + "input of \(map) pixels; use images larger than \(input)")
    }
    return room.map { ($0 - kernel) / stride + 1 }
  }
}

extension Extent: CustomStringConvertible {
  /// `HEIGHTxWIDTH`.
  public var description: String { "\(height)x\(width)" }

  fileprivate func map(_ change: (Int) -> Int) -> Extent {
    Extent(height: change(height), width: change(width))
  }
}
