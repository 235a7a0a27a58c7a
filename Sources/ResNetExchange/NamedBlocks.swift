import ResNet

/// What the names of tensors say of the blocks of a network: `layer2.3.conv1.weight` is of the first
/// convolution of the fourth block of the second stage. Where a block has any tensor it must have
/// the weights of all its convolutions, and all blocks before it must be there.
struct NamedBlocks {
  /// Blocks of each stage, from the first on, as far as they follow one another.
  private(set) var counts: [Int] = []
  /// Convolutions of the block that has most.
  private(set) var layers = 1
  /// The first weight that a network with the others must have, and has not.
  private(set) var missing: String?
  private(set) var haveProjections = false
  /// Whether a block that is not the first of its stage has a projection.
  private(set) var haveLaterProjections = false
  private(set) var haveBatchNorm = false
  private(set) var haveBiases = false

  /// Of all tensors, by their names.
  init(_ shapes: [String: [Int]]) {
    var blocks: Set<String> = []
    var projections: Set<String> = []
    // Blocks of each stage, whatever their numbers.
    var sizes: [Int] = []
    var isBeyond = false
    for name in shapes.keys {
      let parts = name.split(separator: ".")
      guard parts.count > 3, let (stage, block) = Self.place(parts) else { continue }
      let prefix = "layer\(stage).\(block)"
      if stage > Network.Limits.blocks {
        isBeyond = true
      } else if blocks.insert(prefix).inserted {
        while sizes.count < stage { sizes.append(0) }
        sizes[stage - 1] += 1
      }
      let part = parts[2]
      if part == "downsample" {
        projections.insert(prefix)
        if block > 0 { haveLaterProjections = true }
      } else if part.hasPrefix("conv"), let number = Int(part.dropFirst(4)) {
        if number <= Network.Limits.layers { layers = max(layers, number) }
        if parts[3] == "bias" { haveBiases = true }
      } else if part.hasPrefix("bn"), Int(part.dropFirst(2)) != nil {
        haveBatchNorm = true
      }
    }
    haveProjections = !projections.isEmpty

    for stage in 1...max(1, sizes.count) {
      var count = 0
      while blocks.contains("layer\(stage).\(count)") {
        let prefix = "layer\(stage).\(count)"
        for layer in 1...layers where shapes["\(prefix).conv\(layer).weight"] == nil {
          missing = missing ?? "\(prefix).conv\(layer).weight"
        }
        let projection = "\(prefix).downsample.0.weight"
        if projections.contains(prefix), shapes[projection] == nil {
          missing = missing ?? projection
        }
        count += 1
      }
      if count == 0 || count < sizes[stage - 1] {
        missing = missing ?? "layer\(stage).\(count).conv1.weight"
      }
      counts.append(count)
    }
    if isBeyond { missing = missing ?? "layer\(counts.count + 1).0.conv1.weight" }
  }

  /// The number of the stage, from 1 on, and that of the block in it, from 0 on.
  private static func place(_ parts: [Substring]) -> (stage: Int, block: Int)? {
    guard parts[0].hasPrefix("layer"), let stage = Int(parts[0].dropFirst(5)), stage > 0,
      let block = Int(parts[1]), block >= 0
    else { return nil }
    return (stage, block)
  }
}
