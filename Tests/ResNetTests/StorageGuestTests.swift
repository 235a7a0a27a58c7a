import CHDF5
import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  /// The host program's own use of HDF5 goes on as if the library were not there.
  @Suite struct Guest {
    /// One save and load that succeed and several that fail, in every layer.
    private func workout() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        _ = try Model.load(from: path)
        let whole = try bytes(path)
        for (index, position) in stride(from: 9, to: whole.count, by: 101).enumerated() {
          var damaged = whole
          if index.isMultiple(of: 2) {
            damaged[position] ^= 0x40
          } else {
            damaged.removeLast(whole.count - position)
          }
          try put(damaged, at: path)
          _ = try? Model.load(from: path)
        }
        _ = failure { _ = try Model.load(from: directory) }
        _ = failure { try model.save(to: directory) }
      }
    }

    @Test func noIdentifierIsLeftOpen() throws {
      let before = try openIdentifiers()
      try workout()
      #expect(try openIdentifiers() == before)
      let count = try withDirectory { directory in
        let path = directory + "/model.h5"
        try fullModel().save(to: path)
        let file = H5Fopen(path, 0, rh_default())
        defer { H5Fclose(file) }
        return try openIdentifiers()
      }
      #expect(count == before + 1, "identifiers are not being counted")
    }

    @Test func errorHandlerAndStackAreKept() throws {
      H5open()
      var oldHandler: H5E_auto2_t?
      var oldData: UnsafeMutableRawPointer?
      H5Eget_auto2(0, &oldHandler, &oldData)
      defer { H5Eset_auto2(0, oldHandler, oldData) }

      var calls = 0
      try withUnsafeMutablePointer(to: &calls) { calls in
        let handler: H5E_auto2_t = { _, calls in
          calls?.assumingMemoryBound(to: Int.self).pointee += 1
          return 0
        }
        H5Eset_auto2(0, handler, calls)
        // An error of the host's, still on its stack.
        #expect(H5Gopen2(-1, "/", rh_default()) < 0)
        #expect(calls.pointee == 1)
        let depth = H5Eget_num(0)
        #expect(depth > 0)

        try workout()

        #expect(calls.pointee == 1, "the host's handler was called for our errors")
        #expect(H5Eget_num(0) == depth, "the host's error stack changed")
        var handlerNow: H5E_auto2_t?
        var dataNow: UnsafeMutableRawPointer?
        H5Eget_auto2(0, &handlerNow, &dataNow)
        #expect(dataNow == UnsafeMutableRawPointer(calls))
        #expect(H5Gopen2(-1, "/", rh_default()) < 0)
        #expect(calls.pointee == 2, "the host's handler is not in place")
        H5Eclear2(0)
      }
    }

    @Test func errorHandlerOfTheFirstInterfaceIsKept() throws {
      H5open()
      var oldHandler: H5E_auto2_t?
      var oldData: UnsafeMutableRawPointer?
      H5Eget_auto2(0, &oldHandler, &oldData)
      defer { H5Eset_auto2(0, oldHandler, oldData) }

      var calls = 0
      try withUnsafeMutablePointer(to: &calls) { calls in
        let handler: H5E_auto1_t = { calls in
          calls?.assumingMemoryBound(to: Int.self).pointee += 1
          return 0
        }
        H5Eset_auto1(handler, calls)
        try workout()
        #expect(calls.pointee == 0)
        #expect(H5Gopen2(-1, "/", rh_default()) < 0)
        #expect(calls.pointee == 1)
        H5Eclear2(0)
      }
    }

    /// The host may have the very file open.
    @Test func fileOpenInTheHost() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        let host = H5Fopen(path, 0, rh_default())
        #expect(host >= 0)
        #expect(try isSame(model, try Model.load(from: path)))
        try StorageTests.model().save(to: path)
        #expect(H5Lexists(host, "class_names", rh_default()) > 0, "the host still sees its file")
        #expect(H5Fclose(host) >= 0)
        #expect(try Model.load(from: path).classNames.isEmpty)
      }
    }

    @Test func manyThreadsAtOnce() async throws {
      let directory = try withDirectory { $0 }
      try #require(mkdir(directory, 0o700) == 0)
      defer {
        for index in 0..<8 { unlink("\(directory)/\(index).h5") }
        rmdir(directory)
      }
      let intact = try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<8 {
          group.addTask {
            let model = try fullModel()
            try model.setTensor(named: "fc.bias", to: [Float(index), 1])
            let path = "\(directory)/\(index).h5"
            for _ in 0..<10 {
              try model.save(to: path)
              guard try isSame(model, try Model.load(from: path)) else { return false }
            }
            return true
          }
        }
        return try await group.reduce(true) { $0 && $1 }
      }
      #expect(intact)
    }
  }
}
