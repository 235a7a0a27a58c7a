import Glibc
import ResNet
import ResNetData

/// A file of TensorBoard's: scalars by step, each in a record of TensorFlow's, which is a length, the
/// message and a checksum of each ("TFRecord"; tensorflow/core/util/event.proto, summary.proto).
final class EventFile {
  private let file: AppendedFile

  private static let prefix = "events.out.tfevents."

  /// A new file in `folder`. What older ones say of later steps than `step` no longer counts.
  init(in folder: String, after step: Int) throws(ResNetError) {
    // TensorBoard reads the files of a folder in the order of their names, which begin with the time.
    let path = "\(folder)/\(Self.prefix)\(time(nil)).libresnet.\(getpid())"
    file = try AppendedFile(path, O_EXCL)
    do throws(ResNetError) {
      try add(Message().text(3, "brain.Event:2"))
      // A session's start: what comes after the step in other files is purged.
      try add(Message().integer(2, step + 1).message(7, Message().integer(1, 1)))
    } catch {
      unlink(path)
      throw error
    }
  }

  /// Whether a folder has no such file.
  static func areMissing(in folder: String) throws(ResNetError) -> Bool {
    try !Directory.names(in: folder).contains { $0.hasPrefix(prefix) }
  }

  /// Adds a step's scalars.
  func add(_ scalars: [(tag: String, value: Double)], step: Int) throws(ResNetError) {
    let summary = scalars.reduce(Message()) {
      $0.message(1, Message().text(1, $1.tag).float(2, Float($1.value)))
    }
    try add(Message().integer(2, step).message(5, summary))
  }

  private func add(_ event: Message) throws(ResNetError) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let data =
      Message().double(1, Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9).bytes + event.bytes
    let length = littleEndian(UInt64(data.count))
    let record =
      length + littleEndian(CRC32C.masked(length)) + data + littleEndian(CRC32C.masked(data))
    try file.add(record)
  }
}

/// A message of Protocol Buffers, as its bytes: fields by number.
private struct Message {
  private(set) var bytes: [UInt8] = []

  func integer(_ field: Int, _ value: Int) -> Message {
    appending(key(field, 0) + variable(UInt64(value)))
  }

  func double(_ field: Int, _ value: Double) -> Message {
    appending(key(field, 1) + littleEndian(value.bitPattern))
  }

  func float(_ field: Int, _ value: Float) -> Message {
    appending(key(field, 5) + littleEndian(value.bitPattern))
  }

  func text(_ field: Int, _ value: String) -> Message { data(field, Array(value.utf8)) }

  func message(_ field: Int, _ value: Message) -> Message { data(field, value.bytes) }

  private func data(_ field: Int, _ value: [UInt8]) -> Message {
    appending(key(field, 2) + variable(UInt64(value.count)) + value)
  }

  private func key(_ field: Int, _ kind: UInt64) -> [UInt8] { variable(UInt64(field) << 3 | kind) }

  private func variable(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private func appending(_ more: [UInt8]) -> Message {
    var message = self
    message.bytes += more
    return message
  }
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// Castagnoli's checksum, as TensorFlow's records have it.
private enum CRC32C {
  private static let table = (0..<256 as Range<UInt32>).map { byte in
    (0..<8).reduce(byte) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
  }

  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = ~bytes.reduce(~0 as UInt32) { crc, byte in
      crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
    }
    return (crc >> 15 | crc << 17) &+ 0xa282_ead8
  }
}
