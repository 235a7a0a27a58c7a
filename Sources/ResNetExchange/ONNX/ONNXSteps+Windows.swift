import ResNet

/// Convolutions and poolings: what their windows are, and what is padded around them.
extension ONNXSteps {
  /// Kernel, stride and padding of a convolution or a max-pooling, each the same in both directions; and
  /// whether the number of windows is rounded up, which is only asked of a pooling.
  func window(
    _ node: ONNXNode, _ value: Value, kernel: [Int], isPooling: Bool = false
  ) throws(ResNetError) -> (kernel: Int, stride: Int, padding: Int, ceil: Bool) {
    let strides = node.ints("strides", default: [1, 1])
    var pads = node.ints("pads", default: [0, 0, 0, 0])
    guard kernel.count == 2, kernel[0] == kernel[1],
      (1...Network.Limits.maxPool).contains(kernel[0]),
      strides.count == 2, strides[0] == strides[1],
      (1...Network.Limits.maxPool).contains(strides[0]),
      pads.count == 4, pads.allSatisfy({ (0...Network.Limits.maxPool).contains($0) }),
      node.ints("dilations", default: [1, 1]) == [1, 1],
      !value.isChannelsLast, !value.isVector
    else {
      throw node.refusal(
        "its window of \(kernel) at strides \(strides), padded by \(pads), is not square, dilated, too "
          + "large or not over the height and width of a map")
    }
    switch node.attribute("auto_pad")?.text ?? "NOTSET" {
    case "NOTSET": break
    case "VALID": pads = [0, 0, 0, 0]
    case "SAME_UPPER" where strides[0] == 1 && kernel[0] % 2 == 1,
      "SAME_LOWER" where strides[0] == 1 && kernel[0] % 2 == 1:
      pads = [Int](repeating: kernel[0] / 2, count: 4)
    default:
      throw node.refusal("its padding depends on the size of the image")
    }
    for side in 0..<4 { pads[side] += value.padding[side] }
    let (stride, ceil) = (strides[0], node.int("ceil_mode", default: 0))
    // Rounding up is as if stride - 1 pixels were padded at the end, and some exporters write that.
    let end = [0, 0, stride - 1, stride - 1]
    if isPooling, stride > 1, pads == end && ceil == 0 || pads == [0, 0, 0, 0] && ceil == 1 {
      return (kernel[0], stride, 0, true)
    }
    guard pads.allSatisfy({ $0 == pads[0] }), ceil == 0 else {
      throw node.refusal(
        "its padding \(pads) is not the same on all sides, or it is rounded up as well")
    }
    return (kernel[0], stride, pads[0], false)
  }

  mutating func convolution(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node, padded: true)
    let weight = try required(node, 1)
    let bias = isGiven(node, 2) ? try required(node, 2) : nil
    let shape = weight.shape
    let most = Network.Limits.width * Network.Limits.widthMultiple
    guard shape.count == 4, shape.allSatisfy({ (1...most).contains($0) }),
      node.int("group", default: 1) == 1,
      node.ints("kernel_shape", default: Array(shape[2...])) == Array(shape[2...])
    else {
      throw node.refusal("its weights have shape \(shape.shown), or it works on groups of channels")
    }
    if value.step == 0, steps[0].channels == 0 { steps[0].channels = shape[1] }
    guard shape[1] == steps[value.step].channels, bias.map({ $0.shape == [shape[0]] }) ?? true
    else {
      throw node.refusal(
        "its weights have shape \(shape.shown), and what it reads has \(steps[value.step].channels) channels"
      )
    }
    let window = try window(node, value, kernel: Array(shape[2...]))
    append(
      index,
      .convolution(
        kernel: window.kernel, stride: window.stride, padding: window.padding, weight, bias: bias),
      value, channels: shape[0])
  }

  mutating func maxPool(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node, padded: true)
    if value.padding != [0, 0, 0, 0] {
      // Zeros are what padding is, the smallest, where nothing is negative.
      guard case .relu = steps[value.step].operation else {
        throw node.refusal("zeros around what may be negative could be the largest")
      }
    }
    let window = try window(
      node, value, kernel: node.ints("kernel_shape", default: []), isPooling: true)
    append(
      index,
      .maxPool(
        kernel: window.kernel, stride: window.stride, padding: window.padding, ceil: window.ceil),
      value)
  }

  /// What adaptive pooling is for maps that have the size that it makes: nothing.
  mutating func averagePool(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node)
    guard
      try window(node, value, kernel: node.ints("kernel_shape", default: [])) == (1, 1, 0, false)
    else {
      throw node.refusal("no network of this library averages windows of a map")
    }
    set(index, value)
  }

  mutating func mean(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    var value = try value(node)
    let axes = (try integers(node, "axes", 1) ?? []).map { $0 < 0 ? $0 + 4 : $0 }.sorted()
    guard axes == (value.isChannelsLast ? [1, 2] : [2, 3]), !value.isVector else {
      throw node.refusal("it is not the mean over height and width")
    }
    value.isVector = node.int("keepdims", default: 1) == 0
    if value.isVector { value.isChannelsLast = false }
    append(index, .average, value)
  }
}
