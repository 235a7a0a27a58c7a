import ResNet

/// What the description of a whole model (`model_config` in Keras 2's files, `config.json` in Keras 3's) says
/// that its weights do not: BN's epsilon, and which convolution of a block has the stride.
///
/// It is JSON as Python writes it. All that is wanted of it are a few members, which are looked for by their
/// names; a model that has them not is refused.
struct KerasConfig {
  let epsilon: Double
  let bottleneckStride: Network.BottleneckStride

  /// Second convolutions of first blocks that halve their maps, by their names now and at first.
  private static let middles = ["conv3_block1_2_conv", "res3a_branch2b"]

  init(_ text: String) throws(ResNetError) {
    let text = Array(text.utf8)
    var epsilons: Set<Double> = []
    var position = 0
    // Optimizers and other layers have epsilons, too.
    while let start = Self.end(
      of: "\"class_name\": \"BatchNormalization\"", in: text, from: position)
    {
      position = start
      guard let value = Self.value(of: "epsilon", in: text, from: &position) else { break }
      guard let number = Double(String(decoding: value, as: UTF8.self)), number > 0, number < 1
      else {
        throw ResNetError(
          .badFormat,
          "its description has an epsilon of \(String(decoding: value, as: UTF8.self).shown)")
      }
      epsilons.insert(number)
    }
    guard let epsilon = epsilons.first, epsilons.count == 1 else {
      throw ResNetError(
        .badFormat,
        "its description says \(epsilons.isEmpty ? "no" : "more than one") epsilon of batch normalisation "
          + "(\(epsilons.sorted().map { "\($0)" }.shown())), expected one for all layers")
    }
    self.epsilon = epsilon
    bottleneckStride = try Self.bottleneckStride(in: text)
  }

  private static func bottleneckStride(in text: [UInt8]) throws(ResNetError)
    -> Network.BottleneckStride
  {
    for name in middles {
      guard var position = end(of: "\"name\": \"\(name)\"", in: text, from: 0) else { continue }
      let strides = value(of: "strides", in: text, from: &position)
      switch strides.map({ String(decoding: $0, as: UTF8.self) }) {
      case "[1": return .conv1x1
      case "[2": return .conv3x3
      default:
        throw ResNetError(.badFormat, "its description gives \(name) no stride of 1 or 2")
      }
    }
    // There is one stage, whose stride is 1.
    return .conv1x1
  }

  /// The text of the next member of that name, up to a comma or a bracket's end, and where it ends.
  private static func value(of name: String, in text: [UInt8], from position: inout Int)
    -> ArraySlice<UInt8>?
  {
    guard let start = end(of: "\"\(name)\": ", in: text, from: position) else { return nil }
    let value = text[start...].prefix { !",}]".utf8.contains($0) }
    position = value.endIndex
    return value
  }

  /// Where the next occurrence of a part ends.
  private static func end(of part: String, in text: [UInt8], from start: Int) -> Int? {
    let part = Array(part.utf8)
    var index = start
    while index + part.count <= text.count {
      if text[index] == part[0], text[index...].starts(with: part) { return index + part.count }
      index += 1
    }
    return nil
  }
}
