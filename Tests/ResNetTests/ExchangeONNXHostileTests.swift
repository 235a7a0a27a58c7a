import Testing

@testable import ResNet
@testable import ResNetExchange

/// Graphs whose numbers, multiplied, are larger than any integer.
@Suite struct ExchangeONNXHostileTests {
  private typealias GraphFile = ExchangeONNXGraphTests.GraphFile

  private static func expectRefusal(
    _ bytes: [UInt8], _ fragments: String..., at location: SourceLocation = #_sourceLocation
  ) {
    let error = thrownError(
      {
        var report = ImportReport()
        return try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
      }, sourceLocation: location)
    #expect(error?.kind == .badFormat, sourceLocation: location)
    for fragment in fragments {
      #expect(
        error?.message.contains(fragment) == true, "\(error?.message ?? "")",
        sourceLocation: location)
    }
  }

  /// Adds what slices of every second pixel read.
  private static func addSliceInputs(to file: inout GraphFile) {
    for (name, values) in [
      ("starts", [0, 0]), ("ends", [Int.max, Int.max]), ("axes", [2, 3]), ("steps", [2, 2]),
    ] {
      file.add("Constant", [], name, ints: [("value_ints", values)])
    }
  }

  private static let sliceInputs = ["starts", "ends", "axes", "steps"]

  /// The largest map has 2^16 pixels on a side, of which 17 halvings leave none.
  @Test func manySlicesAreRefused() {
    var file = GraphFile()
    Self.addSliceInputs(to: &file)
    for index in 0..<70 {
      let input = index == 0 ? "x" : "slice\(index - 1)"
      file.add("Slice", [input] + Self.sliceInputs, index == 69 ? "y" : "slice\(index)")
    }
    Self.expectRefusal(file.bytes, "node \"slice16\"", "no map has so many pixels")
  }

  /// A residual network of one block, whose shortcut `shortcut` adds; it returns that branch's output.
  private static func block(
    channels: Int, residual: Int, stride: Int, _ shortcut: (inout GraphFile) -> String
  ) -> [UInt8] {
    var file = GraphFile()
    file.add("w", [1, 1, 1, 1], [1])
    file.add("last", [channels, 1, 1, 1], [Float](repeating: 1, count: channels))
    file.add("classifier", [2, channels], [Float](repeating: 1, count: 2 * channels))
    file.add("Conv", ["x", "w"], "stem")
    file.add("Relu", ["stem"], "start")
    for index in 0..<residual {
      let input = index == 0 ? "start" : "residual\(index - 1)"
      let weight = index == residual - 1 ? "last" : "w"
      file.add("Conv", [input, weight], "residual\(index)", ints: [("strides", [stride, stride])])
    }
    let other = shortcut(&file)
    file.add("Add", ["residual\(residual - 1)", other], "sum")
    file.add("Relu", ["sum"], "end")
    file.add("GlobalAveragePool", ["end"], "mean")
    file.add("Flatten", ["mean"], "flat")
    file.add("Gemm", ["flat", "classifier"], "y", int: [("transB", 1)])
    return file.bytes
  }

  @Test func aBranchOfManyStridesIsRefused() {
    let bytes = Self.block(channels: 1, residual: 17, stride: 16) { _ in "start" }
    Self.expectRefusal(bytes, "node \"residual4\"", "no map has so many pixels")
  }

  /// Slices that are not one step, as there are channels of zeros between them.
  @Test func aShortcutOfManySlicesIsRefused() {
    let count = 70
    let bytes = Self.block(channels: 1 + count, residual: 1, stride: 1) { file in
      Self.addSliceInputs(to: &file)
      var last = "start"
      for index in 0..<count {
        file.add("Slice", [last] + Self.sliceInputs, "slice\(index)")
        file.add(
          "Pad", ["slice\(index)"], "zeros\(index)", ints: [("pads", [0, 0, 0, 0, 0, 1, 0, 0])])
        last = "zeros\(index)"
      }
      return last
    }
    Self.expectRefusal(bytes, "node \"slice16\"", "no map has so many pixels")
  }

  /// A constant without values, whose other sides no number of values could have.
  @Test func aTransposedConstantOfNothingIsRefused() {
    var file = GraphFile()
    file.add("w", [1, 1, 1, 1], [1])
    file.add("nothing", [0, 1 << 40, 1 << 40], [])
    file.add("Constant", [], "pads", ints: [("value_ints", [0, 1, 0, 0, 0, 1, 0, 0])])
    file.add("Transpose", ["nothing"], "turned", ints: [("perm", [2, 1, 0])])
    file.add("Conv", ["x", "w"], "conv")
    file.add("Pad", ["conv", "pads", "turned"], "y")
    Self.expectRefusal(file.bytes, "node \"y\"", "does not pad with zeros")
  }

  /// The same in place of the mean of the library's own graph, whose other bytes are as they were.
  @Test func aMeanOfNothingIsRefused() throws {
    func tensor(_ sides: [Int], count: Int) -> ProtobufWriter {
      var tensor = ProtobufWriter()
      for side in sides { tensor.add(ONNX.Tensor.dims, side) }
      tensor.add(ONNX.Tensor.dataType, ONNX.DataType.float)
      tensor.add(ONNX.Tensor.name, ONNX.mean)
      tensor.head(ONNX.Tensor.rawData, count: count)
      return tensor
    }
    let model = try Model(smallNetwork(), seed: 1)
    try model.setNormalization(Normalization(mean: [1, 2, 3]))
    try StorageTests.withDirectory { folder in
      try model.export(to: folder + "/model.onnx")
      var bytes = try StorageTests.bytes(folder + "/model.onnx")
      let head = tensor([1, 3, 1, 1], count: 12).bytes
      let start = try #require(
        bytes.indices.dropLast(head.count).first {
          bytes[$0] == head[0] && bytes[$0..<$0 + head.count].elementsEqual(head)
        })
      var nothing = tensor([0, 0, 1 << 35, 1 << 35], count: 0)
      // A text of no meaning, so that all is as long as it was.
      nothing.add(12, "")
      try #require(nothing.bytes.count == head.count + 12)
      bytes.replaceSubrange(start..<start + nothing.bytes.count, with: nothing.bytes)
      Self.expectRefusal(bytes, "input.mean", "its shape is")
    }
  }
}
