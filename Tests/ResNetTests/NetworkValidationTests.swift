import ResNet
import Testing

@Suite("A description that cannot be built is refused with a reason")
struct NetworkValidationTests {
  private func refuses(
    _ network: Network, _ fragments: String..., at location: SourceLocation = #_sourceLocation
  ) {
    do {
      try network.validate()
      Issue.record("it was accepted", sourceLocation: location)
    } catch {
      #expect(error.kind == .invalidArgument, sourceLocation: location)
      for fragment in fragments {
        #expect(error.message.contains(fragment), sourceLocation: location)
      }
    }
    // What does not validate is not lowered either.
    #expect(throws: ResNetError.self, sourceLocation: location) { _ = try Graph(network) }
  }

  @Test("Counts of 0, below, and beyond the limits", arguments: [0, -1, Int.min, Int.max])
  func counts(value: Int) {
    refuses(smallNetwork(classes: value), "\"small\"", "\(value) classes", "1 to 1048576")
    refuses(smallNetwork(inputChannels: value), "\(value) input channels", "1 to 1024")
    refuses(smallNetwork(stemWidth: value), "\(value) channels of the stem", "1 to 8192")
    for block in [Network.Block.basic, .bottleneck] {
      for shortcut in Network.Shortcut.allCases {
        refuses(
          smallNetwork(
            block: block, stages: [.init(blocks: 1, width: value, stride: 1)], shortcut: shortcut),
          "\(value) channels as the width of stage 1", "1 to 8192")
      }
    }
    refuses(
      smallNetwork(
        stages: [
          .init(blocks: 1, width: 16, stride: 1), .init(blocks: value, width: 16, stride: 1),
        ]),
      "\(value) blocks in stage 2", "1 to 2048")
  }

  @Test("The limits themselves are accepted")
  func limits() throws {
    let limits = Network.Limits.self
    try smallNetwork(classes: limits.classes).validate()
    try smallNetwork(inputChannels: limits.inputChannels).validate()
    try smallNetwork(stemWidth: limits.width).validate()
    try smallNetwork(
      block: .bottleneck, stages: [.init(blocks: 1, width: limits.width, stride: 1)]
    ).validate()
    try smallNetwork(stages: [.init(blocks: limits.blocks, width: 1, stride: 1)]).validate()
    refuses(smallNetwork(classes: limits.classes + 1), "1048577")
    refuses(smallNetwork(inputChannels: limits.inputChannels + 1), "1025")
    refuses(smallNetwork(stemWidth: limits.width + 1), "8193")
  }

  @Test("A network without stages")
  func noStages() {
    refuses(smallNetwork(stages: []), "no stages")
  }

  @Test("A stride other than 1 and 2", arguments: [0, 3, -2, Int.max])
  func stride(value: Int) {
    refuses(
      smallNetwork(stages: [.init(blocks: 1, width: 16, stride: value)]),
      "stage 1 has stride \(value)", "1 or 2")
  }

  @Test("More blocks than the limit, over all stages together")
  func totalBlocks() {
    let stage = Network.Stage(blocks: 1025, width: 1, stride: 1)
    refuses(smallNetwork(stages: [stage, stage]), "more than 2048 blocks")
    refuses(
      smallNetwork(stages: Array(repeating: .init(blocks: 1, width: 1, stride: 1), count: 2049)),
      "more than 2048 blocks")
  }

  @Test("More parameters than the limit")
  func parameters() {
    let stages = [Network.Stage(blocks: 3, width: 8192, stride: 1)]
    refuses(smallNetwork(stages: stages, shortcut: .none), "parameters", "2147483647")
  }

  @Test("Shortcut A where channels become fewer; a projection can do that")
  func narrowing() throws {
    let stages = [
      Network.Stage(blocks: 1, width: 16, stride: 1), Network.Stage(blocks: 1, width: 8, stride: 2),
    ]
    refuses(
      smallNetwork(stages: stages, shortcut: .a), "stage 2 narrows from 16 to 8", "B or C")
    for shortcut in [Network.Shortcut.b, .c, .none] {
      try smallNetwork(stages: stages, shortcut: shortcut).validate()
    }
    refuses(smallNetwork(stemWidth: 17, shortcut: .a), "stage 1 narrows from 17 to 16")
    // A bottleneck's output is four times as wide.
    try smallNetwork(
      stemWidth: 64, block: .bottleneck, stages: [.init(blocks: 1, width: 16, stride: 1)],
      shortcut: .a
    ).validate()
  }

  @Test("Split zero channels where their number is odd, and only with shortcut A")
  func oddSplit() throws {
    let stages = [Network.Stage(blocks: 1, width: 19, stride: 2)]
    refuses(
      smallNetwork(stages: stages, shortcut: .a, zeroChannels: .split), "stage 1 adds 3 channels",
      "even")
    try smallNetwork(stages: stages, shortcut: .a, zeroChannels: .after).validate()
    try smallNetwork(stages: stages, shortcut: .b, zeroChannels: .split).validate()
  }

