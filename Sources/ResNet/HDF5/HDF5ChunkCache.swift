/// Chunks of a dataset that were read last and hold more than what was wanted of them.
///
/// Any number of threads may use it. Nobody waits: a thread that finds another one in it goes without.
/// (So does a forked child, if another thread was in it just then.)
final class HDF5ChunkCache: @unchecked Sendable {
  /// Of all that is kept.
  private static let maximumBytes = 1 << 25

  private let lock = Lock()
  /// The one used last at the end.
  private var chunks: [(number: Int, data: HDF5Buffer)] = []
  private var bytes = 0

  init() {}

  subscript(number: Int) -> HDF5Buffer? {
    guard lock.tryLock() else { return nil }
    defer { lock.unlock() }
    guard let index = chunks.lastIndex(where: { $0.number == number }) else { return nil }
    let chunk = chunks.remove(at: index)
    chunks.append(chunk)
    return chunk.data
  }

  func keep(_ data: HDF5Buffer, as number: Int) {
    guard data.count <= Self.maximumBytes, lock.tryLock() else { return }
    defer { lock.unlock() }
    guard !chunks.contains(where: { $0.number == number }) else { return }
    chunks.append((number, data))
    bytes += data.count
    while bytes > Self.maximumBytes { bytes -= chunks.removeFirst().data.count }
  }
}
