import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  /// Nothing is kept of the host's, and nothing is in the way of other threads.
  @Suite struct Guest {
    /// One save and load that succeed and several that fail, in every layer.
    @Test func noFileIsLeftOpen() throws {
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
        #expect(try openFiles(in: directory) == 0)
        try model.save(to: path)
        let opened = try Model.open(path)
        let count = try withExtendedLifetime(opened) { try openFiles(in: directory) }
        #expect(count == 1, "open files are not being counted")
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
