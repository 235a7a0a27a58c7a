extension Network {
  /// The networks that the paper reports on, by preset name, those of others last. There are more
  /// presets: every CIFAR depth 6n+2, `cifar-resnet50` and `cifar-resnet152` among them.
  public static let publishedPresets: [String] =
    PresetName.imageNet.map(\.name.description)
    + [20, 32, 44, 56, 110, 1202].map { "resnet\($0)" }
    + [20, 32, 44, 56, 110].map { "plain\($0)" } + comparators.map(\.network.name)

  /// A network of the paper, by name.
  ///
  /// - `resnet18`, `resnet34`, `resnet50`, `resnet101`, `resnet152`, `plain18` and `plain34` are
  ///   the ImageNet networks (Table 1);
  /// - `resnetN` and `plainN` with N = 6n+2, n >= 1, the CIFAR networks (section 4.2) with n blocks
  ///   in each of three stages;
  /// - `vgg16`, `vgg19`, `vgg16-bn` and `vgg19-bn` for ImageNet, and `highway19`, `highway32` and
  ///   `fitnet19` for CIFAR, the networks that these are compared with. Of those only the numbers of
  ///   classes and input channels can be changed.
  ///
  /// `resnet50` and `resnet152` are names of both families and mean the ImageNet network; the
  /// prefix `cifar-` or `family` names the other, which is then called `cifar-resnet50`. Every
  /// name may have its family as a prefix. Parameters left nil keep the family's own value.
  ///
  /// - Parameters:
  ///   - name: The preset, in lower case.
  ///   - family: The family to look in; nil for both, ImageNet first.
  ///   - classes: 1000 for ImageNet, 10 for CIFAR presets.
  ///   - inputChannels: 3.
  ///   - baseWidth: Channels of the stem and the first stage, 64 or 16; each further stage has
  ///     twice as many.
  ///   - stem: What comes before the first stage.
  ///   - stemPool: Where the ImageNet stem's pooling has its windows; padded.
  ///   - shortcut: Option B for ImageNet, A for CIFAR, none for plain presets, which take no other.
  ///     Write `Network.Shortcut.none` in full: a bare `.none` is nil, the preset's own value.
  ///   - bottleneckStride: The 1x1, as published. Basic blocks have no such choice.
  ///   - zeroChannels: Where option A puts zero channels; after the old ones.
  /// - Throws: `notFound` if there is no such preset, `invalidArgument` if `family` contradicts the
  ///   prefix, a plain preset is given a shortcut, a network of others is changed otherwise, or
  ///   ``validate()`` rejects the result.
  public static func preset(
    _ name: String, family: Family? = nil, classes: Int? = nil, inputChannels: Int? = nil,
    baseWidth: Int? = nil, stem: Stem? = nil, stemPool: StemPool? = nil,
    shortcut: Shortcut? = nil, bottleneckStride: BottleneckStride? = nil,
    zeroChannels: ZeroChannels? = nil
  ) throws(ResNetError) -> Network {
    if var network = comparator(name, family: family) {
      guard baseWidth == nil, stem == nil, stemPool ?? .padded == .padded, shortcut == nil,
        bottleneckStride ?? .conv1x1 == .conv1x1,
        zeroChannels ?? .after == .after
      else {
        throw ResNetError(
          .invalidArgument,
          "of \(network.name) only the numbers of classes and input channels can be changed; "
            + "describe a network of your own instead")
      }
      network.classes = classes ?? network.classes
      network.inputChannels = inputChannels ?? network.inputChannels
      try network.validate()
      return network
    }
    let (found, family, recipe) = try PresetName.resolve(name, family: family)
    if found.kind == .plain, let shortcut, shortcut != .none {
      throw ResNetError(
        .invalidArgument,
        "\(found) is a plain network and takes no shortcut, but shortcut "
          + "\(shortcut.rawValue) was asked for; use resnet\(found.depth) instead")
    }
    let defaults = family.defaults
    let width = baseWidth ?? defaults.baseWidth
    // Checked before it is doubled from stage to stage, which could overflow.
    guard (1...Limits.width).contains(width) else {
      throw ResNetError(
        .invalidArgument, "the base width is \(width); expected 1 to \(Limits.width)")
    }
    let network = Network(
      name: found.description, inputChannels: inputChannels ?? defaults.inputChannels,
      stem: stem ?? defaults.stem, stemWidth: stem == Stem.none ? 0 : width,
      stemPool: stemPool ?? .padded, block: recipe.block,
      stages: recipe.blocks.enumerated().map { index, blocks in
        Stage(blocks: blocks, width: width << index, stride: index == 0 ? 1 : 2)
      },
      shortcut: shortcut ?? (found.kind == .plain ? .none : defaults.shortcut),
      bottleneckStride: bottleneckStride ?? .conv1x1, zeroChannels: zeroChannels ?? .after,
      classes: classes ?? defaults.classes)
    try network.validate()
    return network
  }

  /// The network of others of that name, which may have its family as a prefix.
  private static func comparator(_ name: String, family: Family?) -> Network? {
    comparators.first { known, network in
      (family == nil || family == known)
        && (name == network.name || name == "\(known.rawValue)-\(network.name)")
    }?.network
  }
}

