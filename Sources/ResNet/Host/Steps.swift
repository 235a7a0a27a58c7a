import Glibc

/// How far a long call is.
public struct Step: Hashable, Sendable {
  /// What is being done.
  public enum Activity: String, CaseIterable, Sendable {
    /// Steps of training.
    case training
    /// Images, by ``Model/evaluate(_:)`` and the validation of training.
    case evaluating
    /// Images, by their views.
    case testing
    /// Images, for ``Model/responses(_:)``.
    case responses
    /// Images, for ``Model/recomputeStatistics(on:batchSize:images:seed:)``.
    case statistics
    /// Images, for a normalisation or a calibration.
    case reading
    /// Image files, which are decoded to find the damaged ones.
    case verifying
    /// Images, by ``Model/logits(_:)`` and its like, of more images than go through the network at once.
    case running
  }

  public let activity: Activity
  /// Of `total`; less than that.
  public let done: Int
  public let total: Int
}

/// Runs `body` and calls `watcher` between the steps of every long call that `body` makes, on this
/// thread: a batch of an evaluation, a step of training, a portion of files. Returning false stops the
/// call, which then throws `cancelled`; models and data are as they were, or, in training, as the last
/// complete step left the model.
///
/// Calls on other threads are not watched, nor are those that the watcher makes itself.
public func withStepWatcher<Result>(
  _ watcher: @escaping (Step) -> Bool, _ body: () throws(ResNetError) -> Result
) throws(ResNetError) -> Result {
  let outer = StepWatcher.ofThread?.call
  try StepWatcher.setCurrent(watcher)
  defer { StepWatcher.ofThread?.call = outer }
  return try body()
}

/// What watches a thread, once that had a watcher.
package final class StepWatcher {
  /// Nil for nothing at present.
  fileprivate var call: ((Step) -> Bool)?
  /// Whether the thread is in a watcher, be it the present one or one that it replaced meanwhile.
  fileprivate var isCalled = false

  private init() {}

  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key) { watcher in
      guard let watcher else { return }
      Unmanaged<StepWatcher>.fromOpaque(watcher).release()
    }
    return status == 0 ? key : nil
  }()

  fileprivate static var ofThread: StepWatcher? {
    guard let key, let watcher = pthread_getspecific(key) else { return nil }
    return Unmanaged<StepWatcher>.fromOpaque(watcher).takeUnretainedValue()
  }

  /// Sets the watcher of this thread; nil for none.
  package static func setCurrent(_ call: ((Step) -> Bool)?) throws(ResNetError) {
    if let watcher = ofThread {
      watcher.call = call
    } else if let call {
      let watcher = StepWatcher()
      watcher.call = call
      let retained = Unmanaged.passRetained(watcher)
      guard let key, pthread_setspecific(key, retained.toOpaque()) == 0 else {
        retained.release()
        throw ResNetError(.outOfMemory, "could not allocate a value of this thread")
      }
    }
  }
}

/// Counts the steps of a long call, and tells this thread's watcher of them.
package struct Steps {
  private let activity: Step.Activity
  private let total: Int
  private var done: Int

  package init(_ activity: Step.Activity, of total: Int, done: Int = 0) {
    self.activity = activity
    self.total = total
    self.done = done
  }

  /// So many more are done. Throws `cancelled` if the watcher stops the call; after the last step it is
  /// not asked.
  package mutating func advance(by count: Int) throws(ResNetError) {
    done += count
    guard done < total, let watcher = StepWatcher.ofThread, let call = watcher.call,
      !watcher.isCalled
    else { return }
    watcher.isCalled = true
    defer { watcher.isCalled = false }
    guard !call(Step(activity: activity, done: done, total: total)) else { return }
    throw ResNetError(
      .cancelled, "stopped by the step callback while \(activity.phrase), after \(done) of \(total)"
    )
  }
}

extension Step.Activity {
  fileprivate var phrase: String {
    switch self {
    case .responses: "measuring responses"
    case .statistics: "recomputing statistics"
    case .running: "running the network"
    case .training, .evaluating, .testing, .reading, .verifying: rawValue
    }
  }
}
