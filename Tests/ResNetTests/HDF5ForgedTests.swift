import Foundation
import Testing

@testable import ResNet
@testable import ResNetData

/// Files whose checksums are right and whose structures say what no sound file says.
extension HDF5Tests.Hostile {
  private typealias Message = (UInt8, [UInt8])

  /// A file of labelled images, as another program writes it: two datasets by their headers' messages,
  /// and `data` from 4096 on.
  private static func images(
    _ images: [Message], labels: [Message], _ data: [UInt8] = []
  ) -> [UInt8] {
    func link(_ name: String, _ address: Int) -> Message {
      (0x06, [1, 0, UInt8(name.utf8.count)] + Array(name.utf8) + little(address))
    }
    var rest = header(images)
    let labelsAt = 1024 + rest.count
    rest += header(labels)
    rest += [UInt8](repeating: 0, count: 3072 - rest.count)
    return file([linkInfo, link("images", 1024), link("labels", labelsAt)], rest + data)
  }

  private static let bytes: Message = (0x03, [0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0])

  private static func space(_ shape: [Int], kind: UInt8 = 1) -> Message {
    (0x01, [2, UInt8(shape.count), 0, kind] + shape.flatMap { little($0) })
  }

  /// Data one after another.
  private static func plain(_ shape: [Int], at address: Int, kind: UInt8 = 1) -> [Message] {
    [
      space(shape, kind: kind), bytes,
      (0x08, [3, 1] + little(address, shape.reduce(1, *))),
    ]
  }

  /// What opening the file and reading an image and its label comes to; nil for success.
  private func failure(_ file: [UInt8]) throws -> ResNetError? {
    try StorageTests.withDirectory { directory in
      let path = directory + "/images.h5"
      try StorageTests.put(file, at: path)
      do throws(ResNetError) {
        let data = try HDF5Images(path)
        var pixels = [Float](
          repeating: 0, count: data.channels * data.extent.height * data.extent.width)
        var labels: [Int32] = [-1]
        try pixels.withUnsafeMutableBufferPointer { pixels in
          labels.withUnsafeMutableBufferPointer { labels in
            Result { () throws(ResNetError) in
              try data.read(
                [0], normalization: .identity, augmentation: nil, seed: 0, epoch: 0, images: pixels,
                labels: labels)
            }
          }
        }.get()
        return nil
      } catch {
        return error
      }
    }
  }

  @Test func soundImagesAreRead() throws {
    let file = Self.images(
      Self.plain([2, 1, 2, 2], at: 4096), labels: Self.plain([2], at: 4104), [UInt8](0..<10))
    let error = try failure(file)
    #expect(error == nil, "\(String(describing: error))")
  }