/// What the name of a preset says, and which networks there are.
struct PresetName: Hashable, CustomStringConvertible {
  enum Kind: String, CaseIterable {
    case residual = "resnet"
    case plain
  }

  /// The blocks that a name stands for, per stage.
  struct Recipe {
    let block: Network.Block
    let blocks: [Int]
  }

  /// The family in front of the name, if any.
  var prefix: Network.Family?
  let kind: Kind
  let depth: Int

  var description: String {
    (prefix.map { "\($0.rawValue)-" } ?? "") + "\(kind.rawValue)\(depth)"
  }

  /// Table 1, and the plain networks of section 4.1.
  static let imageNet: [(name: PresetName, recipe: Recipe)] = [
    (PresetName(kind: .residual, depth: 18), Recipe(block: .basic, blocks: [2, 2, 2, 2])),
    (PresetName(kind: .residual, depth: 34), Recipe(block: .basic, blocks: [3, 4, 6, 3])),
    (PresetName(kind: .residual, depth: 50), Recipe(block: .bottleneck, blocks: [3, 4, 6, 3])),
    (PresetName(kind: .residual, depth: 101), Recipe(block: .bottleneck, blocks: [3, 4, 23, 3])),
    (PresetName(kind: .residual, depth: 152), Recipe(block: .bottleneck, blocks: [3, 8, 36, 3])),
    (PresetName(kind: .plain, depth: 18), Recipe(block: .basic, blocks: [2, 2, 2, 2])),
    (PresetName(kind: .plain, depth: 34), Recipe(block: .basic, blocks: [3, 4, 6, 3])),
  ]

  /// The CIFAR depths 6n+2 (section 4.2).
  static let cifarDepths = stride(from: 8, through: deepestCIFAR, by: 6)
  static let deepestCIFAR = 6 * (Network.Limits.blocks / 3) + 2

  init(prefix: Network.Family? = nil, kind: Kind, depth: Int) {
    self.prefix = prefix
    self.kind = kind
    self.depth = depth
  }

  /// Nil unless `text` has the form `[FAMILY-](resnet|plain)N`.
  init?(parsing text: String) {
    var rest = text[...]
    prefix = Network.Family.allCases.first { rest.hasPrefix("\($0.rawValue)-") }
    if let prefix { rest = rest.dropFirst(prefix.rawValue.count + 1) }
    guard let kind = Kind.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else {
      return nil
    }
    self.kind = kind
    rest = rest.dropFirst(kind.rawValue.count)
    guard let first = rest.first, first != "0", rest.allSatisfy({ ("0"..."9").contains($0) }) else {
      return nil
    }
    // A number too large for an Int is deeper than any network.
    depth = Int(rest) ?? .max
  }

