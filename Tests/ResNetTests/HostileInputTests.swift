import Foundation
import FuzzTargets
import Testing

@testable import ResNet

/// What the fuzzer begins with and what it has found (`make fuzz`, Tests/fuzz), each as it is and with
/// some random damage: refused with a reason, or sound.
@Suite struct HostileInputTests {
  private static let tests = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The files of a folder that are small enough to be tried often.
  private static func files(_ folder: String) throws -> [URL] {
    let directory = tests.appendingPathComponent(folder)
    guard FileManager.default.fileExists(atPath: directory.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(
      at: directory, includingPropertiesForKeys: [.fileSizeKey]
    ).filter { try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0 <= 1 << 15 }
      .sorted { $0.path < $1.path }
  }

  private static func seeds(_ target: FuzzTarget) throws -> [URL] {
    try files(target.seeds) + files("fuzz/regressions/\(target.rawValue)")
  }

  private static func run(_ target: FuzzTarget, _ bytes: [UInt8]) -> Finding? {
    bytes.withUnsafeBytes { bytes in
      do throws(Finding) {
        try target.run(bytes)
        return nil
      } catch {
        return error
      }
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func seedsAndFindings(_ target: FuzzTarget) throws {
    let seeds = try Self.seeds(target)
    try #require(!seeds.isEmpty, "\(target) has no seeds: see Tests/fuzz/seeds.py")
    for file in seeds {
      let finding = Self.run(target, Array(try Data(contentsOf: file)))
      #expect(finding == nil, "\(file.path): \(finding?.message ?? "")")
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func damagedSeeds(_ target: FuzzTarget) throws {
    var random = Damage(seed: 1)
    for file in try Self.seeds(target) {
      let whole = Array(try Data(contentsOf: file))
      for round in 0..<100 {
        let damaged = random.damage(whole)
        let finding = Self.run(target, damaged)
        #expect(
          finding == nil,
          "\(file.path), round \(round): \(finding?.message ?? "") \(Data(damaged).base64EncodedString())"
        )
      }
    }
  }
}

/// Flips, overwrites, removes and repeats bytes, the same ones with the same seed.
private struct Damage {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private mutating func below(_ limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return limit == 0 ? 0 : Int(state >> 33) % limit
  }

  mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...below(3) {
      let start = below(bytes.count)
      let length = min(1 + below(4), bytes.count - start)
      let range = start..<start + length
      switch below(5) {
      case 0: bytes.removeSubrange(start...)
      case 1: bytes.removeSubrange(range)
      case 2: bytes.insert(contentsOf: bytes[range], at: start)
      case 3: for index in range { bytes[index] = [0, 0x7F, 0x80, 0xFF][below(4)] }
      default: for index in range { bytes[index] ^= 1 << UInt8(below(8)) }
      }
      if bytes.isEmpty { break }
    }
    return bytes
  }
}
