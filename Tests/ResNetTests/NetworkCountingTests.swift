import ResNet
import Testing

@Suite("A network counts its parameters, multiply-adds and layers as the paper does")
struct NetworkCountingTests {
  @Test(
    "Parameter counts are the published ones",
    arguments: [
      ("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032),
      ("resnet101", 44_549_160), ("resnet152", 60_192_808), ("resnet20", 269_722),
      ("resnet32", 464_154), ("resnet56", 853_018),
    ])
  func parameters(name: String, expected: Int) throws {
    #expect(try Graph(.preset(name)).parameterCount == expected)
  }

  @Test(
    "Each n adds two 3x3 convolutions with BN per stage to a CIFAR network",
    arguments: [("resnet44", 7), ("resnet110", 18), ("resnet1202", 200)])
  func parametersByDepth(name: String, n: Int) throws {
    let expected = 269_722 + (n - 3) * (18 * (256 + 1024 + 4096) + 4 * (16 + 32 + 64))
    #expect(try Graph(.preset(name)).parameterCount == expected)
  }

  @Test("The counts that the paper gives in millions hold: 0.66, 1.7 and 19.4")
  func roundedParameters() throws {
    func count(_ name: String, per unit: Double) throws -> Double {
      (Double(try Graph(.preset(name)).parameterCount) / unit).rounded()
    }
    #expect(try count("resnet44", per: 1e4) == 66)
    #expect(try count("resnet110", per: 1e5) == 17)
    #expect(try count("resnet1202", per: 1e5) == 194)
  }

  @Test("plain-18 and plain-34 are their residual twins less the three projections")
  func plainParameters() throws {
    // conv1 and bn1; each 3x3 convolution with its BN, by input and output channels; fc.
    let stem = 3 * 64 * 49 + 2 * 64
    let fc = 512 * 1000 + 1000
    func conv(_ inputs: Int, _ outputs: Int) -> Int { 9 * inputs * outputs + 2 * outputs }
    let entries = conv(64, 128) + conv(128, 256) + conv(256, 512)
    let plain18 =
      stem + 4 * conv(64, 64) + 3 * conv(128, 128) + 3 * conv(256, 256) + 3 * conv(512, 512)
      + entries + fc
    let plain34 =
      stem + 6 * conv(64, 64) + 7 * conv(128, 128) + 11 * conv(256, 256) + 5 * conv(512, 512)
      + entries + fc
    #expect(plain18 == 11_515_688)
    #expect(plain34 == 21_623_848)
    #expect(try Graph(.preset("plain18")).parameterCount == plain18)
    #expect(try Graph(.preset("plain34")).parameterCount == plain34)
    let projections = (64 * 128 + 256) + (128 * 256 + 512) + (256 * 512 + 1024)
    #expect(plain18 + projections == 11_689_512)
    #expect(plain34 + projections == 21_797_672)
  }

  @Test("Shortcut A costs no parameters: a CIFAR network has as many as its plain twin")
  func identityIsFree() throws {
    #expect(try Graph(.preset("plain56")).parameterCount == 853_018)
    #expect(try Graph(.preset("resnet34", shortcut: .a)).parameterCount == 21_623_848)
  }

  @Test("Shortcuts B and C add their projections to ResNet-20")
  func projectionParameters() throws {
    let dimensionChanges = (16 * 32 + 64) + (32 * 64 + 128)
    let others = 3 * (16 * 16 + 32) + 2 * (32 * 32 + 64) + 2 * (64 * 64 + 128)
    #expect(
      try Graph(.preset("resnet20", shortcut: .b)).parameterCount == 269_722 + dimensionChanges)
    #expect(
      try Graph(.preset("resnet20", shortcut: .c)).parameterCount
        == 269_722 + dimensionChanges + others)
  }

  @Test(
    "Multiply-adds at 224x224 are the published ones, to the precision published",
    arguments: [
      ("plain18", 1.8e9), ("resnet18", 1.8e9), ("plain34", 3.6e9), ("resnet34", 3.6e9),
      ("resnet50", 3.8e9), ("resnet101", 7.6e9), ("resnet152", 11.3e9),
    ])
  func publishedMultiplyAdds(name: String, published: Double) throws {
    let network = try Network.preset(name)
    let count = try Graph(network).multiplyAdds(input: network.publishedExtent)
    // The paper cuts some figures and rounds others, so either is right.
    #expect(abs(Double(count) - published) < 0.1e9)
  }

  @Test("The multiply-adds of ResNet-18 are those added up by hand")
  func multiplyAddsOfResNet18() throws {
    let conv1 = 112 * 112 * 64 * (3 * 49)
    let wide = 56 * 56 * 64 * (64 * 9)  // the same in every stage: half the extent, twice the width
    let entry = wide / 2  // stride 2 from half the channels
    let projection = 28 * 28 * 128 * 64  // the same in every stage, too
    let expected = conv1 + 4 * wide + 3 * (entry + 3 * wide + projection) + 512 * 1000
    #expect(expected == 1_814_073_344)
    let graph = try Graph(.preset("resnet18"))
    #expect(try graph.multiplyAdds(input: Extent(height: 224, width: 224)) == expected)
  }

  @Test("The multiply-adds of ResNet-20 are those added up by hand")
  func multiplyAddsOfResNet20() throws {
    let conv1 = 32 * 32 * 16 * (3 * 9)
    let wide = 32 * 32 * 16 * (16 * 9)
    let expected = conv1 + 6 * wide + 2 * (wide / 2 + 5 * wide) + 64 * 10
    #expect(expected == 40_551_040)
    let graph = try Graph(.preset("resnet20"))
    #expect(try graph.multiplyAdds(input: Extent(height: 32, width: 32)) == expected)
  }

  @Test("A stride on the 3x3 costs more multiply-adds, and no parameters")
  func strideOn3x3() throws {
    let extent = Extent(height: 224, width: 224)
    let published = try Graph(.preset("resnet50"))
    let later = try Graph(.preset("resnet50", bottleneckStride: .conv3x3))
    #expect(later.parameterCount == published.parameterCount)
    // The first 1x1 of stages 2 to 4 then has four times as many positions.
    let extra = 3 * (28 * 28 * 128 * 256) + 3 * (14 * 14 * 256 * 512) + 3 * (7 * 7 * 512 * 1024)
    let (before, after) = (
      try published.multiplyAdds(input: extent), try later.multiplyAdds(input: extent)
    )
    #expect(after - before == extra)
  }

  @Test(
    "The number in a name is the number of weighted layers, whatever the shortcut",
    arguments: [
      "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18", "plain34",
      "resnet8", "resnet20", "resnet110", "resnet1202", "plain20", "plain56",
    ])
  func weightedLayers(name: String) throws {
    let depth = Int(name.filter(\.isNumber))
    #expect(try Graph(.preset(name)).weightedLayers == depth)
    if name.hasPrefix("resnet") {
      #expect(try Graph(.preset(name, shortcut: .a)).weightedLayers == depth)
      #expect(try Graph(.preset(name, shortcut: .b)).weightedLayers == depth)
      #expect(try Graph(.preset(name, shortcut: .c)).weightedLayers == depth)
    }
  }

  @Test("A CIFAR network has 3n shortcuts, a plain one none", arguments: [1, 3, 18])
  func shortcuts(n: Int) throws {
    for shortcut in [Network.Shortcut.a, .b, .c] {
      let graph = try Graph(.preset("resnet\(6 * n + 2)", shortcut: shortcut))
      #expect(graph.layers.count { $0.operation == .add } == 3 * n)
    }
    let plain = try Graph(.preset("plain\(6 * n + 2)"))
    #expect(plain.layers.allSatisfy { $0.operation != .add })
  }

  @Test("The multiply-adds of the largest network on the largest images can be counted")
  func largestCount() throws {
    // More parameters than these, or larger images, are refused.
    let side = Network.Limits.inputSide
    let width = Network.Limits.width
    let network = Network(
      inputChannels: 1, stem: .cifar, stemWidth: width, block: .basic,
      stages: [Network.Stage(blocks: 1, width: width, stride: 1)], shortcut: .a, classes: 1)
    let count = try Graph(network).multiplyAdds(input: Extent(height: side, width: side))
    #expect(count == side * side * (9 * width + 2 * 9 * width * width) + width)
  }
}
