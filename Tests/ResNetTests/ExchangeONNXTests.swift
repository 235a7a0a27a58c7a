import Foundation
import ResNet
import ResNetExchange
import Testing

/// ONNX files: the library's own, and those in Tests/exchange/onnx, which torchvision's and Keras's
/// exporters wrote and ONNX Runtime ran.
@Suite struct ExchangeONNXTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "exchange/onnx")

  private static func floats(_ name: String) throws -> [Float] {
    let data = try Data(contentsOf: folder.appending(path: name))
    return data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  private static func imported(_ bytes: [UInt8]) throws -> Model {
    var report = ImportReport()
    return try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
  }

  @Test(arguments: [
    "basicblock-script", "basicblock-unfolded", "basicblock-dynamo", "basicblock-ceil",
    "bottleneck-script", "bottleneck-unfolded", "bottleneck-dynamo", "bottleneck-external",
    "keras-export", "keras-nchw",
  ])
  func graphsOfOtherExporters(_ name: String) throws {
    var report = ImportReport()
    let model = try Model.importing(
      Self.folder.appending(path: "\(name).onnx").path, report: &report)
    #expect(report.format == .onnx && report.imported == model.layout.tensors.count)
    #expect(model.network.stem == .imageNet && model.network.shortcut == .b)
    #expect(model.network.stemPool == (name.hasSuffix("ceil") ? .ceil : .padded))
    let isKeras = name.hasPrefix("keras")
    #expect(model.network.block == (name.hasPrefix("basic") ? .basic : .bottleneck))
    if !name.hasPrefix("basic") {
      #expect(model.network.bottleneckStride == (isKeras ? .conv1x1 : .conv3x3))
    }
    try expectScores(of: model, name, areProbabilities: isKeras)
  }

  /// Without shortcuts, and with fully connected layers on a window of the last map.
  @Test(arguments: ["vgg-script", "vgg-bn-dynamo"])
  func vggOfPyTorch(_ name: String) throws {
    var report = ImportReport()
    let model = try Model.importing(
      Self.folder.appending(path: "\(name).onnx").path, report: &report)
    #expect(report.imported == model.layout.tensors.count)
    #expect(model.network.stages.map(\.blocks) == [1, 1, 2, 1])
    #expect(model.network.stages.map(\.maxPool) == [2, 2, 2, 2])
    #expect(model.network.shortcut == .none && model.network.stem == .none)
    #expect(model.network.window == 2 && model.network.hidden == [6, 7])
    try expectScores(of: model, name, areProbabilities: false)
  }

  /// What the graph says itself may be asked for, and nothing else.
  @Test func optionsOfWhatTheGraphSays() throws {
    let path = Self.folder.appending(path: "bottleneck-script.onnx").path
    var report = ImportReport()
    var options = ImportOptions()
    (options.bottleneckStride, options.stemPool) = (.conv3x3, .padded)
    let model = try Model.importing(path, options: options, report: &report)
    #expect(model.network.bottleneckStride == .conv3x3 && model.network.stemPool == .padded)
    var (stride, pool, zeros, plain) = (options, options, options, options)
    stride.bottleneckStride = .conv1x1
    pool.stemPool = .ceil
    zeros.zeroChannels = .after
    plain.isPlain = true
    for options in [stride, pool, zeros, plain] {
      expectNetworkError(.invalidArgument, "graph says itself") {
        _ = try Model.importing(path, options: options, report: &report)
      }
    }
  }

  /// Compares with what ONNX Runtime gave.
  private func expectScores(of model: Model, _ name: String, areProbabilities: Bool) throws {
    let images = try Images(
      .float(try Self.floats("images.f32")), count: 2, channels: 3, height: 32, width: 32)
    let scores = try areProbabilities ? model.probabilities(images) : model.logits(images)
    let expected = try Self.floats("\(name).logits")
    try #require(scores.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    let difference = zip(scores, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= 1e-4 * largest)
  }

  /// As other programs write it, without the library's metadata: by `ceil_mode`, or by one pixel of padding
  /// at the end, which is the same; but not by both.
  @Test func poolingsThatRoundUp() throws {
    let network = smallNetwork(stem: .imageNet, stemPool: .ceil)
    let model = try Model(network, seed: 1)
    try StorageTests.withDirectory { folder in
      try model.export(to: folder + "/model.onnx")
      var file = try StorageTests.bytes(folder + "/model.onnx")
      for place in Self.places(of: "libresnet.", in: file) { file[place] = UInt8(ascii: "x") }
      #expect(try Self.imported(file).network.stemPool == .ceil)

      let rounding = try #require(Self.places(of: "ceil_mode", in: file).first) + 9
      let pads = try #require(Self.places(of: "pads", in: file).first { $0 > rounding }) + 4
      // A field's tag and its value, of one byte each.
      try #require(file[rounding + 1] == 1)
      try #require((0..<4).allSatisfy { file[pads + 2 * $0 + 1] == 0 })
      for end in [5, 7] { file[pads + end] = 1 }
      expectNetworkError(.badFormat, "MaxPool", "rounded up as well") {
        _ = try Self.imported(file)
      }
      file[rounding + 1] = 0
      let padded = try Self.imported(file)
      #expect(padded.network.stemPool == .ceil)
      for end in [1, 3] { file[pads + end] = 1 }
      #expect(try Self.imported(file).network.stemPool == .padded)
    }
  }

  /// Where a text begins in some bytes.
  private static func places(of text: String, in bytes: [UInt8]) -> [Int] {
    let text = Array(text.utf8)
    return bytes.indices.dropLast(text.count).filter {
      bytes[$0] == text[0] && bytes[$0..<$0 + text.count].elementsEqual(text)
    }
  }

  /// Every kind of network comes back as it was, bit for bit, and the same model makes the same bytes.
  @Test(arguments: InferenceCases.all)
  func ownGraphs(_ test: ReferenceCase) throws {
    let model = try Model(test.network, seed: 5)
    let channels = test.network.inputChannels
    try model.setNormalization(
      Normalization(
        mean: (0..<channels * 6).map { Float($0) / 8 }, meanExtent: Extent(height: 3, width: 2),
        scale: (0..<channels).map { Float($0) + 0.5 }))
    try model.setClassNames((0..<test.network.classes).map { "class \($0) é" })
    try model.setMetadata("of whom\né", for: "resnet.images")
    try model.setMetadata("", for: "empty")
    try StorageTests.withDirectory { folder in
      let path = folder + "/model.onnx"
      try model.export(to: path)
      var report = ImportReport()
      let back = try Model.importing(path, report: &report)
      #expect(try StorageTests.isSame(model, back))
      #expect(back.metadata == model.metadata)
      try back.export(to: folder + "/again.onnx")
      let isSame = try StorageTests.bytes(path) == StorageTests.bytes(folder + "/again.onnx")
      #expect(isSame)
    }
  }

  /// Without the metadata a graph is understood by what it computes, which gives the same scores.
  @Test(arguments: InferenceCases.cifar + InferenceCases.imageNet)
  func ownGraphsByWhatTheyCompute(_ test: ReferenceCase) throws {
    let model = try Model(test.network, seed: 5)
    let (channels, extent) = (test.network.inputChannels, test.extent)
    let values = (0..<channels * extent.height * extent.width).map { Float($0 % 251) / 251 - 0.4 }
    let images = try Images(
      .float(values), count: 1, channels: channels, height: extent.height, width: extent.width)
    try StorageTests.withDirectory { folder in
      let path = folder + "/model.onnx"
      try model.export(to: path)
      var bytes = try StorageTests.bytes(path)
      // They are at the end.
      let prefix = Array("libresnet.".utf8)
      for start in max(0, bytes.count - 4096)..<bytes.count - prefix.count
      where bytes[start...].starts(with: prefix) {
        bytes[start] = UInt8(ascii: "x")
      }
      let copy = try Self.imported(bytes)
      let layers = try Graph(test.network).weightedLayers
      #expect(
        copy.network.name == (test.network.shortcut == .none ? "imported" : "resnet\(layers)"))
      #expect(try copy.logits(images) == model.logits(images))
    }
  }

  /// What a model's metadata cannot be, a file's are not taken for.
  @Test func metadataThatCannotBe() throws {
    let model = try Model(try Network.preset("resnet8"), seed: 0)
    try model.setMetadata("value and more", for: "name")
    try StorageTests.withDirectory { folder in
      try model.export(to: folder + "/model.onnx")
      var bytes = try StorageTests.bytes(folder + "/model.onnx")
      let place = try #require(Self.places(of: "value", in: bytes).last)
      bytes[place] = 0
      let error = thrownError { try Self.imported(bytes) }
      #expect(error?.kind == .badFormat)
      #expect(error?.message.contains("it has metadata that cannot be: the metadata name") == true)
    }
  }

  /// Whatever is in a file, reading it ends, and is an error or a sound model.
  @Test(arguments: ["bottleneck-script", "basicblock-dynamo", "keras-export", "vgg-script"])
  func damagedFiles(_ name: String) throws {
    let whole = [UInt8](try Data(contentsOf: Self.folder.appending(path: "\(name).onnx")))
    var state: UInt64 = 7
    func roll(_ sides: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % sides
    }
    var refused = 0
    for _ in 0..<300 {
      var file = whole
      for _ in 0...roll(20) { file[roll(file.count)] = UInt8(roll(256)) }
      if (try? Self.imported(file)) == nil { refused += 1 }
    }
    #expect((20...299).contains(refused), "\(refused) of 300 were refused")
    for length in stride(from: 0, to: whole.count - 1, by: whole.count / 100) {
      let isRead = (try? Self.imported(Array(whole[..<length]))) != nil
      #expect(!isRead, "\(length) of \(whole.count) bytes were read")
    }
  }
}
