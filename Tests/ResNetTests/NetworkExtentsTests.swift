import Testing

@testable import ResNet

@Suite("Feature maps have the sizes of the paper's tables")
struct NetworkExtentsTests {
  private func extents(_ network: Network, _ input: Extent? = nil) throws -> [String: Extent] {
    let graph = try Graph(network)
    let extents = try graph.extents(input: input ?? network.publishedExtent)
    #expect(extents.count == graph.layers.count)
    return Dictionary(uniqueKeysWithValues: zip(graph.layers.map(\.name), extents))
  }

  private func square(_ side: Int) -> Extent { Extent(height: side, width: side) }

  @Test(
    "ImageNet networks have the output sizes of Table 1",
    arguments: ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain34"])
  func table1(name: String) throws {
    let network = try Network.preset(name)
    let sizes = try extents(network)
    #expect(sizes["input"] == square(224))
    #expect(sizes["conv1"] == square(112))
    #expect(sizes["maxpool"] == square(56))
    for (stage, side) in [(1, 56), (2, 28), (3, 14), (4, 7)] {
      for block in 0..<network.stages[stage - 1].blocks {
        #expect(sizes["layer\(stage).\(block).relu"] == square(side))
      }
    }
    #expect(sizes["avgpool"] == square(1))
    #expect(sizes["fc"] == square(1))
  }

  /// Caffe's rule: ceil((n - 3) / 2) + 1 windows over the n pixels that the convolution leaves.
  @Test(
    "A stem's pooling that rounds up has Caffe's sizes",
    arguments: [
      (224, 56), (3, 1), (4, 1), (5, 1), (6, 1), (7, 2), (8, 2), (9, 2), (10, 2), (11, 3),
      (225, 56),
      (227, 57),
    ])
  func roundedUp(side: Int, expected: Int) throws {
    let network = try Network.preset("resnet50", stemPool: .ceil)
    let sizes = try extents(network, Extent(height: side, width: 224))
    #expect(sizes["maxpool"] == Extent(height: expected, width: 56))
  }

  @Test("Images of which the stem leaves one pixel have none after a pooling without padding")
  func tooSmallToRoundUp() throws {
    let graph = try Graph(.preset("resnet50", stemPool: .ceil))
    for side in [1, 2] {
      expectNetworkError(.shapeMismatch, "maxpool", "3x3 window", "1x112") {
        _ = try graph.extents(input: Extent(height: side, width: 224))
      }
    }
  }

  @Test("CIFAR networks have feature maps of 32, 16 and 8 pixels (section 4.2)")
  func cifar() throws {
    for shortcut in [Network.Shortcut.a, .b, .c] {
      let sizes = try extents(.preset("resnet20", shortcut: shortcut))
      #expect(sizes["conv1"] == square(32))
      #expect(sizes["layer1.2.relu"] == square(32))
      #expect(sizes["layer2.0.conv1"] == square(16))
      #expect(sizes["layer2.2.relu"] == square(16))
      #expect(sizes["layer3.2.relu"] == square(8))
      #expect(sizes["avgpool"] == square(1))
    }
  }

  @Test("A bottleneck's first 1x1 is at the smaller size only if it carries the stride")
  func bottleneckStride() throws {
    #expect(try extents(.preset("resnet50"))["layer2.0.conv1"] == square(28))
    let later = try extents(.preset("resnet50", bottleneckStride: .conv3x3))
    #expect(later["layer2.0.conv1"] == square(56))
    #expect(later["layer2.0.conv2"] == square(28))
  }

  @Test(
    "Branch and shortcut agree on any height and width, odd ones and a single pixel too",
    arguments: [1, 2, 3, 5, 7, 8, 33, 225])
  func oddSizes(height: Int) throws {
    let width = height + 6
    for shortcut in [Network.Shortcut.a, .b, .c] {
      let sizes = try extents(
        .preset("resnet20", shortcut: shortcut), Extent(height: height, width: width))
      #expect(
        sizes["layer3.2.add"] == Extent(height: (height + 3) / 4, width: (width + 3) / 4))
    }
    for stride in Network.BottleneckStride.allCases {
      let sizes = try extents(
        .preset("resnet50", bottleneckStride: stride), Extent(height: height, width: width))
      #expect(
        sizes["layer4.2.add"] == Extent(height: (height + 31) / 32, width: (width + 31) / 32))
    }
  }

  @Test("Images without pixels, or beyond the limit, are refused with the size they had")
  func badInput() throws {
    let graph = try Graph(.preset("resnet20"))
    for (height, width) in [(0, 32), (32, 0), (-1, 32), (.min, .max), (32, 65537)] {
      expectNetworkError(.shapeMismatch, "\(height)x\(width)", "1 to 65536") {
        _ = try graph.extents(input: Extent(height: height, width: width))
      }
      expectNetworkError(.shapeMismatch) {
        _ = try graph.multiplyAdds(input: Extent(height: height, width: width))
      }
      expectNetworkError(.shapeMismatch) {
        _ = try graph.summary(name: "x", input: Extent(height: height, width: width))
      }
    }
  }

  @Test("A map that would have no pixel is refused by the name of its layer")
  func vanishing() throws {
    // No network is lowered to such a layer, but extents must not depend on that.
    let graph = Graph(layers: [
      .init(name: "input", operation: .input, inputs: [], channels: 1),
      .init(
        name: "wide", operation: .convolution(kernel: 7, stride: 2, padding: 0), inputs: [0],
        channels: 1),
    ])
    #expect(try graph.extents(input: square(7)) == [square(7), square(1)])
    expectNetworkError(.shapeMismatch, "wide", "7x7", "6x9") {
      _ = try graph.extents(input: Extent(height: 6, width: 9))
    }
  }

  @Test("An addition of maps of different sizes is refused by its name and both sizes")
  func addition() throws {
    let graph = Graph(layers: [
      .init(name: "input", operation: .input, inputs: [], channels: 1),
      .init(
        name: "half", operation: .convolution(kernel: 3, stride: 2, padding: 1), inputs: [0],
        channels: 1),
      .init(name: "sum", operation: .add, inputs: [1, 0], channels: 1),
    ])
    expectNetworkError(.shapeMismatch, "sum", "4x5", "8x9") {
      _ = try graph.extents(input: Extent(height: 8, width: 9))
    }
  }
}
