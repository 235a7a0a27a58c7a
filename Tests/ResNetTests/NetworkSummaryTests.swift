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
}
