import Foundation

/// A directory for the files of datasets, gone when the test is over.
final class DataDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "data-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  /// CIFAR records with those label bytes; the pixels tell record and position.
  func write(labels: [[UInt8]], to name: String, tag: Int = 0) throws {
    try write(
      labels.enumerated().flatMap { record, bytes in
        bytes + (0..<3072).map { DataDirectory.pixel(tag, record, $0) }
      }, to: name)
  }

  /// An IDX file: its first word, its dimensions, its values.
  func write(magic: UInt32, _ dimensions: [UInt32], _ values: [UInt8], to name: String) throws {
    let header = ([magic] + dimensions).flatMap { word in
      withUnsafeBytes(of: word.bigEndian) { Array($0) }
    }
    try write(header + values, to: name)
  }

  static func pixel(_ tag: Int, _ record: Int, _ position: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: tag &* 101 &+ record &* 31 &+ position &* 7 &+ position / 256)
  }
}
