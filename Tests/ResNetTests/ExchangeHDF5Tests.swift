import Foundation
import Testing

@testable import ResNet
@testable import ResNetExchange

/// HDF5 files of Keras's and Caffe's; `Tests/exchange` compares with Keras itself.
@Suite struct ExchangeHDF5Tests {
  private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "exchange/golden").path

  private static let network = Network(
    name: "resnet11", stem: .imageNet, stemWidth: 64, block: .bottleneck,
    stages: [
      .init(blocks: 2, width: 4, stride: 1), .init(blocks: 1, width: 8, stride: 2),
    ], shortcut: .b, bottleneckStride: .conv1x1, classes: 5)

  private static let formats = [FileFormat.keras, .kerasWeights, .caffe]

  /// The network with the pooling of a format's program.
  private func network(for format: FileFormat) -> Network {
    var network = Self.network
    network.stemPool = format == .caffe ? .ceil : .padded
    return network
  }

  /// The images of `make_keras.py`.
  private func images(_ count: Int, _ side: Int) throws -> Images {
    var pixels: [Float] = []
    for n in 0..<count {
      for c in 0..<3 {
        for y in 0..<side {
          for x in 0..<side {
            pixels.append(Float((7 * n + 11 * c + 3 * y + 5 * x) % 17) / 17 - 0.5)
          }
        }
      }
    }
    return try Images(.float(pixels), count: count, channels: 3, height: side, width: side)
  }

  private func imported(_ bytes: [UInt8], _ report: inout ImportReport) throws -> Model {
    try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    let file = try ModelFile.open(path)
    return try file.bytes(0, file.size)
  }

  private func exported(_ model: Model, _ format: FileFormat) throws -> [UInt8] {
    let path = "/tmp/resnet-exchange-\(AtomicFile.uniqueName())"
    try model.export(to: path, format: format)
    defer { unlink(path) }
    return try bytes(path)
  }

  /// Keras goes by the order of a weight file's layers, which is that of its own model's.
  @Test func layersAreExportedInTheOrderOfKeras() throws {
    let file = try exported(try Model(Self.network), .keras)
    let names = try file.withUnsafeBytes { try HDF5Folder(.memory($0)).texts("layer_names") }
    let whole = ["1_conv", "1_bn", "2_conv", "2_bn", "0_conv", "3_conv", "0_bn", "3_bn"]
    let plain = whole.filter { !$0.hasPrefix("0") }
    var expected = ["conv1_conv", "conv1_bn"]
    for name in whole { expected.append("conv2_block1_\(name)") }
    for name in plain { expected.append("conv2_block2_\(name)") }
    for name in whole { expected.append("conv3_block1_\(name)") }
    expected.append("predictions")
    #expect(names == expected)
  }

  @Test func aWholeModelSaysItsEpsilonAndStride() throws {
    func config(_ epsilons: [String], strides: String) throws -> KerasConfig {
      let norms = epsilons.map {
        #"{"class_name": "BatchNormalization", "config": {"name": "conv1_bn", "epsilon": \#($0), "center": true}}"#
      }
      let layer =
        #"{"config": {"name": "conv3_block1_2_conv", "filters": 8, "kernel_size": [3, 3], "#
        + #""strides": [\#(strides)]}, "name": "conv3_block1_2_conv"}"#
      let optimizer = #"{"class_name": "Adam", "config": {"epsilon": 1e-07}}"#
      return try KerasConfig(
        "{\"layers\": [\((norms + [layer]).joined(separator: ", "))], \"optimizer\": \(optimizer)}")
    }
    let published = try config(["1.001e-05", "1.001e-05"], strides: "1, 1")
    #expect(published.epsilon == 1.001e-5 && published.bottleneckStride == .conv1x1)
    let other = try config(["0.001"], strides: "2, 2")
    #expect(other.epsilon == 1e-3 && other.bottleneckStride == .conv3x3)
    for (epsilons, strides) in [
      ([], "1"), (["1e-05", "0.001"], "1"), (["\"x\""], "1"), (["1e-05"], "3"),
    ] {
      let error = thrownError { try config(epsilons, strides: strides) }
      #expect(error?.kind == .badFormat && error?.message.contains("description") == true)
    }
  }

  /// With biases before BN and its epsilon, as Keras 3 has written them; the whole models are compiled.
  @Test(arguments: [
    "keras.h5", "keras.weights.h5", "nameless.weights.h5", "whole.h5", "whole.keras",
  ])
  func filesOfKerasGiveItsScores(_ name: String) throws {
    var report = ImportReport()
    let model = try Model.importing("\(Self.golden)/\(name)", report: &report)
    var expected = Self.network
    expected.name = model.network.name
    #expect(model.network == expected)
    #expect(report.notes.isEmpty)
    #expect(try largestDifference(model, try scores("keras.txt")) <= 1e-4)
  }

  private func scores(_ name: String) throws -> [Float] {
    let text = try String(contentsOfFile: "\(Self.golden)/\(name)", encoding: .utf8)
    return text.split(whereSeparator: \.isWhitespace).compactMap { Float($0) }
  }

  private func largestDifference(_ model: Model, _ wanted: [Float]) throws -> Float {
    let found = try model.logits(try images(2, 64))
    try #require(found.count == wanted.count)
    return zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
  }

  /// With BatchNorm and Scale layers, whose sums have a divisor of 999.98, and with both folded into the
  /// convolutions; and what is exported of either.
  @Test(arguments: [("bn", Network.Affine.batchNorm), ("folded", .bias)])
  func filesOfCaffeGiveItsScores(_ name: String, _ affine: Network.Affine) throws {
    var report = ImportReport()
    let path = "\(Self.golden)/\(name).caffemodel.h5"
    let model = try Model.importing(path, report: &report)
    var expected = network(for: .caffe)
    (expected.name, expected.stemWidth, expected.affine) = (model.network.name, 8, affine)
    #expect(model.network == expected)
    #expect(report.notes.isEmpty)
    let wanted = try scores("caffe.txt")
    #expect(try largestDifference(model, wanted) <= 1e-5)
    let again = try imported(try exported(model, .caffe), &report)
    #expect(again.network == expected)
    #expect(try largestDifference(again, wanted) <= 1e-5)

    expected.stemPool = .padded
    let padded = try Model(expected)
    try padded.importWeights(from: path, report: &report)
    #expect(report.notes.map(\.name) == ["pool1"])
    #expect(report.notes.first?.reason.contains("scores differ from Caffe's") == true)
    #expect(try largestDifference(padded, wanted) > 1e-2)
  }

  @Test(arguments: formats)
  func theNetworkAndItsScoresComeBack(_ format: FileFormat) throws {
    var expected = network(for: format)
    let model = try Model(expected, seed: 3)
    var report = ImportReport()
    let copy = try imported(try exported(model, format), &report)
    expected.name = copy.network.name
    #expect(copy.network == expected)
    #expect(report.format == format)
    #expect(report.imported == model.layout.tensors.count)
    for tensor in model.layout.tensors {
      let (a, b) = (
        try model.tensor(named: tensor.name), try copy.tensor(named: tensor.name)
      )
      for (x, y) in zip(a, b) { #expect(abs(x - y) <= 1e-7 * max(1, abs(x))) }
    }
  }

  @Test(arguments: formats)
  func whatCannotBeHeldIsRefusedWithTheReason(_ format: FileFormat) throws {
    func changed(_ change: (inout Network) -> Void) -> Network {
      var network = network(for: format)
      change(&network)
      return network
    }
    let other = network(for: format == .caffe ? .keras : .caffe)
    for (network, reason) in [
      (changed { $0.block = .basic }, "not bottlenecks"),
      (changed { $0.bottleneckStride = .conv3x3 }, "v1.5"),
      (changed { $0.shortcut = .c }, "shortcuts other than B"),
      (changed { $0.affine = .biasAndBatchNorm }, "with a bias before"),
      (other, "a \(other.stemPool.rawValue) pooling in the stem"),
    ] {
      let model = try Model(network)
      let error = #expect(throws: ResNetError.self) { _ = try exported(model, format) }
      #expect(error?.kind == .invalidArgument)
      #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
  }

  /// Whatever some bytes become, the file is refused or is a model.
  @Test(arguments: formats)
  func aDamagedFileIsRefusedOrIsAModel(_ format: FileFormat) throws {
    let good = try exported(try Model(network(for: format), seed: 1), format)
    var refused = 0
    // The structures are at the end, and those have checksums, which are not looked at here.
    for position in stride(from: good.count - 20_000, to: good.count, by: 37) {
      var bad = good
      bad[position] ^= 0xFF
      try bad.withUnsafeBytes { bytes in
        do {
          _ = try HDF5Weights.read(.memory(bytes), verifyingChecksums: false)
        } catch is ResNetError {
          refused += 1
        }
      }
    }
    #expect(refused > 50)
    for length in stride(from: 0, to: good.count, by: 9973) {
      var report = ImportReport()
      let cut = Array(good[..<length])
      #expect(throws: ResNetError.self) { try imported(cut, &report) }
    }
  }

  @Test(arguments: [
    ("res2a_branch2a", "layer1.0.conv1"), ("res4b22_branch2c", "layer3.22.conv3"),
    ("res3d_branch2b", "layer2.3.conv2"), ("res5a_branch1", "layer4.0.downsample.0"),
    ("fc1000", "fc"), ("conv1", "conv1"),
  ])
  func namesOfCaffe(_ name: String, _ expected: String) {
    #expect(LayerPlace.caffe(name)?.0.convolution == expected)
  }

  @Test(arguments: [
    "res1a_branch1", "res2a_branch3", "res2a_branch2", "res2c1_branch2a", "res2b0_branch2a",
    "resa_branch1", "res2_branch1", "res99999a_branch1", "res2a_branch2ab", "pool1", "fc", "",
  ])
  func otherNamesAreNotCaffes(_ name: String) {
    #expect(LayerPlace.caffe(name) == nil)
  }
}
