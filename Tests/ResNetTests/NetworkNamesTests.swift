import ResNet
import Testing

@Suite("Tensors have torchvision's names, shapes and order")
struct NetworkNamesTests {
  /// `NAME SHAPE` of every tensor, convolutions and BN layers written once.
  private func expand(_ text: String) -> [String] {
    text.split(separator: "\n").flatMap { line in
      let parts = line.split(separator: " ")
      let (name, shape) = (String(parts[0]), String(parts[1]))
      let isBatchNorm = name.contains("bn") || name.hasSuffix("downsample.1")
      switch (name, isBatchNorm) {
      case ("fc", _):
        return ["fc.weight \(shape)", "fc.bias \(shape.prefix { $0 != "x" })"]
      case (_, true):
        return ["weight", "bias", "running_mean", "running_var"].map { "\(name).\($0) \(shape)" }
      case (_, false):
        return ["\(name).weight \(shape)"]
      }
    }
  }

  private func tensors(_ network: Network) throws -> [String] {
    ParameterLayout(try Graph(network)).tensors.map { tensor in
      "\(tensor.name) \(tensor.shape.map(String.init).joined(separator: "x"))"
    }
  }

  @Test("The state_dict of resnet18")
  func resnet18() throws {
    let expected = expand(
      """
      conv1 64x3x7x7
      bn1 64
      layer1.0.conv1 64x64x3x3
      layer1.0.bn1 64
      layer1.0.conv2 64x64x3x3
      layer1.0.bn2 64
      layer1.1.conv1 64x64x3x3
      layer1.1.bn1 64
      layer1.1.conv2 64x64x3x3
      layer1.1.bn2 64
      layer2.0.conv1 128x64x3x3
      layer2.0.bn1 128
      layer2.0.conv2 128x128x3x3
      layer2.0.bn2 128
      layer2.0.downsample.0 128x64x1x1
      layer2.0.downsample.1 128
      layer2.1.conv1 128x128x3x3
      layer2.1.bn1 128
      layer2.1.conv2 128x128x3x3
      layer2.1.bn2 128
      layer3.0.conv1 256x128x3x3
      layer3.0.bn1 256
      layer3.0.conv2 256x256x3x3
      layer3.0.bn2 256
      layer3.0.downsample.0 256x128x1x1
      layer3.0.downsample.1 256
      layer3.1.conv1 256x256x3x3
      layer3.1.bn1 256
      layer3.1.conv2 256x256x3x3
      layer3.1.bn2 256
      layer4.0.conv1 512x256x3x3
      layer4.0.bn1 512
      layer4.0.conv2 512x512x3x3
      layer4.0.bn2 512
      layer4.0.downsample.0 512x256x1x1
      layer4.0.downsample.1 512
      layer4.1.conv1 512x512x3x3
      layer4.1.bn1 512
      layer4.1.conv2 512x512x3x3
      layer4.1.bn2 512
      fc 1000x512
      """)
    // torchvision has 122 entries, 20 of them `num_batches_tracked`.
    #expect(expected.count == 102)
    #expect(try tensors(.preset("resnet18")) == expected)
  }

