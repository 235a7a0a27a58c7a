import ResNet

/// A network as pairs of strings, for formats that keep such pairs. The names and values are those of the
/// attributes in model files (docs/FORMAT.md), after `libresnet.`; lists are separated by commas.
enum NetworkText {
  private static let prefix = "libresnet."
  /// Padded where it is missing.
  private static let stemPool = "stem_pool"

  /// Names of the numbers of a network, in the order of `numbers`.
  private static let numberNames = [
    "input_channels", "stem_width", "classes", "window", "maxout_pieces", "block_stride_on",
  ]
  private static let listNames = [
    "stage_blocks", "stage_widths", "stage_strides", "stage_max_pools", "block_kernels",
    "block_width_multiples", "hidden_widths",
  ]

  static func pairs(of network: Network) -> [(key: String, value: String)] {
    var pairs = [
      ("name", network.name), ("stem", network.stem.rawValue),
      ("shortcut", network.shortcut.rawValue),
      ("bottleneck_stride", network.bottleneckStride.rawValue),
      ("zero_channels", network.zeroChannels.rawValue), ("affine", network.affine.rawValue),
    ]
    if network.stemPool != .padded { pairs.append((stemPool, network.stemPool.rawValue)) }
    var pieces = 1
    if case .maxout(let count) = network.activation { pieces = count }
    let numbers = [
      network.inputChannels, network.stemWidth, network.classes, network.window, pieces,
      network.block.strideOn,
    ]
    for (name, number) in zip(numberNames, numbers) { pairs.append((name, "\(number)")) }
    let lists = [
      network.stages.map(\.blocks), network.stages.map(\.width), network.stages.map(\.stride),
      network.stages.map(\.maxPool), network.block.layers.map(\.kernel),
      network.block.layers.map(\.widthMultiple), network.hidden,
    ]
    for (name, list) in zip(listNames, lists) {
      pairs.append((name, list.map { "\($0)" }.joined(separator: ",")))
    }
    return pairs.map { (prefix + $0.0, $0.1) }
  }

  /// The network that the pairs describe; nil if they describe none. It may be one that cannot be.
  static func network(in pairs: [String: String]) -> Network? {
    func text(_ name: String) -> String { pairs[prefix + name] ?? "" }
    var numbers: [Int] = []
    for name in numberNames {
      guard let number = Int(text(name)) else { return nil }
      numbers.append(number)
    }
    var lists: [[Int]] = []
    for name in listNames {
      var list: [Int] = []
      for part in text(name).split(separator: ",") {
        guard let number = Int(part), list.count < Network.Limits.blocks else { return nil }
        list.append(number)
      }
      lists.append(list)
    }
    let stageCount = lists[0].count
    guard let stem = Network.Stem(rawValue: text("stem")),
      let pool = Network.StemPool(
        rawValue: pairs[prefix + stemPool] ?? Network.StemPool.padded.rawValue),
      let shortcut = Network.Shortcut(rawValue: text("shortcut")),
      let stride = Network.BottleneckStride(rawValue: text("bottleneck_stride")),
      let zeros = Network.ZeroChannels(rawValue: text("zero_channels")),
      let affine = Network.Affine(rawValue: text("affine")),
      lists[1...3].allSatisfy({ $0.count == stageCount }), lists[4].count == lists[5].count
    else { return nil }
    return Network(
      name: text("name"), inputChannels: numbers[0], stem: stem, stemWidth: numbers[1],
      stemPool: pool,
      block: Network.Block(
        lists[4].indices.map { .init(kernel: lists[4][$0], widthMultiple: lists[5][$0]) },
        strideOn: numbers[5]),
      stages: lists[0].indices.map {
        .init(
          blocks: lists[0][$0], width: lists[1][$0], stride: lists[2][$0], maxPool: lists[3][$0])
      },
      shortcut: shortcut, bottleneckStride: stride, zeroChannels: zeros, affine: affine,
      activation: numbers[4] == 1 ? .relu : .maxout(pieces: numbers[4]), window: numbers[3],
      hidden: lists[6], classes: numbers[2])
  }
}
