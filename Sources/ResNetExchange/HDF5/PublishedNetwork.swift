import ResNet

/// The convolutions of a network of bottlenecks as the paper's authors published them, which Keras's and
/// Caffe's names can tell.
struct PublishedNetwork {
  /// Counted from 0, as `block`; `index` is 0 for a block's projection.
  typealias Position = (stage: Int, block: Int, index: Int)

  /// Of all blocks, in order.
  let positions: [Position]
  let model: Model

  /// `order` is that of a block's convolutions with a projection. Throws `invalidArgument`, with what
  /// `program` cannot hold, if the network is another.
  init(
    _ model: Model, for program: String, stemPool: Network.StemPool, affines: [Network.Affine],
    order: [Int]
  ) throws(ResNetError) {
    let network = model.network
    let conditions: [(Bool, String)] = [
      (network.block == .bottleneck, "blocks that are not bottlenecks"),
      (network.stem == .imageNet, "a stem other than 7x7 and a max-pooling"),
      (
        network.stemPool == stemPool,
        "a \(network.stemPool.rawValue) pooling in the stem (theirs is \(stemPool.rawValue), which gives "
          + "other scores)"
      ),
      (network.shortcut == .b, "shortcuts other than B"),
      (
        network.bottleneckStride == .conv1x1,
        "the stride on the 3x3 of a bottleneck (v1.5): there it is on the first 1x1"
      ),
      (
        affines.contains(network.affine),
        affines.contains(.bias)
          ? "BN with a bias before it" : "convolutions without BN, or with a bias before it"
      ),
      (network.activation == .relu, "maxout"),
      (network.stages.allSatisfy { $0.maxPool == 0 }, "a max-pooling after a stage"),
      (network.stages.count <= 9, "more than nine stages"),
      (network.hidden.isEmpty && network.window == 1, "hidden layers of the head"),
    ]
    for (holds, what) in conditions where !holds {
      throw ResNetError(
        .invalidArgument, "\(program)'s ResNets cannot hold \(what), as \(network.name) has")
    }
    var positions: [Position] = []
    for (stage, blocks) in network.stages.enumerated() {
      guard model.layout.tensor(named: "layer\(stage + 1).0.downsample.0.weight") != nil else {
        throw ResNetError(
          .invalidArgument,
          "\(program)'s ResNets have a projection in the first block of each stage, and "
            + "\(network.name) has none in stage \(stage + 1)")
      }
      for block in 0..<blocks.blocks {
        for index in order where index > 0 || block == 0 { positions.append((stage, block, index)) }
      }
    }
    self.positions = positions
    self.model = model
  }

  func values(_ name: String) throws(ResNetError) -> [Float] { try model.tensor(named: name) }

  func shape(_ name: String) throws(ResNetError) -> [Int] { try model.find(name).shape }
}
