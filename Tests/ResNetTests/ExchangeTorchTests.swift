import Glibc
import Testing

@testable import ResNet
@testable import ResNetExchange

/// What is written for PyTorch, and read again; `Tests/exchange` compares with PyTorch itself.
@Suite struct ExchangeTorchTests {
  private static let networks: [Network] = [
    Network(
      name: "resnet8", stem: .cifar, stemWidth: 4, block: .basic,
      stages: [.init(blocks: 1, width: 4, stride: 1), .init(blocks: 2, width: 8, stride: 2)],
      shortcut: .b, classes: 3),
    Network(
      name: "resnet14", stem: .imageNet, stemWidth: 4, block: .bottleneck,
      stages: [.init(blocks: 2, width: 2, stride: 1), .init(blocks: 2, width: 4, stride: 2)],
      shortcut: .c, bottleneckStride: .conv3x3, classes: 3),
    Network(
      name: "resnet8", inputChannels: 1, stem: .cifar, stemWidth: 4, block: .basic,
      stages: [.init(blocks: 2, width: 4, stride: 1), .init(blocks: 1, width: 8, stride: 2)],
      shortcut: .a, affine: .bias, classes: 3),
  ]

  /// The bytes that an export of the model makes.
  private func bytes(_ model: Model, _ format: FileFormat) throws -> [UInt8] {
    let path = "/tmp/resnet-exchange-\(AtomicFile.uniqueName())"
    try model.export(to: path, format: format)
    defer { unlink(path) }
    let file = try ModelFile.open(path)
    return try file.bytes(0, file.size)
  }

  private func imported(
    _ bytes: [UInt8], _ options: ImportOptions = ImportOptions(), _ report: inout ImportReport
  ) throws -> Model {
    try bytes.withUnsafeBytes { try Model.importing(bytes: $0, options: options, report: &report) }
  }

  @Test(arguments: networks, [FileFormat.safetensors, .torch])
  func theNetworkAndItsWeightsComeBack(_ network: Network, _ format: FileFormat) throws {
    let model = try Model(network, seed: 1)
    var report = ImportReport()
    let copy = try imported(try bytes(model, format), ImportOptions(), &report)
    var expected = network
    expected.name = copy.network.name
    #expect(copy.network == expected)
    #expect(report.format == format)
    #expect(report.imported == model.layout.tensors.count)
    #expect(report.notes.isEmpty)
    for tensor in model.layout.tensors {
      #expect(try copy.tensor(named: tensor.name) == model.tensor(named: tensor.name))
    }
  }

  @Test func anotherClassifierIsLeftOnRequestAlone() throws {
    let source = try Model(Self.networks[0], seed: 1)
    var network = Self.networks[0]
    network.classes = 5
    let target = try Model(network, seed: 2)
    let before = try target.tensor(named: "conv1.weight")
    let fileBytes = try bytes(source, .safetensors)
    var report = ImportReport()
    let error = #expect(throws: ResNetError.self) {
      try fileBytes.withUnsafeBytes { try target.importWeights(bytes: $0, report: &report) }
    }
    #expect(error?.message.contains("fc.weight (has shape (3, 8), expected (5, 8))") == true)
    #expect(report.imported == 0)
    #expect(try target.tensor(named: "conv1.weight") == before)

    try fileBytes.withUnsafeBytes {
      try target.importWeights(bytes: $0, partial: true, report: &report)
    }
    #expect(report.notes.map(\.name) == ["fc.weight", "fc.bias"])
    #expect(report.notes.allSatisfy { $0.kind == .mismatched })
    #expect(report.imported == target.layout.tensors.count - 2)
    #expect(
      try target.tensor(named: "conv1.weight") == source.tensor(named: "conv1.weight"))
  }

  @Test func preprocessingOfCaffeReversesTheStem() throws {
    let model = try Model(Self.networks[0], seed: 1)
    var options = ImportOptions()
    options.preprocessing = .caffe
    var report = ImportReport()
    let copy = try imported(try bytes(model, .torch), options, &report)
    let rgb: [Float] = (0..<3 * 64).map { Float($0 % 11) * 255 / 11 }
    let mean: [Float] = [103.939, 116.779, 123.68]
    let bgr = (0..<3 * 64).map { index -> Float in
      let reversed = (2 - index / 64) * 64 + index % 64
      return rgb[reversed] - mean[index / 64]
    }
    func logits(_ model: Model, _ pixels: [Float]) throws -> [Float] {
      try model.logits(
        try Images(.float(pixels), count: 1, channels: 3, height: 8, width: 8))
    }
    let (wanted, found) = (try logits(model, bgr), try logits(copy, rgb))
    for (a, b) in zip(wanted, found) { #expect(abs(a - b) <= 1e-4 * abs(a) + 1e-3) }
  }

  /// Whatever one byte becomes, the file is refused or is a model.
  @Test(arguments: [FileFormat.safetensors, .torch])
  func aDamagedFileIsRefusedOrIsAModel(_ format: FileFormat) throws {
    let model = try Model(Self.networks[0], seed: 1)
    let good = try bytes(model, format)
    var refused = 0
    for position in stride(from: 0, to: good.count, by: format == .torch ? 7 : 3) {
      for value in [good[position] ^ 0xFF, good[position] ^ 1] {
        var bad = good
        bad[position] = value
        var report = ImportReport()
        do {
          _ = try imported(bad, ImportOptions(), &report)
        } catch is ResNetError {
          refused += 1
        }
      }
    }
    #expect(refused > 100)
    for length in stride(from: 0, to: good.count, by: 97) {
      var report = ImportReport()
      let cut = Array(good[..<length])
      #expect(throws: ResNetError.self) { try imported(cut, ImportOptions(), &report) }
    }
  }

  /// Where an axis has one element, its stride is never used, and PyTorch lets it be any number.
  @Test func theStrideOfASingleElementMayBeAnyNumber() throws {
    func numbers(_ numbers: [Int32]) -> [UInt8] {
      numbers.flatMap { number in
        var bytes = [UInt8(ascii: "J")]
        bytes.append(little: number)
        return bytes
      }
    }
    let name = "layer2.0.downsample.0.weight"
    let model = try Model(Self.networks[0], seed: 1)
    var file = try bytes(model, .torch)
    let old = numbers([8, 4, 1, 1]) + Array("t(".utf8) + numbers([4, 1, 1, 1])
    let start = try #require(
      file.indices.dropLast(old.count).first {
        file[$0] == old[0] && file[$0..<$0 + old.count].elementsEqual(old)
      })
    // 1, 8, 1 and the largest number, in as many bytes: the matrix lies transposed in the file.
    let strides =
      numbers([1]) + [UInt8(ascii: "M"), 8, 0, UInt8(ascii: "K"), 1, 0x8A, 8]
      + [UInt8](repeating: 0xFF, count: 7) + [0x7F]
    try #require(strides.count == 20)
    file.replaceSubrange(start + old.count - 20..<start + old.count, with: strides)
    var report = ImportReport()
    let copy = try imported(file, ImportOptions(), &report)
    let (found, stored) = (try copy.tensor(named: name), try model.tensor(named: name))
    for row in 0..<8 {
      for column in 0..<4 { #expect(found[4 * row + column] == stored[row + 8 * column]) }
    }
  }
}