  @Test("The state_dict of resnet50 up to its second stage, and its end")
  func resnet50() throws {
    let names = try tensors(.preset("resnet50"))
    // torchvision has 320 entries, 53 of them `num_batches_tracked`.
    #expect(names.count == 267)
    let start = expand(
      """
      conv1 64x3x7x7
      bn1 64
      layer1.0.conv1 64x64x1x1
      layer1.0.bn1 64
      layer1.0.conv2 64x64x3x3
      layer1.0.bn2 64
      layer1.0.conv3 256x64x1x1
      layer1.0.bn3 256
      layer1.0.downsample.0 256x64x1x1
      layer1.0.downsample.1 256
      layer1.1.conv1 64x256x1x1
      layer1.1.bn1 64
      layer1.1.conv2 64x64x3x3
      layer1.1.bn2 64
      layer1.1.conv3 256x64x1x1
      layer1.1.bn3 256
      layer1.2.conv1 64x256x1x1
      layer1.2.bn1 64
      layer1.2.conv2 64x64x3x3
      layer1.2.bn2 64
      layer1.2.conv3 256x64x1x1
      layer1.2.bn3 256
      layer2.0.conv1 128x256x1x1
      layer2.0.bn1 128
      layer2.0.conv2 128x128x3x3
      layer2.0.bn2 128
      layer2.0.conv3 512x128x1x1
      layer2.0.bn3 512
      layer2.0.downsample.0 512x256x1x1
      layer2.0.downsample.1 512
      """)
    let end = expand(
      """
      layer4.2.conv1 512x2048x1x1
      layer4.2.bn1 512
      layer4.2.conv2 512x512x3x3
      layer4.2.bn2 512
      layer4.2.conv3 2048x512x1x1
      layer4.2.bn3 2048
      fc 1000x2048
      """)
    #expect(Array(names.prefix(start.count)) == start)
    #expect(Array(names.suffix(end.count)) == end)
    // Where the stride is makes no difference to the weights.
    #expect(try tensors(.preset("resnet50", bottleneckStride: .conv3x3)) == names)
  }

  @Test("The tensors of resnet20 are those of the usual CIFAR models, without projections")
  func resnet20() throws {
    let names = try tensors(.preset("resnet20"))
    let blocks = [(1, 16), (2, 32), (3, 64)].flatMap { stage, width in
      (0..<3).flatMap { block in
        let inputs = block == 0 && stage > 1 ? width / 2 : width
        let prefix = "layer\(stage).\(block)"
        return expand(
          """
          \(prefix).conv1 \(width)x\(inputs)x3x3
          \(prefix).bn1 \(width)
          \(prefix).conv2 \(width)x\(width)x3x3
          \(prefix).bn2 \(width)
          """)
      }
    }
    #expect(names == expand("conv1 16x3x3x3\nbn1 16") + blocks + expand("fc 10x64"))
  }

  @Test("Trainable tensors come first, each from a multiple of 16 on, and none overlap")
  func offsets() throws {
    // Widths and classes that fill no whole block of 16.
    let odd = smallNetwork(
      inputChannels: 1, stemWidth: 5,
      stages: [.init(blocks: 2, width: 7, stride: 1), .init(blocks: 1, width: 9, stride: 2)],
      shortcut: .c, classes: 3)
    for network in try [odd, .preset("resnet20"), .preset("resnet50")] {
      let graph = try Graph(network)
      let layout = ParameterLayout(graph)
      let ordered = layout.tensors.sorted { $0.offset < $1.offset }
      var end = 0
      for tensor in ordered {
        #expect(tensor.offset.isMultiple(of: 16))
        #expect(tensor.offset >= end && tensor.offset < end + 16)
        #expect(tensor.kind.isTrainable == (tensor.offset < layout.trainableFloats))
        end = tensor.offset + tensor.count
      }
      #expect(layout.totalFloats >= end && layout.totalFloats < end + 16)
      #expect(layout.trainableFloats.isMultiple(of: 16))
      let trainable = layout.tensors.filter(\.kind.isTrainable)
      #expect(trainable.reduce(0) { $0 + $1.count } == graph.parameterCount)
    }
  }

  @Test("Tensors are found by name, and know their layer")
  func find() throws {
    let graph = try Graph(.preset("resnet20"))
    let layout = ParameterLayout(graph)
    let tensor = try #require(layout.tensor(named: "layer3.2.bn1.running_var"))
    #expect(graph.layers[tensor.layer].name == "layer3.2.bn1")
    #expect(tensor.kind == .runningVariance)
    #expect(layout.tensor(named: "layer3.3.bn1.running_var") == nil)
  }
}
