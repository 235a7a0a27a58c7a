import Foundation
import Testing

@testable import ResNet

/// All tests of Storage/, one after another: one limits the size of files for the whole process.
@Suite(.serialized) enum StorageTests {}

extension StorageTests {
  /// The smallest network there is room for.
  static let tiny = Network(
    name: "tiny", inputChannels: 2, stem: .cifar, stemWidth: 3, block: .basic,
    stages: [Network.Stage(blocks: 1, width: 3, stride: 1)], shortcut: .a, classes: 2)

  /// A model whose every value is different and some of which only survive bit for bit.
  static func model(_ network: Network = tiny) throws -> Model {
    let model = try Model(zeros: network)
    var state: UInt64 = 1
    for tensor in model.layout.tensors {
      let values = (0..<tensor.count).map { index -> Float in
        switch index % 5 {
        case 0: return -0.0
        case 1: return Float.leastNonzeroMagnitude
        case 2: return -Float.greatestFiniteMagnitude
        default:
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          let value = Float(bitPattern: UInt32(truncatingIfNeeded: state >> 32))
          return value.isFinite ? value : 0.1
        }
      }
      let isVariance = tensor.kind == .runningVariance
      try model.setTensor(
        named: tensor.name, to: values.reversed().map { isVariance && $0 < 0 ? -$0 : $0 })
    }
    return model
  }

  /// `model` with all that a file can hold.
  static func fullModel() throws -> Model {
    let model = try model()
    try model.setNormalization(
      Normalization(
        mean: (0..<24).map { Float($0) / 7 }, meanExtent: Extent(height: 3, width: 4),
        scale: [1 / 255, -0.0]))
    try model.setClassNames(["Katze", "犬 🐕"])
    return model
  }

  static func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

  static func isSame(_ a: Model, _ b: Model) throws -> Bool {
    guard a.network == b.network,
      a.classNames.map(\.utf8).elementsEqual(
        b.classNames.map(\.utf8), by: { $0.elementsEqual($1) }),
      bits(a.normalization.mean) == bits(b.normalization.mean),
      bits(a.normalization.scale) == bits(b.normalization.scale),
      a.normalization.meanExtent == b.normalization.meanExtent
    else { return false }
    for tensor in a.layout.tensors {
      guard try bits(a.tensor(named: tensor.name)) == bits(b.tensor(named: tensor.name)) else {
        return false
      }
    }
    return true
  }

  /// Calls `body` with the path of a fresh directory, removed afterwards.
  static func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("resnet-storage-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  static func put(_ bytes: [UInt8], at path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  static func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  /// The error that `body` throws; a failed expectation and nil if it throws none.
  static func failure(
    _ location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) -> ResNetError? {
    do {
      try body()
    } catch let error as ResNetError {
      return error
    } catch {
      Issue.record("threw \(error)", sourceLocation: location)
      return nil
    }
    Issue.record("did not throw", sourceLocation: location)
    return nil
  }

  /// How many of the process's open files are in a directory.
  static func openFiles(in directory: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { number in
      let path = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/self/fd/\(number)")
      return path?.hasPrefix(directory) == true
    }
  }

  /// The checksums that a file has for its datasets.
  static func entries(_ path: String) throws -> [FileChecksums.Entry] {
    let descriptor = Glibc.open(path, O_RDONLY)
    var status = stat()
    try #require(fstat(descriptor, &status) == 0)
    return try FileChecksums.verifyStructure(FileReader(path, descriptor, status))
  }

  /// The checksums of HDF5 data in which the datasets lie at `parts`.
  static func trailer(of data: [UInt8], parts: [FileChecksums.Part]) -> [UInt8] {
    var checksums = FileChecksums.Writer()
    var end = 0
    data.withUnsafeBytes { bytes in
      for part in parts {
        checksums.add(UnsafeRawBufferPointer(rebasing: bytes[end..<part.range.lowerBound]))
        checksums.add(
          UnsafeRawBufferPointer(rebasing: bytes[part.range]), of: part.name, range: part.range)
        end = part.range.upperBound
      }
      checksums.add(UnsafeRawBufferPointer(rebasing: bytes[end...]))
    }
    return checksums.trailer()
  }

  /// Gives a file that was changed the checksums that go with it.
  static func reseal(_ path: String, parts: [FileChecksums.Part] = []) throws {
    let file = try bytes(path)
    // The superblock's end-of-file address: what follows is not HDF5's.
    let end = file.withUnsafeBytes {
      Int(UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 28, as: UInt64.self)))
    }
    let data = Array(file[..<min(end, file.count)])
    try put(data + trailer(of: data, parts: parts), at: path)
  }
}
