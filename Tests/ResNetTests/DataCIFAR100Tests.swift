import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataCIFAR100Tests {
  @Test(arguments: [CIFAR100.Labels.fine, .coarse])
  func readsTheLabelsAskedFor(_ kind: CIFAR100.Labels) throws {
    let directory = try DataDirectory()
    // More records than its buffer holds.
    let labels = (0..<700).map { [UInt8($0 % 20), UInt8(($0 + 7) % 100)] }
    try directory.write(labels: labels, to: "train.bin", tag: 1)
    try directory.write(labels: [[19, 99]], to: "test.bin", tag: 2)
    let data = try CIFAR100(directory: directory.path, split: .train, labels: kind)
    #expect(data.count == 700 && data.channels == 3)
    #expect(data.classes == (kind == .fine ? 100 : 20))
    #expect(data.extent == Extent(height: 32, width: 32))
    #expect(data.unitScale == 1 / 255 as Float)
    let records = [0, 340, 341, 699]
    let batch = try Batch(capacity: 4, channels: 3, extent: data.extent)
    try batch.read(records[...], of: data, normalization: .identity)
    for (position, record) in records.enumerated() {
      #expect(batch.labels[position] == Int32(labels[record][kind == .fine ? 1 : 0]))
      let expected = (0..<3072).map { Float(DataDirectory.pixel(1, record, $0)) }
      #expect(Array(batch.values[position * 3072..<(position + 1) * 3072]) == expected)
    }
    let test = try CIFAR100(directory: directory.path, split: .test, labels: kind)
    try batch.read([0], of: test, normalization: .identity)
    #expect(test.count == 1 && batch.labels[0] == (kind == .fine ? 99 : 19))
  }

  @Test func takesClassNamesFromTheirFileOrThePublishedOnes() throws {
    let directory = try DataDirectory()
    try directory.write(labels: [[1, 2]], to: "test.bin")
    let fine = try CIFAR100(directory: directory.path, split: .test).classNames
    #expect(fine.count == 100 && fine.first == "apple" && fine.last == "worm")
    #expect(fine == fine.sorted() && Set(fine).count == 100)
    let coarse = try CIFAR100(directory: directory.path, split: .test, labels: .coarse).classNames
    #expect(coarse.count == 20 && coarse.first == "aquatic_mammals" && coarse.last == "vehicles_2")
    #expect(coarse == coarse.sorted() && Set(coarse).count == 20)
    let names = (0..<100).map { "class \($0)" }
    try directory.write(Array(names.joined(separator: "\n").utf8), to: "fine_label_names.txt")
    try directory.write(
      Array(names[..<20].joined(separator: "\r\n").utf8), to: "coarse_label_names.txt")
    #expect(try CIFAR100(directory: directory.path, split: .test).classNames == names)
    #expect(
      try CIFAR100(directory: directory.path, split: .test, labels: .coarse).classNames
        == Array(names[..<20]))
    try directory.write(Array("cat\ndog\n".utf8), to: "fine_label_names.txt")
    let error = thrownError { try CIFAR100(directory: directory.path, split: .test) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("fine_label_names.txt should hold 100 class names") == true)
  }

  @Test func missingFilesAreNamed() throws {
    let directory = try DataDirectory()
    try directory.write(labels: [[1, 2]], to: "test.bin")
    let error = thrownError { try CIFAR100(directory: directory.path, split: .train) }
    #expect(error?.kind == .notFound)
    #expect(error?.message.contains("\(directory.path)/train.bin") == true)
    #expect(error?.message.contains("the binary version of CIFAR-100") == true)
  }

  @Test(arguments: [0, 1, 3073, 3075, 2 * 3074 - 1])
  func filesOfAnotherSizeAreRefused(_ size: Int) throws {
    let directory = try DataDirectory()
    try directory.write([UInt8](repeating: 0, count: size), to: "test.bin")
    let error = thrownError { try CIFAR100(directory: directory.path, split: .test) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("test.bin has \(size) bytes") == true)
    #expect(error?.message.contains("records of 3074 bytes") == true)
  }

  @Test(arguments: [
    ([20, 0], "coarse label 20; CIFAR-100's are 0 to 19"),
    ([0, 100], "fine label 100; CIFAR-100's are 0 to 99"), ([255, 255], "coarse label 255"),
  ])
  func labelsOutOfRangeAreRefused(_ labels: [UInt8], _ words: String) throws {
    let directory = try DataDirectory()
    try directory.write(labels: [[19, 99], labels], to: "test.bin")
    // Whichever are asked for: the file is damaged.
    for kind in [CIFAR100.Labels.fine, .coarse] {
      let error = thrownError {
        try CIFAR100(directory: directory.path, split: .test, labels: kind)
      }
      #expect(error?.kind == .badFormat)
      #expect(error?.message.contains("test.bin: record 1 has \(words)") == true)
    }
  }
}
