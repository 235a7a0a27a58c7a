import Foundation
import Testing

@testable import ResNet
@testable import ResNetExchange

/// What people have instead of weights is called by its name, with what to do about it.
@Suite struct ExchangeUnreadTests {
  private static func message(_ bytes: [UInt8]) -> String {
    var report = ImportReport()
    let error = StorageTests.failure {
      try bytes.withUnsafeBytes { _ = try Model.importing(bytes: $0, report: &report) }
    }
    #expect(error?.kind == .badFormat)
    return error?.message ?? ""
  }

  /// A zip archive; entries of which `isCompressed` only say so.
  private static func archive(
    _ entries: [(name: String, bytes: [UInt8])], compressed: Set<String> = []
  ) -> [UInt8] {
    var (file, directory): ([UInt8], [UInt8]) = ([], [])
    for (name, bytes) in entries {
      var common: [UInt8] = []
      for value: UInt16 in [20, 0, compressed.contains(name) ? 8 : 0, 0, 33, 0, 0] {
        common.append(little: value)
      }
      common.append(little: UInt32(bytes.count))
      common.append(little: UInt32(bytes.count + (compressed.contains(name) ? 9 : 0)))
      common.append(little: UInt16(name.utf8.count))
      directory += [0x50, 0x4B, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 12)
      directory.append(little: UInt32(file.count))
      directory += Array(name.utf8)
      file += [0x50, 0x4B, 3, 4] + common + [0, 0] + Array(name.utf8) + bytes
    }
    var end: [UInt8] = [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
    end.append(little: UInt16(entries.count))
    end.append(little: UInt16(entries.count))
    end.append(little: UInt32(directory.count))
    end.append(little: UInt32(file.count))
    return file + directory + end + [0, 0]
  }

  /// What `torch.save` makes of an object, without storages.
  private static func saved(_ pickle: String) -> [UInt8] {
    archive([
      (
        "archive/data.pkl",
        [0x80, 2] + Array(pickle.unicodeScalars.map { UInt8($0.value) }) + [0x2E]
      )
    ])
  }

  @Test(arguments: [
    ([], "it is empty"),
    ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0], "compressed by gzip: unpack it"),
    (Array("version https://git-lfs.github.com/spec/v1\noid sha256:".utf8), "git lfs pull"),
    (Array("<!DOCTYPE html><html>".utf8), "of a download that failed"),
    ([0x1C, 0, 0, 0] + Array("TFL3".utf8) + [0, 0], "TensorFlow Lite"),
    ([0x80, 4, 0x95, 10, 0, 0, 0, 0, 0, 0, 0, 0x7D], "a pickle that torch.save did not write"),
    (Array("no weights".utf8), "of no format that is known here"),
  ])
  func otherFiles(_ bytes: [UInt8], _ reason: String) {
    let message = Self.message(bytes)
    #expect(message.contains(reason), "\(message)")
  }

  @Test(arguments: [
    (["m/data.pkl", "m/code/m.py", "m/constants.pkl"], "a TorchScript archive (torch.jit.save)"),
    (["m/data/weights/weight_0", "m/archive_format"], "an exported program (torch.export.save)"),
    (["serialized_exported_program.json"], "an exported program (torch.export.save)"),
    (["conv1.weight.npy"], "an archive of NumPy arrays"),
    (["a.txt"], "0 entries data.pkl"),
    (["config.json", "model.weights.h5"], "it is not an HDF5 file"),
  ])
  func otherArchives(_ names: [String], _ reason: String) {
    let message = Self.message(
      Self.archive(names.map { ($0, [0x4E, 0x2E]) }, compressed: ["m/code/m.py"]))
    #expect(message.contains(reason), "\(message)")
  }

  @Test func compressedEntriesAreNotRead() {
    let message = Self.message(Self.archive([("m/data.pkl", [0x4E])], compressed: ["m/data.pkl"]))
    #expect(message.contains("m/data.pkl is compressed"), "\(message)")
  }

  @Test func aSavedModelIsAFolder() throws {
    try StorageTests.withDirectory { folder in
      try StorageTests.put([8], at: folder + "/saved_model.pb")
      var report = ImportReport()
      let error = StorageTests.failure { _ = try Model.importing(folder, report: &report) }
      #expect(error?.message.contains("a SavedModel of TensorFlow") == true)
    }
  }

  /// Whole models, by both ways of pickling an object; and checkpoints of them.
  @Test(arguments: [
    (
      "ctorchvision.models.resnet\nResNet\n)\u{81}}b",
      "of the class torchvision.models.resnet.ResNet"
    ),
    ("cmine\nmake\n)R", "of the class mine.make"),
    ("cmine\nNet\n)}\u{92}", "of the class mine.Net"),
    (
      "}X\u{5}\0\0\0modelcmine\nNet\n)\u{81}s",
      "under the key model is a pickled object of the class mine.Net"
    ),
    ("}X\u{5}\0\0\0epochK\u{3}s", "its keys are epoch"),
    ("]K\u{1}a", "no state dict but another object"),
    ("}b", "other than a state dict or an object has attributes"),
    (
      "ccollections\nOrderedDict\n](](K\u{1}K\u{2}K\u{3}K\u{4}ee\u{85}R",
      "a pair of an OrderedDict is no list of two"
    ),
    // A list of one pair, many times, of which many dictionaries are made.
    (
      "](K\u{1}K\u{2}eq\00](" + String(repeating: "h\0", count: 1000) + "eq\u{1}0"
        + String(repeating: "ccollections\nOrderedDict\nh\u{1}\u{85}R0", count: 100) + "N",
      "more items than it has bytes"
    ),
    ("K\u{1}}b", "other than a state dict or an object has attributes"),
    ("K\u{1})\u{81}", "an object of no class"),
  ])
  func otherPickles(_ pickle: String, _ reason: String) {
    let message = Self.message(Self.saved(pickle))
    #expect(message.contains(reason), "\(message)")
    if reason.contains("class m") { #expect(message.contains("save model.state_dict()")) }
  }

  /// A file may call things as it likes: a message is a line that can be read.
  @Test(arguments: [
    "c" + String(repeating: "m", count: 100_000) + "\nNet\n)\u{81}",
    "c\u{1B}[31m\rmine\nNet\n)\u{81}",
    "}(" + String(repeating: "X\u{7}\0\0\0a\u{1B}[31m\nK\u{1}", count: 9999) + "u",
    "(X\u{7}\0\0\0storagectorch\nFloatStorage\nX\u{1}\0\0\00X\u{3}\0\0\0cpuK\u{1}tQq\00"
      + "ctorch._utils\n_rebuild_tensor_v2\n(h\0K\0(" + String(repeating: "K\u{1}", count: 9999)
      + "t)tR",
  ])
  func messagesAreShortAndOnOneLine(_ pickle: String) {
    let message = Self.message(Self.saved(pickle))
    #expect(message.utf8.count < 2000)
    #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "\(message)")
  }

  // MARK: - Checkpoints

  private static let network = Network(
    name: "resnet8", stem: .cifar, stemWidth: 4, block: .basic,
    stages: [.init(blocks: 1, width: 4, stride: 1), .init(blocks: 2, width: 8, stride: 2)],
    shortcut: .b, classes: 3)

  /// A checkpoint whose parts are pickled as those texts, or are the state dict, under their keys.
  private static func checkpoint(of model: Model, _ parts: [(key: String, pickle: String?)]) throws
    -> [UInt8]
  {
    let path = "/tmp/resnet-exchange-\(AtomicFile.uniqueName())"
    try model.export(to: path, format: .torch)
    defer { unlink(path) }
    let bytes = try StorageTests.bytes(path)
    return try bytes.withUnsafeBytes { buffer in
      let archive = try ZipArchive(.memory(buffer))
      var entries: [(name: String, bytes: [UInt8])] = []
      for name in archive.names { entries.append((name, try archive.bytes(name, atMost: 1 << 20))) }
      let index = try #require(entries.firstIndex { $0.name == "archive/data.pkl" })
      let state = Array(entries[index].bytes.dropFirst(2).dropLast())
      var pickle: [UInt8] = [0x80, 2, 0x7D, 0x28]
      for (key, text) in parts {
        pickle += [0x58, UInt8(key.utf8.count), 0, 0, 0] + Array(key.utf8)
        pickle += text.map { $0.unicodeScalars.map { UInt8($0.value) } } ?? state
      }
      entries[index].bytes = pickle + [0x75, 0x2E]
      return Self.archive(entries)
    }
  }

  /// A tensor of one element.
  private static let tensor =
    "ctorch._utils\n_rebuild_tensor_v2\n((X\u{7}\0\0\0storagectorch\nFloatStorage\nX\u{1}\0\0\00"
    + "X\u{3}\0\0\0cpuK\u{1}tQK\0(K\u{1}t(K\u{1}t\u{89}ccollections\nOrderedDict\n)RtR"

  /// Arguments, numbers of NumPy's and other objects lie beside many state dicts, under any key.
  @Test(arguments: ["model", "weights", "my_net"])
  func whatLiesBesideAStateDictIsIgnored(_ key: String) throws {
    let model = try Model(Self.network, seed: 1)
    let bytes = try Self.checkpoint(
      of: model,
      [
        ("args", "cargparse\nNamespace\n)\u{81}}X\u{2}\0\0\0lrK\u{1}sb"),
        ("best", "cnumpy.core.multiarray\nscalar\n(K\u{1}K\u{2}tR"),
        ("seen", "ccollections\ndefaultdict\nc__builtin__\nlist\n\u{85}RK\u{1}]s"),
        ("rng", Self.tensor), ("set", "\u{8F}(K\u{1}\u{90}"), ("frozen", "(K\u{1}\u{91}"),
        (key, nil),
        ("epoch", "K\u{3}"),
      ])
    var report = ImportReport()
    let copy = try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
    #expect(report.notes.map(\.name) == ["args", "best", "seen", "rng", "set", "frozen", "epoch"])
    #expect(report.notes.allSatisfy { $0.kind == .ignored })
    #expect(try copy.tensor(named: "fc.weight") == model.tensor(named: "fc.weight"))
  }

  /// Tensors that are called as those of layers are may lie beside a state dict.
  @Test func aTensorBesideAStateDictIsIgnored() throws {
    let model = try Model(Self.network, seed: 1)
    let bytes = try Self.checkpoint(of: model, [("ema.decay", Self.tensor), ("state_dict", nil)])
    var report = ImportReport()
    let copy = try bytes.withUnsafeBytes { try Model.importing(bytes: $0, report: &report) }
    #expect(report.notes.map(\.name) == ["ema.decay"])
    #expect(try copy.tensor(named: "fc.weight") == model.tensor(named: "fc.weight"))
  }

  @Test func oneOfSeveralStateDictsMustBeSaid() throws {
    let model = try Model(Self.network, seed: 1)
    let message = Self.message(try Self.checkpoint(of: model, [("a", nil), ("ema", nil)]))
    #expect(message.contains("2 state dicts, a, ema"), "\(message)")
    #expect(message.contains("torch.save(checkpoint[\"a\"], path)"))
  }
}
