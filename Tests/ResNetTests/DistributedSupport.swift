import Glibc
import Testing

@testable import ResNet

/// Ranks that are threads of this process: each has a ``Rank`` to talk to the others by.
///
/// What a rank calls waits in its queue, as with MPI, until all ranks have come to it, and is done in the
/// order of the ranks. A sum's values change when it is waited for and not before, so that whoever reads
/// them too early is found out.
final class ThreadRanks: Sendable {
  enum Operation: Equatable {
    case floats(Int)
    case doubles(Int)
    case broadcast(Int, root: Int)
    case barrier
  }

  let count: Int
  private let state: Guarded<State>

  private struct State {
    var arrived: [(operation: Operation, address: UInt)?]
    var generation = 0
    var mismatch = false
  }

  init(_ count: Int) {
    self.count = count
    state = Guarded(State(arrived: Array(repeating: nil, count: count)))
  }

  /// Runs `body` once a rank, each on a thread of its own, and returns what they returned or threw, in the
  /// order of the ranks.
  static func run<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Rank) throws -> Result
  ) -> [Swift.Result<Result, any Error>] {
    let ranks = ThreadRanks(count)
    let results = Guarded([Swift.Result<Result, any Error>?](repeating: nil, count: count))
    let threads = (0..<count).map { rank in
      startThread {
        let result = Swift.Result { try body(Rank(ranks, rank)) }
        results.withLock { $0[rank] = result }
      }
    }
    for thread in threads { pthread_join(thread!, nil) }
    return results.withLock { $0.map { $0! } }
  }

  /// Does an operation with all ranks; false if they do not call the same.
  fileprivate func meet(_ rank: Int, _ operation: Operation, _ address: UnsafeMutableRawPointer?)
    -> Bool
  {
    let (generation, isLast) = state.withLock { state in
      state.arrived[rank] = (operation, UInt(bitPattern: address))
      return (state.generation, state.arrived.allSatisfy { $0 != nil })
    }
    if isLast {
      state.withLock { state in
        let all = state.arrived.compactMap { $0 }
        state.mismatch = state.mismatch || all.contains { $0.operation != operation }
        if !state.mismatch { Self.perform(operation, all.map(\.address)) }
        state.arrived = Array(repeating: nil, count: count)
        state.generation += 1
      }
    }
    while state.withLock({ $0.generation }) == generation { usleep(20) }
    return state.withLock { !$0.mismatch }
  }

  private static func perform(_ operation: Operation, _ addresses: [UInt]) {
    let pointers = addresses.map { UnsafeMutableRawPointer(bitPattern: $0) }
    func sum<Value: FloatingPoint>(_ count: Int, _ type: Value.Type) {
      for index in 0..<count {
        let total = pointers.reduce(Value.zero) { $0 + $1!.assumingMemoryBound(to: type)[index] }
        for pointer in pointers { pointer!.assumingMemoryBound(to: type)[index] = total }
      }
    }
    switch operation {
    case .floats(let count): sum(count, Float.self)
    case .doubles(let count): sum(count, Double.self)
    case .broadcast(let bytes, let root):
      for (rank, pointer) in pointers.enumerated() where rank != root && bytes > 0 {
        memcpy(pointer!, pointers[root]!, bytes)
      }
    case .barrier: break
    }
  }
}

/// One of them.
final class Rank: Communicator {
  let rank: Int
  var ranks: Int { shared.count }
  private let shared: ThreadRanks
  private var queue: [(ThreadRanks.Operation, UnsafeMutableRawPointer?)] = []
  private(set) var operations: [ThreadRanks.Operation] = []
  /// After so many operations the connection is lost.
  var lifetime = Int.max

  init(_ shared: ThreadRanks, _ rank: Int) {
    self.shared = shared
    self.rank = rank
  }

  func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws(ResNetError)
    -> UnsafeMutableRawPointer?
  { start(.floats(values.count), values.baseAddress) }

  func startSum(_ values: UnsafeMutableBufferPointer<Double>) throws(ResNetError)
    -> UnsafeMutableRawPointer?
  { start(.doubles(values.count), values.baseAddress) }

  private var started = 0
  private var done = 0

  private func start(_ operation: ThreadRanks.Operation, _ memory: UnsafeMutableRawPointer?)
    -> UnsafeMutableRawPointer?
  {
    queue.append((operation, memory))
    started += 1
    return UnsafeMutableRawPointer(bitPattern: started)
  }

  /// Does all that was called before, too: that is how a queue goes.
  func wait(for sum: UnsafeMutableRawPointer?) throws(ResNetError) {
    let number = Int(bitPattern: sum)
    while done < number { try next() }
  }

  private func next() throws(ResNetError) {
    let (operation, memory) = queue.removeFirst()
    done += 1
    operations.append(operation)
    guard operations.count <= lifetime else {
      throw ResNetError(.communication, "the connection of rank \(rank) is lost")
    }
    guard shared.meet(rank, operation, memory) else {
      throw ResNetError(.communication, "the ranks call different operations")
    }
  }

  private func finish(_ operation: ThreadRanks.Operation, _ memory: UnsafeMutableRawPointer?)
    throws(ResNetError)
  {
    try wait(for: start(operation, memory))
  }

  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ResNetError) {
    try finish(.broadcast(bytes.count, root: root), bytes.baseAddress)
  }

  func barrier() throws(ResNetError) { try finish(.barrier, nil) }
}
