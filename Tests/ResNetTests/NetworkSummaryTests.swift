import ResNet
import Testing

@Suite("A network prints as a table")
struct NetworkSummaryTests {
  @Test("The whole table of a small network")
  func wholeTable() throws {
    let network = smallNetwork(
      stages: [.init(blocks: 1, width: 16, stride: 1), .init(blocks: 1, width: 32, stride: 2)],
      shortcut: .b)
    let expected = """
      small, input 3x32x32
      layer                  operation                output  parameters  multiply-adds
      ---------------------------------------------------------------------------------
      conv1                  3x3 conv, BN, ReLU     16x32x32         464        442,368
      layer1.0.conv1         3x3 conv, BN, ReLU     16x32x32       2,336      2,359,296
      layer1.0.conv2         3x3 conv, BN           16x32x32       2,336      2,359,296
      layer1.0.add           add shortcut, ReLU     16x32x32           -              -
      layer2.0.conv1         3x3 conv /2, BN, ReLU  32x16x16       4,672      1,179,648
      layer2.0.conv2         3x3 conv, BN           32x16x16       9,280      2,359,296
      layer2.0.downsample.0  1x1 conv /2, BN        32x16x16         576        131,072
      layer2.0.add           add shortcut, ReLU     32x16x16           -              -
      avgpool                global average pool      32x1x1           -              -
      fc                     fully connected              10         330            320
      ---------------------------------------------------------------------------------
      total                  6 weighted layers                    19,994      8,831,296

      """
    #expect(try network.summary() == expected)
    let graph = try Graph(network)
    #expect(try graph.summary(name: "small", input: Extent(height: 32, width: 32)) == expected)
  }

  @Test("Rows follow the images' size, which need not be square")
  func otherSize() throws {
    let table = try Network.preset("resnet18").summary(input: Extent(height: 65, width: 128))
    let rows = table.split(separator: "\n")
    #expect(rows[0] == "resnet18, input 3x65x128")
    #expect(
      rows.contains {
        $0.hasPrefix("maxpool ") && $0.contains("3x3 max pool /2 ") && $0.contains(" 64x17x32 ")
      })
    #expect(rows.contains { $0.hasPrefix("layer4.1.add ") && $0.contains(" 512x3x4 ") })
  }

  @Test("A pooling that rounds up is told from one with padding")
  func roundedUp() throws {
    for (pool, text) in [
      (Network.StemPool.padded, "max pool /2  "), (.ceil, "max pool /2, ceil  "),
    ] {
      let table = try Network.preset("resnet18", stemPool: pool).summary()
      #expect(table.contains("3x3 \(text)"))
    }
  }

  @Test("The zero-padded identity of shortcut A has a row without parameters")
  func paddedShortcut() throws {
    let rows = try Network.preset("resnet20").summary().split(separator: "\n")
    let row = try #require(rows.first { $0.hasPrefix("layer2.0.shortcut ") })
    #expect(row.contains("identity, zero-padded /2  32x16x16"))
    #expect(row.split(separator: " ").suffix(2) == ["-", "-"])
  }

  @Test(
    "All rows are equally wide, and the totals are the network's counts",
    arguments: [
      ("resnet152", "60,192,808"), ("resnet1202", "19,421,274"), ("plain34", "21,623,848"),
    ])
  func rowsAndTotals(name: String, parameters: String) throws {
    let rows = try Network.preset(name).summary().split(separator: "\n")
    #expect(Set(rows.dropFirst().map(\.count)).count == 1)
    let total = try #require(rows.last)
    #expect(total.hasPrefix("total "))
    #expect(total.contains(" \(parameters) "))
    #expect(total.contains(" \(name.filter(\.isNumber)) weighted layers "))
  }

  @Test("A table of stages, as the paper's Table 1")
  func stages() throws {
    let network = smallNetwork(
      stages: [.init(blocks: 2, width: 16, stride: 1), .init(blocks: 1, width: 32, stride: 2)],
      shortcut: .a)
    let expected = """
      small, input 3x32x32, shortcuts A (zeros for new channels)
      stage   output  layers                            parameters  multiply-adds
      ---------------------------------------------------------------------------
      stem    32x32   3x3, 16                                  464        442,368
      layer1  32x32   [3x3, 16; 3x3, 16] x 2                 9,344      9,437,184
      layer2  16x16   [3x3, 32; 3x3, 32] x 1, stride 2      13,952      3,538,944
      head    1x1     average pool, 10-d fc, softmax           330            320
      ---------------------------------------------------------------------------
      total           8 weighted layers                     24,090     13,418,816

      """
    #expect(try network.stageTable(input: Extent(height: 32, width: 32)) == expected)
  }

  @Test("The rows of stages are all of the network")
  func stageRows() throws {
    let presets = ["resnet50", "plain18", "resnet20", "vgg16-bn", "highway32", "fitnet19"]
    let vectors = smallNetwork(
      stem: .vector, block: .init([.init(kernel: 1), .init(kernel: 1)]),
      stages: [.init(blocks: 1, width: 16, stride: 1), .init(blocks: 2, width: 8, stride: 1)])
    for network in try presets.map({ try Network.preset($0) }) + [vectors] {
      let graph = try Graph(network)
      let input = network.publishedExtent
      let rows = try network.stageRows(input: input)
      #expect(rows.reduce(0) { $0 + $1.parameters } == graph.parameterCount)
      #expect(try rows.reduce(0) { $0 + $1.multiplyAdds } == graph.multiplyAdds(input: input))
      #expect(rows.last?.channels == network.classes)
      let stages = rows.filter { $0.name.hasPrefix("layer") }
      #expect(stages.count == network.stages.count)
      // Of a sequence of layers, as VGG is one, stages have no names in the graph.
      for row in stages where network.stem != .none || network.shortcut != .none {
        let shape = try graph.featureShape(row.name, input: input)
        #expect(row.channels == shape.channels)
        #expect(row.extent == shape.extent ?? Extent(height: 1, width: 1))
      }
    }
  }
}
