extension Network {
  /// The two families of networks in the paper.
  public enum Family: String, Hashable, Sendable, CaseIterable {
    /// Table 1: 224x224 images, four stages of 64 to 512 channels, 1000 classes.
    case imageNet = "imagenet"
    /// Section 4.2: 32x32 images, three stages of 16 to 64 channels, 10 classes.
    case cifar
  }

  /// The image size that networks with this stem are published for: 32x32 with the CIFAR stem,
  /// 224x224 with the ImageNet stem, 1x1 for vectors; without a stem that of which the head sees
  /// one window (224x224 for VGG). Other sizes are accepted too.
  public var publishedExtent: Extent {
    let side =
      switch stem {
      case .cifar: 32
      case .imageNet: 224
      case .vector: 1
      case .none:
        stages.reduce(window) { min($0 * $1.stride * max($1.maxPool, 1), Limits.inputSide) }
      }
    return Extent(height: side, width: side)
  }
}

extension Network.Family {
  /// What the presets of a family have in common.
  struct Defaults {
    let title: String
    let stem: Network.Stem
    let classes: Int
    let inputChannels: Int
    /// Channels of the stem and the first stage; each further stage has twice as many.
    let baseWidth: Int
    let shortcut: Network.Shortcut
  }

  var defaults: Defaults {
    switch self {
    case .imageNet:
      Defaults(
        title: "ImageNet", stem: .imageNet, classes: 1000, inputChannels: 3, baseWidth: 64,
        shortcut: .b)
    case .cifar:
      Defaults(
        title: "CIFAR", stem: .cifar, classes: 10, inputChannels: 3, baseWidth: 16, shortcut: .a)
    }
  }
}
