import Testing

@testable import ResNet

/// What is said beforehand is what is allocated then.
@Suite struct MemoryNeedsTests {
  private static let networks: [Network] = [
    smallNetwork(),
    smallNetwork(
      stem: .imageNet, block: .bottleneck,
      stages: [.init(blocks: 2, width: 24, stride: 1), .init(blocks: 1, width: 40, stride: 2)],
      classes: 33),
  ]

  /// The last runs in several parts, the last of which is smaller.
  @Test(arguments: networks, [(1, 32, 32), (5, 40, 56), (601, 16, 16)])
  func inference(_ network: Network, _ images: (count: Int, height: Int, width: Int)) throws {
    let model = try Model(network)
    let needs = try model.inferenceMemory(
      count: images.count, height: images.height, width: images.width)
    #expect(model.inference.bytes == 0, "nothing is allocated by asking")
    let pixels = [Float](repeating: 0, count: images.count * 3 * images.height * images.width)
    _ = try model.logits(
      Images(
        .float(pixels), count: images.count, channels: 3, height: images.height,
        width: images.width))
    #expect(needs.packedWeights + needs.workspace == model.inference.bytes)
    #expect(needs.packedWeights >= model.layout.trainableFloats * 4)
    #expect(needs.parameters == model.layout.totalFloats * 4)
    #expect(needs.gradients == 0 && needs.momentum == 0)
    #expect(needs.total == needs.parameters + needs.packedWeights + needs.workspace)
  }

  @Test(arguments: networks, [2, 9])
  func training(_ network: Network, _ batch: Int) throws {
    let model = try Model(network)
    let needs = try model.trainingMemory(batch: batch, height: 32, width: 48)
    let engine = try TrainingEngine(
      model, batch: batch, extent: Extent(height: 32, width: 48))
    #expect(needs.workspace == engine.planBytes)
    #expect(needs.gradients == model.layout.trainableFloats * 4)
    #expect(needs.momentum == needs.gradients && needs.packedWeights == 0)
    #expect(
      needs.total
        == needs.parameters + needs.gradients + needs.momentum + needs.workspace)
  }

  /// Planning allocates nothing: source, shortcut and sum of this image's block alone, 16 channels of
  /// 2^32 pixels each, are 768 GiB.
  @Test func hugeImagesCanBePlannedFor() throws {
    let model = try Model(smallNetwork())
    let needs = try model.inferenceMemory(count: 1, height: 1 << 16, width: 1 << 16)
    #expect(needs.workspace >= 3 << 38)
  }

  /// Nor does it look at each image: 2^34 tiles of the first convolution alone.
  @Test(.timeLimit(.minutes(1))) func hugeBatchesCanBePlannedFor() throws {
    let model = try Model(smallNetwork())
    let needs = try model.trainingMemory(batch: 1 << 24, height: 128, width: 128)
    #expect(needs.workspace >= 1 << 44)
  }

  @Test func whatCannotBePlannedForIsRefused() throws {
    let model = try Model(Self.networks[1])
    for (count, height, width) in [
      (0, 8, 8), (1, 0, 8), (1, 8, -1), (.max, 8, 8), (1, 1 << 17, 1), (1, 1, .max),
    ] {
      expectNetworkError(.shapeMismatch) {
        _ = try model.inferenceMemory(count: count, height: height, width: width)
      }
      expectNetworkError(.shapeMismatch) {
        _ = try model.trainingMemory(batch: count, height: height, width: width)
      }
    }
    expectNetworkError(.invalidArgument) {
      _ = try model.trainingMemory(batch: 1, height: 4, width: 4)
    }
  }
}
