import Glibc

/// A buffer of a plan, by its number.
struct Buffer: Hashable {
  fileprivate let index: Int
}

/// Decides where each buffer of a plan lies in one block of memory: buffers that are never needed
/// at the same time share addresses.
struct ArenaPlanner {
  private struct Request {
    var floats: Int
    var first: Int
    var last: Int
  }

  private var requests: [Request] = []

  /// A buffer of `floats` values that is written first at time `first` (a step's number).
  mutating func buffer(floats: Int, at time: Int) -> Buffer {
    requests.append(Request(floats: (floats + 15) / 16 * 16, first: time, last: time))
    return Buffer(index: requests.count - 1)
  }

  /// The buffer is still needed at that time.
  mutating func use(_ buffer: Buffer, at time: Int) {
    requests[buffer.index].first = min(requests[buffer.index].first, time)
    requests[buffer.index].last = max(requests[buffer.index].last, time)
  }

  /// Offsets of all buffers, and the size of the whole, in floats. Largest first, each at the
  /// lowest address that no buffer needed at the same time occupies.
  func solve() -> (offsets: [Int], floats: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed: [Int] = []  // by offset
    var total = 0
    let order = requests.indices.sorted {
      (requests[$1].floats, $0) < (requests[$0].floats, $1)
    }
    for index in order {
      let request = requests[index]
      var offset = 0
      for other in placed {
        let busy = requests[other]
        if busy.last < request.first || request.last < busy.first { continue }
        if offset + request.floats <= offsets[other] { break }
        offset = max(offset, offsets[other] + busy.floats)
      }
      offsets[index] = offset
      total = max(total, offset + request.floats)
      let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
      placed.insert(index, at: position)
    }
    return (offsets, total)
  }
}

/// Where the buffers of a plan lie, and how much memory they and the threads' scratch need.
struct ArenaLayout {
  fileprivate let offsets: [Int]
  fileprivate let floats: Int
  fileprivate let scratchStride: Int
  /// Threads that have scratch.
  let workers: Int

  init(_ planner: ArenaPlanner, scratchFloats: Int, workers: Int) {
    (offsets, floats) = planner.solve()
    self.workers = workers
    // A page between the pieces, so that no two threads write to one cache line or page.
    scratchStride = (scratchFloats + 1023) / 1024 * 1024 + 1024
  }

  fileprivate var scratchFloats: Int { scratchStride * workers }

  var bytes: Int { (floats + scratchFloats) * MemoryLayout<Float>.stride }
}

/// The memory of a plan: one block for its buffers, one piece of scratch per thread.
final class Arena {
  private let layout: ArenaLayout
  private let memory: Memory

  /// What an arena lies in. Plans that never run at the same time may share it.
  final class Memory {
    fileprivate let base: UnsafeMutablePointer<Float>
    fileprivate let scratch: UnsafeMutablePointer<Float>
    private let floats: Int
    private let scratchFloats: Int

    /// Room for each of these plans.
    init(_ layouts: [ArenaLayout]) throws(ResNetError) {
      (floats, scratchFloats) = Self.floats(layouts)
      base = try allocateFloats(floats, zeroed: false)
      do {
        scratch = try allocateFloats(scratchFloats, zeroed: false)
      } catch {
        free(base)
        throw error
      }
    }

    deinit {
      free(base)
      free(scratch)
    }

    /// Size of the whole, in bytes.
    var bytes: Int { (floats + scratchFloats) * MemoryLayout<Float>.stride }

    func hasRoom(for layout: ArenaLayout) -> Bool {
      layout.floats <= floats && layout.scratchFloats <= scratchFloats
    }

    /// Size of a memory for these plans.
    static func bytes(_ layouts: [ArenaLayout]) -> Int {
      let (floats, scratchFloats) = floats(layouts)
      return (floats + scratchFloats) * MemoryLayout<Float>.stride
    }

    private static func floats(_ layouts: [ArenaLayout]) -> (Int, scratch: Int) {
      (layouts.map(\.floats).max() ?? 0, layouts.map(\.scratchFloats).max() ?? 0)
    }
  }

  /// In memory of its own.
  convenience init(_ layout: ArenaLayout) throws(ResNetError) {
    self.init(layout, in: try Memory([layout]))
  }

  /// In memory that has room.
  init(_ layout: ArenaLayout, in memory: Memory) {
    self.layout = layout
    self.memory = memory
  }

  /// Threads that have scratch here.
  var workers: Int { layout.workers }
  /// Size of the whole, in bytes.
  var bytes: Int { layout.bytes }

  subscript(buffer: Buffer) -> UnsafeMutablePointer<Float> {
    memory.base + layout.offsets[buffer.index]
  }

  func scratch(_ worker: Int) -> UnsafeMutablePointer<Float> {
    memory.scratch + worker * layout.scratchStride
  }
}
