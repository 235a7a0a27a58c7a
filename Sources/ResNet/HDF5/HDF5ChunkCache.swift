import Synchronization

/// Chunks of a dataset that were read last and hold more than what was wanted of them.
///
/// Any number of threads may use it. Nobody waits: a thread that finds another one in it goes without.
/// (So does a forked child, if another thread was in it just then.)
final class HDF5ChunkCache: Sendable {
  /// Of all that is kept.
  private static let maximumBytes = 1 << 25

  private struct State {
    /// The one used last at the end.
    var chunks: [(number: Int, data: HDF5Buffer)] = []
    var bytes = 0
  }

  private let state = Mutex(State())

  init() {}

  subscript(number: Int) -> HDF5Buffer? {
    let found = state.withLockIfAvailable { state -> HDF5Buffer? in
      guard let index = state.chunks.lastIndex(where: { $0.number == number }) else { return nil }
      let chunk = state.chunks.remove(at: index)
      state.chunks.append(chunk)
      return chunk.data
    }
    return found ?? nil
  }

  func keep(_ data: HDF5Buffer, as number: Int) {
    guard data.count <= Self.maximumBytes else { return }
    _ = state.withLockIfAvailable { state in
      guard !state.chunks.contains(where: { $0.number == number }) else { return }
      state.chunks.append((number, data))
      state.bytes += data.count
      while state.bytes > Self.maximumBytes {
        state.bytes -= state.chunks.removeFirst().data.count
      }
    }
  }
}
