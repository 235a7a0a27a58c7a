import Foundation
import Testing

@testable import ResNet
@testable import ResNetExchange

/// Files that another one names, and tensors that say to be in them.
@Suite struct ExchangeBesideTests {
  /// Calls `body` with a folder and what opens files beside one of it.
  private static func withFiles(_ body: (_ folder: String, FilesBeside) throws -> Void) throws {
    try StorageTests.withDirectory { folder in
      try StorageTests.put([0], at: folder + "/m.onnx")
      try body(folder, FilesBeside(of: try ModelFile.open(folder + "/m.onnx")))
    }
  }

  @Test(arguments: [
    ("", "its name is empty"), (".", "it is a directory"), ("w/.", "it is a directory"),
    ("w", "it is a directory"), ("/a", "not in the folder"), ("..", "without .."),
    ("w/../a", "without .."), ("w/..", "without .."), ("a\0", "zero byte"),
  ])
  func placesThatAreNoneAreSaidToBeSo(_ location: String, _ reason: String) throws {
    try Self.withFiles { folder, files in
      mkdir(folder + "/w", 0o700)
      let error = thrownError { try files.open(location) }
      #expect(error?.kind == .badFormat)
      #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
  }

  @Test(arguments: ["a", "./a", "w//b", "w/./b", "..a"])
  func placesBelowAreFound(_ location: String) throws {
    try Self.withFiles { folder, files in
      mkdir(folder + "/w", 0o700)
      for name in ["a", "w/b", "..a"] { try StorageTests.put([1, 2], at: "\(folder)/\(name)") }
      #expect(try files.open(location).size == 2)
      let error = thrownError { try files.open(location + "/") }
      #expect(error?.kind == .notFound)
    }
  }

  /// Names that differ in bytes are of different files, however equal they look.
  @Test func namesAreBytes() throws {
    try Self.withFiles { folder, _ in
      try StorageTests.put([1], at: "\(folder)/\u{E9}")
      try StorageTests.put([1, 2], at: "\(folder)/e\u{301}")
      let file = ProtobufFile(.file(try ModelFile.open(folder + "/m.onnx")))
      for _ in 0..<2 {
        #expect(try file.other("\u{E9}").size == 1)
        #expect(try file.other("e\u{301}").size == 2)
      }
      #expect(file.bytesBeside == 3)
    }
  }

  @Test func aLinkedFolderMayNotLeadOut() throws {
    try Self.withFiles { folder, files in
      mkdir(folder + "/w", 0o700)
      try StorageTests.put([1], at: folder + "/w/a")
      symlink("w", folder + "/inner")
      #expect(try files.open("inner/a").size == 1)
      try Self.withFiles { other, _ in
        try StorageTests.put([1], at: other + "/a")
        symlink(other, folder + "/outer")
        let error = thrownError { try files.open("outer/a") }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("a link to another folder") == true)
      }
    }
  }

  @Test func aFileIsTheSameEachTime() throws {
    try Self.withFiles { folder, files in
      try StorageTests.put([1], at: folder + "/a")
      _ = try files.open("a")
      _ = try files.open("a")
      try StorageTests.put([2], at: folder + "/b")
      rename(folder + "/b", folder + "/a")
      let error = thrownError { try files.open("a") }
      #expect(error?.kind == .inputOutput && error?.message.contains("it was replaced") == true)

      let reader = try ModelFile.open(folder + "/m.onnx")
      rename(folder + "/a", folder + "/m.onnx")
      let other = thrownError { try FilesBeside(of: reader) }
      #expect(other?.kind == .inputOutput && other?.message.contains("was replaced") == true)
    }
  }

  // MARK: - Tensors

  /// A tensor of one dimension, in a file of a folder; `location` is that of its values.
  private static func tensor(
    _ folder: String, _ type: Int, count: Int, location: String?, raw: Int? = nil
  ) throws -> ONNXTensor {
    var tensor = ProtobufWriter()
    tensor.add(ONNX.Tensor.dims, count)
    tensor.add(ONNX.Tensor.dataType, type)
    tensor.add(ONNX.Tensor.name, "t")
    tensor.add(ONNX.Tensor.dataLocation, 1)
    if let location {
      var pair = ProtobufWriter()
      pair.add(1, "location")
      pair.add(2, location)
      tensor.add(ONNX.Tensor.externalData, pair)
    }
    if let raw { tensor.head(ONNX.Tensor.rawData, count: raw) }
    let bytes = tensor.bytes + [UInt8](repeating: 0, count: raw ?? 0)
    try StorageTests.put(bytes, at: folder + "/t.onnx")
    let file = ProtobufFile(.file(try ModelFile.open(folder + "/t.onnx")))
    return try ONNXTensor(ProtobufReader(file, 0..<bytes.count))
  }

  @Test func valuesAreInOnePlace() throws {
    try Self.withFiles { folder, _ in
      let type = ONNX.DataType.float
      for (location, raw, reason) in [
        (nil, nil, "in another file, which is not named"), (nil, 4, "which is not named"),
        ("a", 4, "in another file, and are in this one as well"),
      ] as [(String?, Int?, String)] {
        let error = thrownError {
          try Self.tensor(folder, type, count: 1, location: location, raw: raw)
        }
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
      }
    }
  }

  /// A file without contents may be as large as any number of bytes.
  @Test(.enabled(if: access("/dev/shm", W_OK) == 0))
  func whatIsFewIsNotReadIfItIsMany() throws {
    let folder = "/dev/shm/\(AtomicFile.uniqueName())"
    mkdir(folder, 0o700)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try StorageTests.put([], at: folder + "/a")
    try #require(truncate(folder + "/a", 1 << 62) == 0)
    let integers = try Self.tensor(folder, ONNX.DataType.int32, count: 1 << 60, location: "a")
    let error = thrownError { try integers.integers() }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("expected 1024 at most") == true)
    let floats = try Self.tensor(folder, ONNX.DataType.float, count: 1 << 60, location: "a")
    #expect(try ONNXConstant(floats).number() == nil)
    try #require(truncate(folder + "/a", 4) == 0)
    let one = try Self.tensor(folder, ONNX.DataType.float, count: 1, location: "a")
    #expect(try ONNXConstant(one).number() == 0)
  }
}