  /// The preset of that name, with a prefix only where it would mean another network without.
  static func resolve(_ text: String, family: Network.Family?) throws(ResNetError)
    -> (name: PresetName, family: Network.Family, recipe: Recipe)
  {
    guard var name = PresetName(parsing: text) else {
      throw unknown(text, nil, family: family)
    }
    if let prefix = name.prefix, let family, prefix != family {
      throw ResNetError(
        .invalidArgument,
        "\(quoted(text)) is a name of the \(prefix.defaults.title) family, but the "
          + "\(family.defaults.title) family was asked for; drop one of them")
    }
    let wanted = name.prefix ?? family
    let known = Network.Family.allCases.filter { name.recipe(in: $0) != nil }
    guard let found = known.first(where: { wanted == nil || wanted == $0 }),
      let recipe = name.recipe(in: found)
    else {
      throw unknown(text, name, family: wanted)
    }
    name.prefix = found == known.first ? nil : found
    return (name, found, recipe)
  }

  private func recipe(in family: Network.Family) -> Recipe? {
    switch family {
    case .imageNet:
      return Self.imageNet.first { $0.name.kind == kind && $0.name.depth == depth }?.recipe
    case .cifar:
      guard Self.cifarDepths.contains(depth) else { return nil }
      return Recipe(block: .basic, blocks: Array(repeating: (depth - 2) / 6, count: 3))
    }
  }

  /// An error that lists what there is in `family`, or in both.
  private static func unknown(_ text: String, _ name: PresetName?, family: Network.Family?)
    -> ResNetError
  {
    var message = "there is no preset \(quoted(text))"
    if let family { message += " in the \(family.defaults.title) family" }
    if let meant = meant(by: text, family: family) {
      message += " (did you mean \(quoted(meant))?)"
    }
    if family != .cifar {
      message +=
        "; ImageNet presets are "
        + (imageNet.map(\.name.description) + comparators(.imageNet)).joined(separator: ", ")
    }
    if family != .imageNet {
      message +=
        "; CIFAR presets are \(comparators(.cifar).joined(separator: ", ")), resnetN and plainN, "
        + "where N must be 6n+2 from 8 to \(deepestCIFAR)"
      if let name {
        let nearest = nearestDepths(to: name.depth).map { "\(name.kind.rawValue)\($0)" }
        message += nearest.count == 1 ? "; nearest is " : "; nearest are "
        message += nearest.joined(separator: " and ")
      }
    }
    return ResNetError(.notFound, message)
  }

  /// The preset that a name with other signs, capitals or a slip of the keyboard stands for.
  private static func meant(by text: String, family: Network.Family?) -> String? {
    guard text.utf8.count <= 60 else { return nil }
    func bare(_ name: String) -> String { name.lowercased().filter { $0.isLetter || $0.isNumber } }
    let families = family.map { [$0] } ?? Network.Family.allCases
    if let name = PresetName(parsing: bare(text)), name.description != text,
      families.contains(where: { name.recipe(in: $0) != nil })
    {
      return name.description
    }
    let known = families.flatMap { family in
      comparators(family)
        + Network.publishedPresets.filter { PresetName(parsing: $0)?.recipe(in: family) != nil }
    }
    if let same = known.first(where: { bare($0) == bare(text) }) { return same }
    // Another depth is no slip.
    guard PresetName(parsing: text) == nil else { return nil }
    let slips = known.map { (name: $0, count: editDistance(from: bare(text), to: bare($0))) }
    return slips.min { $0.count < $1.count }.flatMap { $0.count <= 2 ? $0.name : nil }
  }

  private static func comparators(_ family: Network.Family) -> [String] {
    Network.comparators.filter { $0.family == family }.map(\.network.name)
  }

  /// The CIFAR depths on both sides of a depth that is none, or the one at the end.
  private static func nearestDepths(to depth: Int) -> [Int] {
    let below = cifarDepths.reversed().first { $0 < depth }
    let above = cifarDepths.first { $0 > depth }
    return [below, above].compactMap(\.self)
  }

  /// Names come from outside and may be of any length.
  private static func quoted(_ text: String) -> String {
    text.count <= 60 ? "\"\(text)\"" : "\"\(text.prefix(60))…\""
  }
}
