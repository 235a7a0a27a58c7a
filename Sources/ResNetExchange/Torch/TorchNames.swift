import ResNet

/// The names that PyTorch's programs give to the tensors of residual networks: torchvision's, which are
/// this library's; timm's; and those of the usual ports of the CIFAR networks.
enum TorchNames {
  /// Left by wrappers around a whole network.
  private static let prefixes = ["module.", "_orig_mod.", "model."]

  /// What names of networks say that are not in this library.
  private static let refusals: [(part: String, reason: String)] = [
    (
      "conv1.0.", "a stem of several convolutions (timm's resnetNd, ResNet-D) is not in the library"
    ),
    ("downsample.2.", "average pooling before a projection (ResNet-D) is not in the library"),
    (".se.", "squeeze-and-excitation is not in the library"),
    (".se_module.", "squeeze-and-excitation is not in the library"),
    (".attn", "attention is not in the library"),
    ("running_mean_", "statistics of several sets are not in the library"),
  ]

  private static func unwrapped(_ name: String) -> String {
    var name = name
    while let prefix = prefixes.first(where: { name.hasPrefix($0) }) {
      name.removeFirst(prefix.count)
    }
    return name
  }

  /// What the name of the stem begins with where the network is a part of another, as `net.` or
  /// `encoder.backbone.`.
  static func wrapper(of names: [String]) -> (prefix: String, isCommon: Bool)? {
    let names = names.map { unwrapped($0) }
    let stem = "conv1.weight"
    // Those of blocks are not stems.
    let stems = names.filter { name in
      name.hasSuffix("." + stem) && position(of: "layer", in: name) == nil
    }
    guard !names.contains(stem), let shortest = stems.min(by: { $0.utf8.count < $1.utf8.count })
    else { return nil }
    let prefix = String(shortest.dropLast(stem.count))
    return (prefix, names.allSatisfy { $0.hasPrefix(prefix) })
  }

  /// Adds a tensor of a state dict, or what is to be said of it, to what was understood.
  static func add(
    _ origin: String, _ shape: [Int], problem: String? = nil, to weights: inout ImportedWeights,
    _ read: @escaping () throws(ResNetError) -> [Float]
  ) {
    var name = unwrapped(origin)
    if let (prefix, isCommon) = weights.wrapper, isCommon {
      name = unwrapped(String(name.dropFirst(prefix.count)))
    }
    if name.hasSuffix(".num_batches_tracked") {
      weights.notes.append(
        .init(
          .ignored, origin, "BN's count of batches, which is needed for training by PyTorch alone"))
      return
    }
    if let refusal = refusals.first(where: { position(of: $0.part, in: name) != nil }) {
      weights.notes.append(.init(.unexpected, origin, refusal.reason))
      return
    }
    if name.hasPrefix("last_linear.") { name = "fc." + name.dropFirst(12) }
    // The first ports of the CIFAR networks to PyTorch call the classifier so, and put shortcut A's zeros
    // on both sides.
    if name.hasPrefix("linear.") {
      name = "fc." + name.dropFirst(7)
      weights.zeroChannels = .split
    }
    let shortcut = ".shortcut."
    if let start = position(of: shortcut, in: name) {
      let bytes = Array(name.utf8)
      name =
        String(decoding: bytes[..<start], as: UTF8.self) + ".downsample."
        + String(decoding: bytes[(start + shortcut.utf8.count)...], as: UTF8.self)
    }
    weights.tensors.append(
      ImportedTensor(name, shape, origin: origin, problem: problem, read: read))
  }

  /// Where a part of a name begins. (The standard library's own search brings regular expressions with it,
  /// a megabyte and a half.)
  private static func position(of part: String, in name: String) -> Int? {
    let (part, name) = (Array(part.utf8), Array(name.utf8))
    guard name.count >= part.count else { return nil }
    return (0...(name.count - part.count)).first { name[$0...].starts(with: part) }
  }
}
