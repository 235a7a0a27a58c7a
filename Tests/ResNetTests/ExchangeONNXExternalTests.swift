import Foundation
import Testing

@testable import ResNet
@testable import ResNetExchange

/// ONNX files whose values are in another file, as PyTorch's exporter writes them by default.
@Suite struct ExchangeONNXExternalTests {
  private static let name = "bottleneck-external.onnx"
  private static let values = name + ".data"

  /// Calls `body` with a folder of both files, and the path of the first.
  private static func withFiles(_ body: (_ folder: String, _ path: String) throws -> Void) throws {
    try StorageTests.withDirectory { folder in
      for name in [name, values] {
        try StorageTests.put(
          StorageTests.bytes(ExchangeONNXTests.folder.appending(path: name).path),
          at: "\(folder)/\(name)")
      }
      try body(folder, "\(folder)/\(name)")
    }
  }

  /// Replaces a text in a file by another of the same length.
  private static func replace(_ old: String, by new: String, in path: String) throws {
    var bytes = try StorageTests.bytes(path)
    let (old, new) = (Array(old.utf8), Array(new.utf8))
    try #require(old.count == new.count)
    var found = 0
    for start in bytes.indices.dropLast(old.count)
    where bytes[start..<start + old.count].elementsEqual(old) {
      bytes.replaceSubrange(start..<start + old.count, with: new)
      found += 1
    }
    try #require(found > 0)
    try StorageTests.put(bytes, at: path)
  }

  private static func imported(_ path: String) throws -> Model {
    var report = ImportReport()
    return try Model.importing(path, report: &report)
  }

