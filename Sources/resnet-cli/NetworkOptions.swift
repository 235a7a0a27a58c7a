import ArgumentParser
import ResNet

/// Changes to a preset network, shared by the subcommands that make one.
struct NetworkOptions: ParsableArguments {
  @Option(help: "The family of a name that both have, such as resnet50.")
  var family: Network.Family?

  @Option(
    help: """
      Number of classes. (default: those of the images at hand, or 1000 for ImageNet, 10 for CIFAR networks)
      """)
  var classes: Int?

  @Option(help: "Channels of the images. (default: those of the images at hand, or 3)")
  var inputChannels: Int?

  @Option(help: "Channels of the first stage. (default: 64 for ImageNet, 16 for CIFAR networks)")
  var baseWidth: Int?

  @Option(help: "The layers before the first stage.")
  var stem: Network.Stem?

  @Option(help: "Where the ImageNet stem's pooling has its windows. (default: padded)")
  var stemPool: Network.StemPool?

  @Option(help: "The shortcut option of the paper. (default: B for ImageNet, A for CIFAR networks)")
  var shortcut: Network.Shortcut?

  @Option(help: "The bottleneck convolution that carries the stride. (default: 1x1)")
  var strideOn: Network.BottleneckStride?

  @Option(help: "Where shortcut A puts its zero channels. (default: after)")
  var zeroChannels: Network.ZeroChannels?

  /// Of the options, in the order of ``given``.
  static let names = [
    "family", "classes", "input-channels", "base-width", "stem", "stem-pool", "shortcut",
    "stride-on",
    "zero-channels",
  ]

  /// The names of those that are given.
  var given: [String] {
    let isGiven = [
      family != nil, classes != nil, inputChannels != nil, baseWidth != nil, stem != nil,
      stemPool != nil, shortcut != nil, strideOn != nil, zeroChannels != nil,
    ]
    return zip(Self.names, isGiven).compactMap { $1 ? $0 : nil }
  }

  func validate() throws {
    for case (let name, let value?) in [
      ("classes", classes), ("input-channels", inputChannels), ("base-width", baseWidth),
    ] where value < 1 {
      throw ValidationError("--\(name) is \(value), expected 1 or more")
    }
  }

  /// Notes what makes the preset the network.
  func describe(_ network: Network, in settings: inout Settings) {
    settings.set("family", family?.rawValue)
    settings.set("classes", network.classes)
    settings.set("input-channels", network.inputChannels)
    settings.set("base-width", baseWidth)
    settings.set("stem", stem?.rawValue)
    settings.set("stem-pool", stemPool?.rawValue)
    settings.set("shortcut", shortcut?.rawValue)
    settings.set("stride-on", strideOn?.rawValue)
    settings.set("zero-channels", zeroChannels?.rawValue)
  }

  /// The network, with the classes and channels of `data` where no option says another number.
  func network(_ preset: String, for data: (any TrainingData)? = nil) throws -> Network {
    let network = try Network.preset(
      preset, family: family, classes: classes ?? data?.classes,
      inputChannels: inputChannels ?? data?.channels,
      baseWidth: baseWidth, stem: stem, stemPool: stemPool, shortcut: shortcut,
      bottleneckStride: strideOn, zeroChannels: zeroChannels)
    if strideOn != nil, network.block != .bottleneck {
      throw ResNetError(
        .invalidArgument,
        "--stride-on is for bottleneck blocks, and \(network.name) has none: leave it out")
    }
    if zeroChannels != nil, network.shortcut != .a {
      throw ResNetError(
        .invalidArgument,
        "--zero-channels is for shortcut option A, and \(network.name) has \(network.shortcut.rawValue): leave it "
          + "out, or give --shortcut A")
    }
    return network
  }
}

extension Network.Family: ExpressibleByArgument {}
extension Network.Stem: ExpressibleByArgument {}
extension Network.StemPool: ExpressibleByArgument {}
extension Network.Shortcut: ExpressibleByArgument {}
extension Network.BottleneckStride: ExpressibleByArgument {}
extension Network.ZeroChannels: ExpressibleByArgument {}
