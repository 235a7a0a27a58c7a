import Synchronization

/// A file that could not be read, and why.
public struct DamagedFile: Hashable, Sendable {
  public let path: String
  public let reason: String
}

/// What is known of a dataset's files: which are damaged, and which were found to be whole.
final class DamageList: Sendable {
  /// How many images are drawn in place of a damaged one before that is given up.
  static let replacementLimit = 100

  private struct State {
    var reasons: [Int: String] = [:]
    /// The keys of `reasons`, as they were found.
    var order: [Int] = []
    var isVerified: [Bool]
  }

  private let state: Mutex<State>

  init(count: Int) {
    state = Mutex(State(isVerified: Array(repeating: false, count: count)))
  }

  /// Remembers the first reason given for a file.
  func note(_ index: Int, _ reason: String) {
    state.withLock { state in
      guard state.reasons[index] == nil else { return }
      state.reasons[index] = reason
      state.order.append(index)
    }
  }

  func noteVerified(_ index: Int) { state.withLock { $0.isVerified[index] = true } }

  func unverified(_ indices: [Int]) -> [Int] {
    state.withLock { state in
      indices.filter { !state.isVerified[$0] && state.reasons[$0] == nil }
    }
  }

  func withoutDamaged(_ indices: [Int]) -> [Int] {
    state.withLock { state in indices.filter { state.reasons[$0] == nil } }
  }

  var count: Int { state.withLock { $0.order.count } }

  /// The file that was found so many others later than the first, nil if there is none.
  func file(_ position: Int, of files: ImageFiles) -> DamagedFile? {
    state.withLock { state in
      guard state.order.indices.contains(position) else { return nil }
      let index = state.order[position]
      return DamagedFile(path: files.path(index), reason: state.reasons[index] ?? "")
    }
  }

  func files(of files: ImageFiles) -> [DamagedFile] {
    let (order, reasons) = state.withLock { ($0.order, $0.reasons) }
    return order.map { DamagedFile(path: files.path($0), reason: reasons[$0] ?? "") }
  }
}
