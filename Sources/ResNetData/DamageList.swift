import CKernels
import ResNet

/// A file that could not be read, and why.
public struct DamagedFile: Hashable, Sendable {
  public let path: String
  /// What is wrong with it: what comes after the path in the error of reading it.
  public let reason: String

  /// `message` is that error's.
  fileprivate init(path: String, message: String) {
    self.path = path
    guard message.hasPrefix(path) else {
      reason = message
      return
    }
    reason = String(message.dropFirst(path.count).drop { $0 == ":" || $0 == " " })
  }
}

/// What is known of a dataset's files: which are damaged, and which were found to be whole.
final class DamageList: @unchecked Sendable {
  /// How many images are drawn in place of a damaged one before that is given up.
  static let replacementLimit = 100

  private struct State {
    var reasons: [Int: String] = [:]
    /// The keys of `reasons`, as they were found.
    var order: [Int] = []
    var isVerified: [Bool]
  }

  /// Used in `withState` alone.
  private var state: State

  init(count: Int) {
    state = State(isVerified: Array(repeating: false, count: count))
  }

  /// By one lock for all lists, for which a fork waits: threads that read ahead may find damage while a
  /// progress callback forks, and the child could not use the list.
  private func withState<Result>(_ body: (inout State) -> Result) -> Result {
    rk_lock(RK_LOCK_DAMAGE)
    defer { rk_unlock(RK_LOCK_DAMAGE) }
    return body(&state)
  }

  /// Remembers the first reason given for a file, and tells the log.
  func note(_ index: Int, _ reason: String) {
    let isNew = withState { state in
      guard state.reasons[index] == nil else { return false }
      state.reasons[index] = reason
      state.order.append(index)
      return true
    }
    if isNew { Log.warning { "an image file cannot be read: \(reason)" } }
  }

  func noteVerified(_ index: Int) { withState { $0.isVerified[index] = true } }

  func unverified(_ indices: [Int]) -> [Int] {
    withState { state in
      indices.filter { !state.isVerified[$0] && state.reasons[$0] == nil }
    }
  }

  func withoutDamaged(_ indices: [Int]) -> [Int] {
    withState { state in indices.filter { state.reasons[$0] == nil } }
  }

  var count: Int { withState { $0.order.count } }

  /// The file that was found so many others later than the first, nil if there is none.
  func file(_ position: Int, of files: ImageFiles) -> DamagedFile? {
    withState { state in
      guard state.order.indices.contains(position) else { return nil }
      let index = state.order[position]
      return DamagedFile(path: files.path(index), message: state.reasons[index] ?? "")
    }
  }

  func files(of files: ImageFiles) -> [DamagedFile] {
    let (order, reasons) = withState { ($0.order, $0.reasons) }
    return order.map { DamagedFile(path: files.path($0), message: reasons[$0] ?? "") }
  }
}
