import Foundation
import Testing

@testable import ResNet

extension HDF5Tests {
  /// Whatever is in a file, reading it ends, and is an error or what is there.
  @Suite struct Hostile {
    /// The same numbers on every run.
    private struct Dice {
      var state: UInt64

      mutating func roll(_ sides: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % sides
      }
    }

    private static func mutated(_ file: [UInt8], _ dice: inout Dice) -> [UInt8] {
      var file = file
      for _ in 0...dice.roll(4) {
        let place = dice.roll(file.count)
        switch dice.roll(6) {
        case 0: file[place] ^= 1 << UInt8(dice.roll(8))
        case 1: file[place] = 0
        case 2: file[place] = 0xFF
        case 3: file[place] &+= 1
        case 4: file[place] = UInt8(dice.roll(256))
        default:
          // Eight bytes from elsewhere, as of an address or a size.
          let source = dice.roll(file.count)
          for byte in 0..<8 where max(place, source) + byte < file.count {
            file[place + byte] = file[source + byte]
          }
        }
      }
      return file
    }

    /// As if each had been given the checksums that it needs.
    @Test(arguments: smalls, [UInt64(1), 2, 3])
    func mutationsWithChecksumsForged(_ name: String, _ seed: UInt64) throws {
      let whole = try bytes(name)
      var dice = Dice(state: seed)
      var refused = 0
      for _ in 0..<1000 {
        let survey = survey(Self.mutated(whole, &dice), verifyingChecksums: false)
        refused += survey.map { $0.refusals.isEmpty ? 0 : 1 } ?? 1
      }
      // Where nothing is refused, data were hit, or what nobody looks at.
      #expect((50...999).contains(refused), "\(refused) of 1000 were refused")
    }

    @Test func mutationsAreMostlyKeptOutByChecksums() throws {
      let whole = try bytes("small-latest.h5")
      let sound = try #require(survey(whole))
      var dice = Dice(state: 9)
      for _ in 0..<500 {
        guard let survey = survey(Self.mutated(whole, &dice)) else { continue }
        #expect(survey.groups <= sound.groups && survey.values <= sound.values)
      }
    }

    @Test(arguments: smalls)
    func truncatedAtEveryLength(_ name: String) throws {
      let whole = try bytes(name)
      for length in 0..<whole.count {
        let isRead = survey(Array(whole[..<length])) != nil
        #expect(!isRead, "\(length) of \(whole.count) bytes were read")
      }
      // Shorter than the superblock says, without the check of that.
      for length in stride(from: 100, to: whole.count, by: 7) {
        var cut = Array(whole[..<length])
        let place = whole[8] == 0 ? 40 : 28
        cut.replaceSubrange(
          place..<place + 8, with: withUnsafeBytes(of: UInt64(length).littleEndian) { Array($0) })
        _ = survey(cut, verifyingChecksums: false)
      }
    }

    // MARK: - By hand

    /// A version 2 object header of these messages.
    static func header(_ messages: [(UInt8, [UInt8])]) -> [UInt8] {
      var body: [UInt8] = []
      for (kind, bytes) in messages {
        body.append(kind)
        body.append(little: UInt16(bytes.count))
        body.append(0)
        body += bytes
      }
      var header = Array("OHDR".utf8) + [2, 2]
      header.append(little: UInt32(body.count))
      header += body
      header.append(little: HDF5Checksums.lookup3(header[...]))
      return header
    }

    static func little(_ values: Int...) -> [UInt8] { little(values) }

    static func little(_ values: [Int]) -> [UInt8] {
      var bytes: [UInt8] = []
      for value in values { bytes.append(little: UInt64(bitPattern: Int64(value))) }
      return bytes
    }

    /// A file whose root's header is at 48 and has these messages, and `rest` from 1024 on.
    static func file(_ messages: [(UInt8, [UInt8])], _ rest: [UInt8] = []) -> [UInt8] {
      let root = header(messages)
      var file = HDF5Messages.superblock(size: 1024 + rest.count, root: 48) + root
      file += [UInt8](repeating: 0, count: 1024 - file.count)
      return file + rest
    }

