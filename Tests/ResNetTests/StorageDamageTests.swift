import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  /// Damage to a file is refused, or does not matter; it is never loaded as something else.
  @Suite struct Damage {
    /// Loads `bytes`; nil if they are refused as damaged. Any other outcome than that and the same
    /// model is a failure.
    private func outcome(
      of bytes: [UInt8], at path: String, original: Model, _ what: @autoclosure () -> String
    ) throws -> ResNetError? {
      try put(bytes, at: path)
      let loaded: Model
      do throws(ResNetError) {
        loaded = try Model.load(from: path)
      } catch {
        #expect(error.kind == .badFormat, "\(what()): \(error)")
        return error
      }
      #expect(try isSame(loaded, original), "loaded something else: \(what())")
      return nil
    }

    @Test func truncatedAtEveryLength() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        let whole = try bytes(path)
        for length in stride(from: 0, to: whole.count, by: 13) + [whole.count - 1] {
          let error = try outcome(
            of: Array(whole[..<length]), at: path, original: model, "\(length) bytes")
          #expect(error != nil, "\(length) of \(whole.count) bytes were loaded")
        }
      }
    }

    /// One bit of every byte, another from byte to byte.
    @Test func flippedBits() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try fullModel().save(to: path)
        let whole = try bytes(path)
        let file = open(path, O_WRONLY)
        defer { close(file) }
        for position in whole.indices {
          var damaged = whole[position] ^ 1 << UInt8(position % 8)
          try #require(pwrite(file, &damaged, 1, off_t(position)) == 1)
          let error = failure { _ = try Model.load(from: path) }
          #expect(error?.kind == .badFormat, "byte \(position): \(String(describing: error))")
          damaged = whole[position]
          try #require(pwrite(file, &damaged, 1, off_t(position)) == 1)
        }
        #expect(try isSame(try fullModel(), try Model.load(from: path)))
      }
    }

    /// A lost disk block reads as zeros, an erased one as ones; Fletcher-32 alone sees neither.
    @Test(arguments: [UInt8(0), 0xFF], [64, 512, 4096])
    func lostBlocks(_ fill: UInt8, _ size: Int) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        let whole = try bytes(path)
        for start in stride(from: 0, to: whole.count, by: size) {
          var damaged = whole
          let range = start..<min(start + size, whole.count)
          damaged.replaceSubrange(range, with: repeatElement(fill, count: range.count))
          _ = try outcome(of: damaged, at: path, original: model, "bytes \(range) = \(fill)")
        }
      }
    }

    @Test func damagedDataIsNamed() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try StorageTests.model()
        let values: [Float] = [12345.678, -0.001953125, 3.14159274]
        try model.setTensor(named: "layer1.0.bn2.bias", to: values)
        try model.save(to: path)
        var file = try bytes(path)
        let pattern = values.withUnsafeBytes { Array($0) }
        let starts = file.indices.filter { file[$0...].starts(with: pattern) }
        try #require(starts.count == 1)
        file[starts[0] + 5] ^= 4
        let error = try outcome(of: file, at: path, original: model, "flipped data")
        #expect(error?.message.contains("/parameters/layer1.0.bn2.bias is damaged") == true)
      }
    }

    /// Large tensors are read in pieces, by many threads.
    @Test func damageAnywhereInALargeTensorIsNamed() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        var network = tiny
        network.classes = 90_001
        let model = try StorageTests.model(network)
        try model.save(to: path)
        #expect(try isSame(model, try Model.load(from: path)))
        let whole = try bytes(path)
        let entry = try #require(try entries(path).first { $0.part.name.hasSuffix("fc.weight") })
        let range = entry.part.range
        try #require(range.count == 3 * 90_001 * 4 + 4)
        for position in [0, 1 << 18 - 1, 1 << 18, 3 << 18 + 5, range.count - 5, range.count - 1] {
          var file = whole
          file[range.lowerBound + position] ^= 1
          let error = try outcome(of: file, at: path, original: model, "byte \(position)")
          #expect(error?.message.contains("/parameters/fc.weight is damaged") == true)
        }
      }
    }

    /// Checksums that are right do not make a model of what is not one.
    @Test(arguments: [Float.nan, .infinity])
    func valuesThatAreNotFinite(_ value: Float) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try fullModel().save(to: path)
        let entries = try entries(path)
        var file = try bytes(path)
        let entry = try #require(entries.first { $0.part.name.hasSuffix("layer1.0.conv2.weight") })
        withUnsafeBytes(of: value) {
          file.replaceSubrange(
            entry.part.range.lowerBound..<entry.part.range.lowerBound + 4, with: $0)
        }
        let end = Int(
          file[(file.count - 24)..<(file.count - 16)].reversed().reduce(0) { $0 << 8 | UInt64($1) })
        let data = Array(file[..<end])
        try put(data + trailer(of: data, parts: entries.map(\.part)), at: path)
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .badFormat)
        #expect(
          error?.message.contains(
            "/parameters/layer1.0.conv2.weight holds a value that is not finite") == true)
      }
    }

    /// Its footer claims a table of a terabyte, and a sparse file has room for it.
    @Test func hugeTableIsNotAllocated() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let size: UInt64 = 1 << 40
        func little(_ value: UInt64) -> [UInt8] {
          withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        try put([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], at: path)
        let file = open(path, O_WRONLY)
        defer { close(file) }
        try #require(ftruncate(file, off_t(size)) == 0)
        let footer = little(size - 40) + little(8) + little(0) + Array("RNCHECK1".utf8)
        #expect(pwrite(file, footer, 32, off_t(size - 32)) == 32)
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .badFormat)
      }
    }

    @Test func bytesAfterTheEndAreNoticed() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        let error = try outcome(
          of: try bytes(path) + [1, 2, 3], at: path, original: model, "three more bytes")
        #expect(error != nil)
      }
    }
  }
}