  @Test("A name that a file or a C string could not carry")
  func names() throws {
    refuses(smallNetwork(name: ""), "0 bytes")
    refuses(smallNetwork(name: "a\0b"), "control characters")
    refuses(smallNetwork(name: "two\nlines"), "control characters")
    refuses(smallNetwork(name: String(repeating: "é", count: 128)), "256 bytes", "1 to 255")
    try smallNetwork(name: String(repeating: "é", count: 127)).validate()
  }

  @Test("Residual functions without layers, with even kernels, or too long")
  func blocks() throws {
    func block(_ layers: [(Int, Int)], strideOn: Int = 0) -> Network.Block {
      .init(layers.map { .init(kernel: $0.0, widthMultiple: $0.1) }, strideOn: strideOn)
    }
    refuses(smallNetwork(block: block([])), "0 layers in a block", "1 to 16")
    refuses(
      smallNetwork(block: block(Array(repeating: (1, 1), count: 17))), "17 layers in a block")
    for kernel in [0, 2, 4, 9, -1, Int.min, Int.max] {
      refuses(
        smallNetwork(block: block([(3, 1), (kernel, 1)])), "layer 2", "kernel of \(kernel)",
        "1, 3, 5 or 7")
    }
    for multiple in [0, 9, -1, Int.min, Int.max] {
      refuses(
        smallNetwork(block: block([(3, multiple)])), "\(multiple) times the width", "layer 1",
        "1 to 8")
    }
    for index in [-1, 2, Int.min, Int.max] {
      refuses(smallNetwork(block: block([(3, 1), (3, 1)], strideOn: index)), "layer \(index)")
    }
    try smallNetwork(block: block(Array(repeating: (7, 8), count: 16), strideOn: 15)).validate()
  }

  @Test("Stems, poolings, windows, hidden layers and maxout units that cannot be")
  func comparators() throws {
    refuses(smallNetwork(stem: .none), "no stem, but 16 channels", "expected 0")
    try smallNetwork(stem: .none, stemWidth: 0).validate()
    refuses(smallNetwork(stemPool: .ceil), "pooling of its stem is ceil", "stem cifar", "padded")
    for side in [-1, 1, 17, Int.min, Int.max] {
      refuses(
        smallNetwork(stages: [.init(blocks: 1, width: 8, stride: 1, maxPool: side)]),
        "max-pooling of \(side)", "2 to 16")
    }
    for value in [0, -1, Int.min, Int.max] {
      refuses(smallNetwork(window: value), "\(value) pixels", "window", "1 to 32")
      refuses(
        smallNetwork(hidden: [4, value]), "\(value) channels in hidden layer 2", "1 to 8192")
    }
    refuses(smallNetwork(hidden: Array(repeating: 4, count: 17)), "17 hidden layers")
    for pieces in [0, 1, 9, -1, Int.min, Int.max] {
      refuses(
        smallNetwork(shortcut: .none, activation: .maxout(pieces: pieces)), "\(pieces) pieces",
        "2 to 8")
    }
    for shortcut in [Network.Shortcut.a, .b, .c] {
      refuses(
        smallNetwork(shortcut: shortcut, activation: .maxout(pieces: 2)), "maxout", "gate")
    }
    let vector = Network.Block([.init(kernel: 1)])
    try smallNetwork(stem: .vector, block: vector, hidden: [3]).validate()
    refuses(smallNetwork(stem: .vector), "vectors have no height")
    refuses(smallNetwork(stem: .vector, block: vector, window: 2), "vectors have no height")
    for stage in [
      Network.Stage(blocks: 1, width: 16, stride: 2),
      Network.Stage(blocks: 1, width: 16, stride: 1, maxPool: 2),
    ] {
      refuses(smallNetwork(stem: .vector, block: vector, stages: [stage]), "vectors have no height")
    }
    // Without a stem, shortcut A starts from the images.
    refuses(
      smallNetwork(inputChannels: 17, stem: .none, stemWidth: 0, shortcut: .a),
      "narrows from 17 to 16")
  }

  @Test("Every combination of choices that makes sense is accepted and lowered")
  func combinations() throws {
    let stages = [
      Network.Stage(blocks: 2, width: 16, stride: 1),
      Network.Stage(blocks: 1, width: 32, stride: 2),
    ]
    for stem in [Network.Stem.cifar, .imageNet] {
      for block in [Network.Block.basic, .bottleneck] {
        for shortcut in Network.Shortcut.allCases {
          for stride in Network.BottleneckStride.allCases {
            for zeros in Network.ZeroChannels.allCases {
              let network = smallNetwork(
                stem: stem, stemPool: stem == .imageNet ? .ceil : .padded, block: block,
                stages: stages, shortcut: shortcut,
                bottleneckStride: stride, zeroChannels: zeros)
              let graph = try Graph(network)
              #expect(graph.weightedLayers == 2 + 3 * (block == .basic ? 2 : 3))
              #expect(try graph.multiplyAdds(input: network.publishedExtent) > 0)
            }
          }
        }
      }
    }
  }
}