    func refusal(_ file: [UInt8], verifyingChecksums: Bool = true) -> String {
      do throws(ResNetError) {
        let survey = try file.withUnsafeBytes { bytes in
          Result { () throws(ResNetError) in
            try HDF5Survey(of: bytes, verifyingChecksums: verifyingChecksums)
          }
        }.get()
        return survey.refusals.joined(separator: "; ")
      } catch {
        return error.message
      }
    }

    static let linkInfo: (UInt8, [UInt8]) = (0x02, [0, 0] + little(-1, -1))

    @Test func aHeaderThatLeadsBackToItself() {
      // Its continuation, of 64 bytes at 1024, continues there.
      var part = Array("OCHK".utf8) + [0x10, 16, 0, 0] + Self.little(1024, 64)
      part += [UInt8](repeating: 0, count: 60 - part.count)
      part.append(little: HDF5Checksums.lookup3(part[...]))
      let message = refusal(
        Self.file([Self.linkInfo, (0x10, Self.little(1024, 64))], part))
      #expect(message.contains("leads back to itself"))
    }

    @Test func continuationsOutsideTheFile() {
      for (address, count) in [(1 << 40, 64), (1000, 1 << 40), (-2, 64), (1024, -1), (.max, .max)] {
        let message = refusal(
          Self.file([Self.linkInfo, (0x10, Self.little(address, count))]))
        #expect(message.contains("lies outside the file") || message.contains("impossible"))
      }
    }

    /// A version 1 B-tree of a group whose nodes are each other's children.
    @Test func aTreeThatLeadsBackToItself() {
      func node(level: UInt8, child: Int, count: Int) -> [UInt8] {
        var node = Array("TREE".utf8) + [0, level]
        node.append(little: UInt16(count))
        node += Self.little(-1, -1)
        for _ in 0..<count { node += Self.little(0, child) }
        node += Self.little(0)
        return node + [UInt8](repeating: 0, count: 1024 - node.count)
      }
      let heap = Array("HEAP".utf8) + [0, 0, 0, 0] + Self.little(16, 0, 1024)
      let table: (UInt8, [UInt8]) = (0x11, Self.little(1024, 1024 + 4096))
      // At the same level: noticed by that.
      let same = Self.file(
        [table], node(level: 3, child: 1024, count: 1) + [UInt8](repeating: 0, count: 3072) + heap)
      #expect(refusal(same).contains("another kind or level"))
      // Each level has the next one sixty times: sixty to the power of three nodes, if all were visited.
      let many = Self.file(
        [table],
        node(level: 3, child: 2048, count: 60) + node(level: 2, child: 3072, count: 60)
          + node(level: 1, child: 4096, count: 60) + node(level: 0, child: 4096, count: 60) + heap)
      #expect(refusal(many) != "")
    }

    /// Ten thousand members of a group, all of one name of 60,000 bytes.
    @Test func namesThatShareTheirBytes() {
      let count = 10_000
      var nodes: [UInt8] = Array("TREE".utf8) + [0, 0, 1, 0] + Self.little(-1, -1, 0, 2048, 0)
      nodes += [UInt8](repeating: 0, count: 1024 - nodes.count)
      nodes += Array("SNOD".utf8) + [1, 0]
      nodes.append(little: UInt16(count))
      for _ in 0..<count { nodes += Self.little(0, 48, 0, 0, 0) }
      let heapAt = 1024 + nodes.count
      let heap = Array("HEAP".utf8) + [0, 0, 0, 0] + Self.little(60_000, 0, heapAt + 32)
      let names = [UInt8](repeating: UInt8(ascii: "n"), count: 60_000)
      let table: (UInt8, [UInt8]) = (0x11, Self.little(1024, heapAt))
      let message = refusal(Self.file([table], nodes + heap + names))
      #expect(message.contains("not the file's only use of the same bytes"))
    }