  private static func expectRefusal(
    _ path: String, _ kind: ResNetError.Kind = .badFormat, _ parts: String...,
    location: SourceLocation = #_sourceLocation
  ) {
    let error = StorageTests.failure(location) { _ = try imported(path) }
    #expect(error?.kind == kind, sourceLocation: location)
    for part in parts {
      #expect(
        error?.message.contains(part) == true, "\(error?.message ?? "")", sourceLocation: location)
    }
  }

  /// What is in the file is the same whatever its values are, which an import looks at.
  @Test func whatIsInItIsSaidWithoutValues() throws {
    try Self.withFiles { folder, path in
      let facts = try WeightsFile.inspect(path)
      let network = try facts.network.get()
      #expect(network.block == .bottleneck && network.classes == 5)
      let shapes = facts.weights.tensors.map(\.shape)
      #expect(shapes.contains([64, 16, 1, 1]) && facts.notes.isEmpty)
      #expect(facts.bytes == (try StorageTests.bytes(path).count) + 33560)
      _ = try Self.imported(path)
      let model = try Model(network, seed: 1)
      var report = ImportReport()
      try model.importWeights(from: path, report: &report)
      #expect(report.imported == model.layout.tensors.count)
      try StorageTests.put([UInt8](repeating: 0xFF, count: 33560), at: "\(folder)/\(Self.values)")
      #expect(try WeightsFile.inspect(path).network.get() == network)
      Self.expectRefusal(path, .notFinite)
    }
  }

  @Test func aMissingFileIsNamedWithItsPlace() throws {
    try Self.withFiles { folder, path in
      unlink("\(folder)/\(Self.values)")
      Self.expectRefusal(
        path, .notFound, "tensor \"", "the file \"\(Self.values)\"", "in the folder of \(path)",
        "no such file")
      #expect(throws: ResNetError.self) { try WeightsFile.inspect(path) }
      mkdir("\(folder)/\(Self.values)", 0o700)
      Self.expectRefusal(path, .badFormat, Self.values, "it is a directory")
    }
  }

  @Test func bytesInMemoryHaveNoOtherFile() throws {
    try Self.withFiles { _, path in
      var report = ImportReport()
      let bytes = try StorageTests.bytes(path)
      let error = StorageTests.failure {
        try bytes.withUnsafeBytes { _ = try Model.importing(bytes: $0, report: &report) }
      }
      #expect(error?.kind == .badFormat)
      #expect(error?.message.contains("import it by its path") == true)
    }
  }

  /// Below the folder it may lie anywhere, and nowhere else.
  @Test func theFileIsBelowTheFolder() throws {
    try Self.withFiles { folder, path in
      let inner = "w/" + Self.values.dropFirst(2)
      try Self.replace(Self.values, by: inner, in: path)
      mkdir("\(folder)/w", 0o700)
      rename("\(folder)/\(Self.values)", "\(folder)/\(inner)")
      _ = try Self.imported(path)
      for (other, reason) in [
        ("/" + inner.dropFirst(), "not in the folder"), ("../" + inner.dropFirst(3), "without .."),
        ("w/../" + inner.dropFirst(5), "without .."),
      ] {
        try Self.withFiles { _, path in
          try Self.replace(Self.values, by: other, in: path)
          Self.expectRefusal(path, .badFormat, other, reason)
        }
      }
    }
  }

  /// A slash is one before a combining mark, too, with which it looks like another character.
  @Test func slashesAreBytes() throws {
    try Self.withFiles { folder, path in
      let inner = "w/\u{301}" + Self.values.dropFirst(4)
      try Self.replace(Self.values, by: inner, in: path)
      mkdir("\(folder)/w", 0o700)
      rename("\(folder)/\(Self.values)", "\(folder)/\(inner)")
      let marked = "\(folder)/\u{301}.onnx"
      rename(path, marked)
      _ = try Self.imported(marked)
    }
    try Self.withFiles { folder, path in
      let outer = "../\u{301}" + Self.values.dropFirst(5)
      try Self.replace(Self.values, by: outer, in: path)
      mkdir("\(folder)/w", 0o700)
      rename(path, "\(folder)/w/m.onnx")
      rename("\(folder)/\(Self.values)", "\(folder)/\(outer.dropFirst(3))")
      Self.expectRefusal("\(folder)/w/m.onnx", .badFormat, "without ..")
    }
  }

  @Test func linksThatLeaveTheFolderAreRefused() throws {
    try Self.withFiles { folder, path in
      let (link, blob) = ("\(folder)/\(Self.values)", "\(folder)/blob")
      rename(link, blob)
      symlink("blob", link)
      _ = try Self.imported(path)
      try Self.withFiles { other, _ in
        unlink(link)
        symlink("\(other)/\(Self.values)", link)
        Self.expectRefusal(path, .badFormat, Self.values, "a link to another folder, \(other)")
      }
      // The way of the Hugging Face Hub's cache: all files are links to one folder of contents.
      unlink(link)
      mkdir("\(folder)/snapshot", 0o700)
      symlink("../\(Self.name)", "\(folder)/snapshot/\(Self.name)")
      symlink("../blob", "\(folder)/snapshot/\(Self.values)")
      _ = try Self.imported("\(folder)/snapshot/\(Self.name)")
    }
  }

  /// Values must be within their file, and as many as the shape says.
  @Test(arguments: [
    ("24088", "94088"), ("24088", "-4088"), ("24088", "x4088"), ("24088", "33556"),
    ("8192", "8188"), ("8192", "0000"), ("8192", "-192"),
  ])
  func otherPlacesAreRefused(_ old: String, _ new: String) throws {
    try Self.withFiles { _, path in
      try Self.replace(old, by: new, in: path)
      Self.expectRefusal(path, .badFormat, new, Self.values, "has 33560")
    }
  }

  @Test func aFileThatIsCutOffIsRefused() throws {
    try Self.withFiles { folder, path in
      truncate("\(folder)/\(Self.values)", 33_559)
      Self.expectRefusal(path, .badFormat, "\"fc.weight\"", "1280 bytes from 32280", "has 33559")
    }
  }
}