  /// A null dataspace that keeps its extents has no values where the shape promises some.
  @Test func nullDataspacesWithExtents() throws {
    let sound = Self.plain([2, 1, 2, 2], at: 4096)
    let data = [UInt8](repeating: 0, count: 16)
    for file in [
      Self.images(sound, labels: Self.plain([2], at: 4104, kind: 2), data),
      Self.images(
        Self.plain([2, 1, 2, 2], at: 4096, kind: 2), labels: Self.plain([2], at: 4104), data),
    ] {
      let error = try failure(file)
      #expect(error?.kind == .badFormat)
      #expect(error?.message.contains("its dataspace is of no known kind") == true)
    }
    // One without extents is sound, and is no label of any image.
    let empty = Self.images(sound, labels: Self.plain([], at: 4104, kind: 2), data)
    let error = try failure(empty)
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("it has shape [0]") == true)
  }

  /// An index whose dimensions and count are at the end of what integers hold.
  @Test func extensibleArraysOfImpossibleSize() throws {
    func file(bits: UInt8, count: Int) -> [UInt8] {
      var head = Array("EAHD".utf8) + [0, 0, 8, bits, 4, 16, 4, 10]
      head += Self.little(0, 0, 0, 0, count, 0, 4096 + 128)
      head.append(little: HDF5Checksums.lookup3(head[...]))
      head += [UInt8](repeating: 0, count: 128 - head.count)
      let groups = 1 + Int(bits) - 4
      let pointers = 6 + max(0, groups - 4)
      var block = Array("EAIB".utf8) + [0, 0] + Self.little(4096)
      block +=
        Self.little(4096, 4096, 4096, 4096) + Self.little([Int](repeating: -1, count: pointers))
      block.append(little: HDF5Checksums.lookup3(block[...]))
      var space: [UInt8] = [2, 4, 1, 1]
      space += Self.little(4, 1, 2, 2) + Self.little(-1, 1, 2, 2)
      let layout: [UInt8] =
        [4, 2, 0, 5, 8] + Self.little(1, 1, 2, 2, 1) + [4, bits, 4, 16, 4, 10] + Self.little(4096)
      return Self.images(
        [(0x01, space), Self.bytes, (0x08, layout)], labels: Self.plain([4], at: 4100), head + block
      )
    }
    let sound = try failure(file(bits: 32, count: 4))
    #expect(sound == nil, "\(String(describing: sound))")
    let widest = try failure(file(bits: 48, count: 1 << 48))
    #expect(widest == nil, "\(String(describing: widest))")
    for (bits, count) in [(64, Int.max), (49, 4), (48, 1 << 48 + 1), (32, .max), (0, 4)] {
      let error = try failure(file(bits: UInt8(bits), count: count))
      #expect(error?.kind == .badFormat, "\(bits) bits, \(count)")
      #expect(
        error?.message.contains("impossible dimensions") == true, "\(String(describing: error))")
    }
  }

  /// Of a version 1 B-tree, with levels from the highest down to 0, each of one child.
  @Test(arguments: [16, 17])
  func treesOfManyLevels(_ highest: Int) {
    var nodes: [UInt8] = []
    for level in (0...highest).reversed() {
      nodes += Array("TREE".utf8) + [0, UInt8(level), level > 0 ? 1 : 0, 0] + Self.little(-1, -1)
      nodes += Self.little(0, 1024 + nodes.count + 24, 0)
    }
    let heapAt = 1024 + nodes.count
    let heap = Array("HEAP".utf8) + [0, 0, 0, 0] + Self.little(16, 0, heapAt)
    let message = refusal(Self.file([(0x11, Self.little(1024, heapAt))], nodes + heap))
    #expect(message.contains("another kind or level") == (highest > 16), "\(message)")
    #expect((message == "") == (highest <= 16), "\(message)")
  }

  /// One chunk, of 16 million of one byte, that claims to be large enough for all that are missing.
  @Test func chunksStoredInMoreThanTheyHold() throws {
    let (side, stored) = (4096, 17_000)
    var tree = Array("TREE".utf8) + [1, 0, 1, 0] + Self.little(-1, -1)
    var key: [UInt8] = []
    key.append(little: UInt32(stored))
    key.append(little: UInt32(0))
    tree += key + Self.little(0, 0, side - 1, side - 1, 0) + Self.little(4096 + 256)
    tree += [UInt8](repeating: 0, count: 256 - tree.count)
    var layout: [UInt8] = [3, 2, 5] + Self.little(4096)
    for _ in 0..<5 { layout.append(little: UInt32(1)) }
    let deflate: [UInt8] = [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0]
    let file = Self.images(
      [Self.space([1, 1, side, side]), Self.bytes, (0x08, layout), (0x0B, deflate)],
      labels: Self.plain([1], at: 4096), tree + [UInt8](repeating: 0, count: stored))
    let error = try failure(file)
    #expect(error?.kind == .badFormat)
    #expect(
      error?.message.contains("a chunk of 1 bytes is stored in 17000") == true,
      "\(String(describing: error))")
  }

  /// A chunk may be large; what is made of its values is made of little at a time.
  @Test func largeChunksComeInPieces() throws {
    let count = 3 << 20 + 5
    let layout: [UInt8] = [4, 2, 0, 2, 8] + Self.little(count, 1) + [1] + Self.little(4096)
    let labels: [Message] = [Self.space([count]), Self.bytes, (0x08, layout)]
    let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251) }
    let bytes = Self.images(Self.plain([2, 1, 2, 2], at: 4096), labels: labels, data)
    var sizes: [Int] = []
    var all: [UInt8] = []
    try bytes.withUnsafeBytes { bytes in
      let file = try HDF5File(.memory(bytes))
      try HDF5Dataset(file.root.member("labels")).forEachPortion { piece in
        sizes.append(piece.count)
        all += piece
      }
    }
    #expect(sizes == [1 << 20, 1 << 20, 1 << 20, 5])
    #expect(all == data)
  }

  /// Names that look the same and are equal as strings are two names.
  @Test func namesAreComparedByBytes() throws {
    func link(_ name: [UInt8]) -> Message {
      (0x06, [1, 0, UInt8(name.count)] + name + Self.little(48))
    }
    func group(_ names: String...) throws -> [String] { try group(names.map { Array($0.utf8) }) }
    func group(_ names: [[UInt8]]) throws -> [String] {
      let bytes = Self.file([Self.linkInfo] + names.map(link))
      return try bytes.withUnsafeBytes { bytes in
        let root = try HDF5File(.memory(bytes)).root
        var found: [String] = []
        for name in ["\u{E9}", "e\u{301}", "\u{FFFD}"] {
          do { found.append(try root.member(name).path) } catch { found.append("none") }
        }
        do throws(ResNetError) {
          _ = try root.members(limit: 4)
        } catch {
          found.append(error.message)
        }
        return found
      }
    }
    #expect(try group("\u{E9}").map(\.utf8.count) == [3, 4, 4])
    #expect(try group("\u{E9}")[1] == "none")
    #expect(try group("e\u{301}")[0] == "none")
    #expect(try group("x", "x")[3].contains("two members of the name x"))
    // What is not UTF-8 is not found under the name that is shown for it.
    let broken = try group([[0xFF]])
    #expect(broken[2] == "none" && broken[3].contains("a name that is not UTF-8"))
  }
}

