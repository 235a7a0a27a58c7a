import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  @Suite struct RoundTrip {
    static let variants: [Network] = {
      var variants: [Network] = []
      for stem in [Network.Stem.cifar, .imageNet] {
        for (blockName, block) in [("basic", Network.Block.basic), ("bottleneck", .bottleneck)] {
          for shortcut in Network.Shortcut.allCases {
            for stride in Network.BottleneckStride.allCases {
              for zeros in Network.ZeroChannels.allCases {
                variants.append(
                  Network(
                    name: "\(stem)-\(blockName)-\(shortcut)", inputChannels: 1, stem: stem,
                    stemWidth: 4, block: block,
                    stages: [
                      Network.Stage(blocks: 2, width: 4, stride: 1),
                      Network.Stage(blocks: 1, width: 6, stride: 2),
                    ], shortcut: shortcut, bottleneckStride: stride, zeroChannels: zeros,
                    classes: 5))
              }
            }
          }
        }
      }
      return variants
    }()

    /// Those whose stem has a pooling, without its padding.
    static let roundedUp = variants.filter { $0.stem == .imageNet }.map { network in
      var network = network
      network.stemPool = .ceil
      return network
    }

    @Test(arguments: variants + roundedUp)
    func everyKindOfNetwork(_ network: Network) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model(network)
        try model.save(to: path)
        let loaded = try Model.load(from: path)
        #expect(try isSame(model, loaded))
      }
    }

    @Test func metadata() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model(Network.preset("resnet8", baseWidth: 4))
        try model.save(to: path)
        let without = try Data(contentsOf: URL(filePath: path))
        // As much as there may be.
        for index in 0..<Model.maximumMetadataCount {
          try model.setMetadata(
            String(repeating: "\(index % 10)", count: Model.maximumMetadataValue),
            for: "\(index)" + String(repeating: "n", count: 252))
        }
        try model.save(to: path)
        #expect(try Model.load(from: path).metadata == model.metadata)
        #expect(throws: ResNetError.self) { try model.setMetadata("", for: "one more") }
        for name in model.metadata.keys { try model.setMetadata(nil, for: name) }
        try model.setMetadata("", for: "é")
        try model.save(to: path)
        #expect(try Model.open(path).metadata == ["é": ""])
        try model.setMetadata(nil, for: "é")
        try model.save(to: path)
        #expect(try Data(contentsOf: URL(filePath: path)) == without)
        for (name, value) in [
          ("", ""), (String(repeating: "é", count: 128), ""), ("a\0", ""), ("a", "b\0"),
          ("a", String(repeating: "b", count: Model.maximumMetadataValue + 1)),
        ] {
          #expect(throws: ResNetError.self) { try model.setMetadata(value, for: name) }
        }
      }
    }

    /// They need version 2 of the format; what version 1 can say is written in that.
    @Test(
      arguments: (GradientCases.blocks + GradientCases.vectors + GradientCases.comparators)
        .map(\.network))
    func networksOfVersion2(_ network: Network) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model(network)
        try model.save(to: path)
        #expect(try isSame(model, try Model.load(from: path)))
        let isOld =
          network.block == .basic && network.affine == .batchNorm && network.stem == .cifar
        #expect(ModelFile.version(of: network) == (isOld ? 1 : 2))
      }
    }

    @Test(arguments: variants)
    func networksOfVersion1(_ network: Network) {
      #expect(ModelFile.version(of: network) == (network.shortcut == .gate ? 2 : 1))
    }

    @Test(arguments: roundedUp)
    func networksOfVersion3(_ network: Network) {
      #expect(ModelFile.version(of: network) == 3)
    }

    @Test(arguments: ["resnet20", "resnet56", "resnet50", "plain18", "highway19", "fitnet19"])
    func presets(_ name: String) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try Model(try Network.preset(name), seed: 3)
        try model.save(to: path)
        #expect(try isSame(model, try Model.load(from: path)))
      }
    }

    /// So many tensors that HDF5's indices have several levels.
    @Test(arguments: [100, 1500])
    func manyTensors(_ blocks: Int) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model(
          Network(
            name: "deep", inputChannels: 1, stem: .cifar, stemWidth: 1, block: .basic,
            stages: [Network.Stage(blocks: blocks, width: 1, stride: 1)], shortcut: .none,
            classes: 1))
        #expect(model.layout.tensors.count == 10 * blocks + 7)
        try model.save(to: path)
        #expect(try isSame(model, try Model.load(from: path)))
      }
    }

    @Test func normalizationAndClassNames() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        let loaded = try Model.load(from: path)
        #expect(try isSame(model, loaded))
        #expect(loaded.classNames == ["Katze", "犬 🐕"])
        #expect(loaded.normalization.meanExtent == Extent(height: 3, width: 4))
        #expect(loaded.normalization.scale[1].sign == .minus)
      }
    }

    @Test func meanPerChannel() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model()
        try model.setNormalization(Normalization(mean: [0.5, -0.25]))
        try model.save(to: path)
        let loaded = try Model.load(from: path)
        #expect(loaded.normalization == Normalization(mean: [0.5, -0.25]))
      }
    }

    /// Composed and decomposed letters are equal as text but not as bytes; nothing is normalised.
    @Test(arguments: [
      ["", ""], ["é", "e\u{301}"], ["a", String(repeating: "x", count: 100_000)],
    ])
    func classNamesByteForByte(_ names: [String]) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model()
        try model.setClassNames(names)
        try model.save(to: path)
        let loaded = try Model.load(from: path)
        #expect(loaded.classNames.map { Array($0.utf8) } == names.map { Array($0.utf8) })
      }
    }

    @Test func sameModelSameBytes() throws {
      try withDirectory { directory in
        let model = try fullModel()
        try model.save(to: directory + "/a.h5")
        try model.save(to: directory + "/b.h5")
        try Model.load(from: directory + "/a.h5").save(to: directory + "/c.h5")
        let first = try bytes(directory + "/a.h5")
        #expect(try bytes(directory + "/b.h5") == first)
        #expect(try bytes(directory + "/c.h5") == first)
      }
    }

    @Test(arguments: [Float.nan, .infinity])
    func valuesThatAreNotFiniteAreNotSaved(_ value: Float) throws {
      try withDirectory { directory in
        let model = try StorageTests.model()
        let tensor = try model.find("bn1.running_var")
        try model.parameters[tensor][2] = value
        let error = failure { try model.save(to: directory + "/model.h5") }
        #expect(error?.kind == .notFinite)
        #expect(error?.message.contains("bn1.running_var") == true)
        #expect(try names(in: directory).isEmpty)
      }
    }

    @Test func namesWithZeroBytesAreNotSaved() throws {
      try withDirectory { directory in
        let model = try StorageTests.model()
        try model.setClassNames(["a", "b\0c"])
        let error = failure { try model.save(to: directory + "/model.h5") }
        #expect(error?.kind == .invalidArgument)
        #expect(error?.message.contains("class 1") == true)
      }
    }

    /// What `h5dump`, an independent reader, says is in the file.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/h5dump")))
    func h5dumpReadsIt() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.setTensor(named: "fc.bias", to: [0.5, -1.25])
        try model.save(to: path)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/h5dump")
        process.arguments = ["-p", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(
          decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(output.contains("GROUP \"parameters\""))
        for tensor in model.layout.tensors {
          #expect(output.contains("DATASET \"\(tensor.name)\""))
        }
        #expect(output.contains("(0): 0.5, -1.25"))
        #expect(output.contains("\"libresnet model\""))
        #expect(output.contains("CHECKSUM FLETCHER32"))
        #expect(output.contains("DATATYPE  H5T_IEEE_F32LE"))
        #expect(output.contains("\"Katze"))
      }
    }

    @Test func checksumIsThatOfZlib() {
      func checksum(_ text: String) -> UInt32 {
        var sum = CRC32()
        Array(text.utf8).withUnsafeBytes { sum.add($0) }
        return sum.value
      }
      // The check value of the CRC catalogue, and lengths on both sides of the eight-byte step.
      #expect(checksum("123456789") == 0xCBF4_3926)
      #expect(checksum("") == 0)
      #expect(checksum("a") == 0xE8B7_BE43)
      #expect(checksum("The quick brown fox jumps over the lazy dog") == 0x414F_A339)
    }
  }
}