    @Test func membersOfNoObject() {
      let link: [UInt8] = [1, 0, 1, UInt8(ascii: "x")] + Self.little(1 << 50)
      #expect(refusal(Self.file([Self.linkInfo, (0x06, link)])).contains("lies outside the file"))
    }

    /// A dataset as the root, with these parts.
    private static func dataset(
      shape: [Int], chunk: [Int], index: [UInt8], filters: [UInt8]? = nil, _ rest: [UInt8] = []
    ) -> [UInt8] {
      var space: [UInt8] = [2, UInt8(shape.count), 0, 1]
      for extent in shape { space += little(extent) }
      var layout: [UInt8] = [4, 2, filters == nil ? 0 : 2, UInt8(chunk.count + 1), 8]
      for extent in chunk + [1] { layout += little(extent) }
      var messages: [(UInt8, [UInt8])] = [
        (0x01, space), (0x03, [0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]), (0x08, layout + index),
      ]
      if let filters { messages.append((0x0B, filters)) }
      let link: [UInt8] = [1, 0, 1, UInt8(ascii: "x")] + little(1024)
      return file([linkInfo, (0x06, link)], header(messages) + rest)
    }

    @Test func shapesBeyondAllMemory() {
      for shape in [[1 << 40, 1 << 40], [Int.max, 1], [1 << 51], [0, .max, .max]] {
        for chunk in [[Int](repeating: 1, count: shape.count), shape.map { max($0, 1) }] {
          let file = Self.dataset(shape: shape, chunk: chunk, index: [1] + Self.little(1024))
          let message = refusal(file)
          #expect(shape[0] == 0 || message != "", "\(shape) in chunks of \(chunk)")
        }
      }
      for chunk in [[0], [-1], [.max], [1 << 52]] {
        #expect(
          refusal(Self.dataset(shape: [4], chunk: chunk, index: [1] + Self.little(1024))) != "")
      }
    }

    /// A megabyte that is said to be the content of some bytes of zlib's.
    @Test func decompressionBombs() {
      let deflate: [UInt8] = [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0]
      let file = Self.dataset(
        shape: [1 << 14], chunk: [1 << 14],
        index: [1] + Self.little(12) + [0, 0, 0, 0] + Self.little(1024),
        filters: deflate)
      #expect(refusal(file).contains("16384 bytes cannot have been compressed to 12"))
      let larger = Self.dataset(
        shape: [1 << 40], chunk: [1 << 40],
        index: [1] + Self.little(64) + [0, 0, 0, 0] + Self.little(1024), filters: deflate)
      #expect(refusal(larger).contains("which are not read"))
    }

    @Test func filtersThatAreNotRead() {
      let unknown: [UInt8] = [2, 1, 0x00, 0x7D, 4, 0, 0, 0, 0, 0] + Array("lzf\0".utf8)
      let file = Self.dataset(
        shape: [4], chunk: [4], index: [1] + Self.little(4) + [0, 0, 0, 0] + Self.little(1024),
        filters: unknown)
      #expect(refusal(file).contains("filter 32000 (lzf); only deflate (gzip), shuffle"))
      let twice: [UInt8] = [2, 2] + [1, 0, 0, 0, 0, 0] + [1, 0, 0, 0, 0, 0]
      let bomb = Self.dataset(
        shape: [4], chunk: [4], index: [1] + Self.little(4) + [0, 0, 0, 0] + Self.little(1024),
        filters: twice)
      #expect(refusal(bomb).contains("deflate twice"))
    }

    /// What a mutation test of bytes hardly hits: numbers that are at the edge of what fits.
    @Test(arguments: smalls, [0, .max, -1, 1 << 31])
    func everyEightBytesReplaced(_ name: String, _ value: Int) throws {
      let whole = try bytes(name)
      for place in stride(from: 8, to: whole.count - 8, by: 12) {
        var file = whole
        file.replaceSubrange(place..<place + 8, with: Self.little(value))
        _ = survey(file, verifyingChecksums: false)
      }
    }
  }
}