extension StorageTests {
  @Suite struct Forged {
    /// The messages of a header as the library writes it: their kinds, and where they are in the file.
    private static func messages(_ file: [UInt8], at address: Int) -> [(
      kind: UInt8, range: Range<Int>
    )] {
      // After signature, version, flags and room for attributes, the size in four bytes.
      let start = address + 14
      let count = file[address + 10..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
      var messages: [(UInt8, Range<Int>)] = []
      var place = start
      while place < start + count {
        let size = Int(file[place + 1]) | Int(file[place + 2]) << 8
        messages.append((file[place], place + 4..<place + 4 + size))
        place += 4 + size
      }
      return messages
    }

    /// Changes a dataset's dataspace in a model file, and all checksums so that they are right again.
    private static func forgeSpace(
      of names: [String], in path: String, _ change: (inout ArraySlice<UInt8>) -> Void
    ) throws {
      let parts = try entries(path).map(\.part)
      var group = try HDF5File(.file(ModelFile.open(path))).root
      for name in names.dropLast() { group = try HDF5Group(group.member(name)) }
      let address = try group.member(names[names.count - 1]).address
      var file = try bytes(path)
      let messages = messages(file, at: address)
      let space = try #require(messages.first { $0.kind == 1 }).range
      change(&file[space])
      let end = messages[messages.count - 1].range.upperBound
      var checksum: [UInt8] = []
      checksum.append(little: HDF5Checksums.lookup3(file[address..<end]))
      file.replaceSubrange(end..<end + 4, with: checksum)
      try put(file, at: path)
      try reseal(path, parts: parts)
    }

    private static let datasets = [
      ["class_names"], ["normalization", "mean"], ["normalization", "scale"],
      ["parameters", "conv1.weight"],
    ]

    /// They would have no values, and the shape that is expected of them.
    @Test(arguments: datasets)
    func nullDataspacesWithExtents(_ names: [String]) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try fullModel().save(to: path)
        try Self.forgeSpace(of: names, in: path) { _ in }
        _ = try Model.load(from: path)
        try Self.forgeSpace(of: names, in: path) { $0[$0.startIndex + 3] = 2 }
        let loading = failure { _ = try Model.load(from: path) }
        #expect(loading?.kind == .badFormat)
        #expect(loading?.message.contains("its dataspace is of no known kind") == true)
        // An opened model takes its tensors' places from the checksums, and all else from HDF5.
        guard names[0] != "parameters" else { return }
        let opening = failure { _ = try Model.open(path) }
        #expect(opening?.kind == .badFormat)
      }
    }

    /// What is wanted of an entry is never more than it has.
    @Test func entriesTooSmallForWhatIsWanted() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try model().save(to: path)
        let entry = try #require(try entries(path).first)
        let values = try allocateFloats(entry.part.range.count)
        defer { free(values) }
        let wanted = UnsafeMutableBufferPointer(
          start: values, count: entry.part.range.count / 4 + 1)
        let reader = try ModelFile.open(path)
        let error = failure {
          try FileChecksums.verify([entry], of: reader, into: [entry.part.range.lowerBound: wanted])
        }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("too few") == true)
      }
    }
  }
}
