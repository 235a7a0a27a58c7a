import Foundation
import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataCIFAR10Tests {
  typealias Directory = DataDirectory

  static func pixel(_ tag: Int, _ record: Int, _ position: Int) -> UInt8 {
    DataDirectory.pixel(tag, record, position)
  }

  @Test func readsTheFilesInOrder() throws {
    let directory = try Directory()
    for batch in 1...5 {
      let labels = (0..<batch).map { UInt8((batch + $0) % 10) }
      try directory.write(labels: labels.map { [$0] }, to: "data_batch_\(batch).bin", tag: batch)
    }
    let data = try CIFAR10(directory: directory.path, split: .train)
    #expect(data.count == 15 && data.channels == 3 && data.classes == 10)
    #expect(data.extent == Extent(height: 32, width: 32))
    #expect(data.unitScale == 1 / 255 as Float)
    let batch = try Batch(capacity: 15, channels: 3, extent: data.extent)
    try batch.read(Array(0..<15)[...], of: data, normalization: .identity)
    var image = 0
    let values = batch.values
    for file in 1...5 {
      for record in 0..<file {
        #expect(batch.labels[image] == Int32((file + record) % 10))
        let expected = (0..<3072).map { Float(Self.pixel(file, record, $0)) }
        #expect(Array(values[image * 3072..<(image + 1) * 3072]) == expected)
        image += 1
      }
    }
  }

  @Test func readsFilesLongerThanItsBuffer() throws {
    let directory = try Directory()
    let labels = (0..<700).map { UInt8($0 % 10) }
    try directory.write(labels: labels.map { [$0] }, to: "test_batch.bin")
    let data = try CIFAR10(directory: directory.path, split: .test)
    #expect(data.count == 700)
    let batch = try Batch(capacity: 3, channels: 3, extent: data.extent)
    try batch.read([340, 341, 699], of: data, normalization: .identity)
    #expect(Array(batch.labels) == [0, 1, 9])
    for (position, record) in [340, 341, 699].enumerated() {
      let expected = (0..<3072).map { Float(Self.pixel(0, record, $0)) }
      #expect(Array(batch.values[position * 3072..<(position + 1) * 3072]) == expected)
    }
  }

  @Test func takesClassNamesFromTheirFileOrThePublishedOnes() throws {
    let directory = try Directory()
    try directory.write(labels: [[3]], to: "test_batch.bin")
    let published = try CIFAR10(directory: directory.path, split: .test).classNames
    #expect(published.count == 10 && published.first == "airplane" && published.last == "truck")
    let names = (0..<10).map { "class \($0)" }
    try directory.write(
      Array((names.joined(separator: "\n") + "\n\n").utf8),
      to: "batches.meta.txt")
    #expect(try CIFAR10(directory: directory.path, split: .test).classNames == names)
    try directory.write(
      Array((names.joined(separator: "\r\n") + "\r\n").utf8),
      to: "batches.meta.txt")
    #expect(try CIFAR10(directory: directory.path, split: .test).classNames == names)
  }

  @Test(arguments: [
    ([UInt8]("cat\ndog\n".utf8), "has 2"), ([0xff, 0xfe], "is not text"),
    ([UInt8](repeating: 10, count: 100_000), "10 class names"),
  ])
  func classNamesThatAreNotTenAreRefused(_ bytes: [UInt8], _ words: String) throws {
    let directory = try Directory()
    try directory.write(labels: [[3]], to: "test_batch.bin")
    try directory.write(bytes, to: "batches.meta.txt")
    let error = thrownError { try CIFAR10(directory: directory.path, split: .test) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("batches.meta.txt") == true)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func missingFilesAreNamed() throws {
    let directory = try Directory()
    for batch in [1, 2, 3, 5] {
      try directory.write(labels: [[1]], to: "data_batch_\(batch).bin")
    }
    let error = thrownError { try CIFAR10(directory: directory.path, split: .train) }
    #expect(error?.kind == .notFound)
    #expect(error?.message.contains("\(directory.path)/data_batch_4.bin") == true)
    #expect(error?.message.contains("No such file or directory") == true)
    let nowhere = thrownError { try CIFAR10(directory: "/nonexistent", split: .test) }
    #expect(nowhere?.kind == .notFound)
    let zero = thrownError { try CIFAR10(directory: "a\0b", split: .test) }
    #expect(zero?.kind == .invalidArgument)
  }

  @Test(arguments: [0, 1, 3072, 3074, 2 * 3073 - 1])
  func filesOfAnotherSizeAreRefused(_ size: Int) throws {
    let directory = try Directory()
    try directory.write([UInt8](repeating: 0, count: size), to: "test_batch.bin")
    let error = thrownError { try CIFAR10(directory: directory.path, split: .test) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("test_batch.bin has \(size) bytes") == true)
  }

  @Test func labelsAboveNineAreRefused() throws {
    let directory = try Directory()
    try directory.write(labels: [[0], [9], [10]], to: "test_batch.bin")
    let error = thrownError { try CIFAR10(directory: directory.path, split: .test) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("test_batch.bin: record 2 has label 10") == true)
  }

  @Test func whatIsNotAFileIsRefused() throws {
    let directory = try Directory()
    try FileManager.default.createDirectory(
      atPath: directory.path + "/test_batch.bin", withIntermediateDirectories: true)
    let folder = thrownError { try CIFAR10(directory: directory.path, split: .test) }
    #expect(folder?.kind == .badFormat)
    #expect(folder?.message.contains("is a directory") == true)
    let other = try Directory()
    // A pipe without a writer: opening it must not wait for one.
    #expect(mkfifo(other.path + "/test_batch.bin", 0o600) == 0)
    let pipe = thrownError { try CIFAR10(directory: other.path, split: .test) }
    #expect(pipe?.kind == .badFormat)
    #expect(pipe?.message.contains("not a regular file") == true)
  }
}
