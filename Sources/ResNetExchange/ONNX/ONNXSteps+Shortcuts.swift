import ResNet

/// What a shortcut without parameters is made of.
extension ONNXSteps {
  mutating func pad(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    var value = try value(node, padded: true)
    guard let pads = try integers(node, "pads", 1), pads.count == 8, !isGiven(node, 3),
      pads.allSatisfy({ (0...Network.Limits.width * 8).contains($0) }),
      (node.attribute("mode")?.text ?? "constant") == "constant", !value.isVector,
      isGiven(node, 2) ? try required(node, 2).number() == 0 : true,
      (node.attribute("value")?.float ?? 0) == 0
    else {
      throw node.refusal("it does not pad with zeros")
    }
    let channel = value.isChannelsLast ? 3 : 1
    let row = value.isChannelsLast ? 1 : 2
    let around = [pads[row], pads[row + 1], pads[row + 4], pads[row + 5]]
    guard pads[0] == 0, pads[4] == 0 else { throw node.refusal("it pads with images") }
    let (before, after) = (pads[channel], pads[channel + 4])
    if before + after == 0 {
      for side in 0..<4 { value.padding[side] += around[side] }
      return set(index, value)
    }
    guard around + value.padding == [Int](repeating: 0, count: 8), value.step > 0 else {
      throw node.refusal("it pads channels and pixels")
    }
    append(
      index, .zeros(before: before, after: after), value,
      channels: steps[value.step].channels + before + after)
  }

  mutating func slice(_ index: Int) throws(ResNetError) {
    let node = nodes[index]
    let value = try value(node)
    var parts: [[Int]] = []
    for input in 1..<5 { parts.append(try required(node, input).tensor.integers()) }
    let (starts, ends, axes, strides) = (parts[0], parts[1], parts[2], parts[3])
    var step = [1, 1]
    for place in axes.indices {
      let axis = axes[place] < 0 ? axes[place] &+ 4 : axes[place]
      guard place < starts.count, place < ends.count, place < strides.count, starts[place] == 0,
        ends[place] >= Int(Int32.max), !value.isChannelsLast, !value.isVector,
        axis == 2 || axis == 3 || strides[place] == 1, (1...2).contains(strides[place])
      else {
        throw node.refusal("it does not take every pixel, or every second one of the whole map")
      }
      if axis == 2 || axis == 3 { step[axis - 2] = strides[place] }
    }
    if case .pixels(let rows, let columns) = steps[value.step].operation, uses[node.inputs[0]] == 1
    {
      step = [rows * step[0], columns * step[1]]
      guard max(step[0], step[1]) <= Network.Limits.inputSide else {
        throw node.refusal("no map has so many pixels")
      }
      steps[value.step].operation = .pixels(step[0], step[1])
      return set(index, value)
    }
    append(index, .pixels(step[0], step[1]), value)
  }
}
