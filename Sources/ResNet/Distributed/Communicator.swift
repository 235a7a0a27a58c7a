/// What the ranks of a distributed training talk through: processes, each with a trainer of the same
/// network, that train on a share of every batch (``Trainer/distribute(over:options:)``). MPI fills it, or
/// any other library that sums over processes.
///
/// All ranks call the same functions in the same order, with as many values. They are called on the thread
/// that calls the trainer. Whatever fails throws `communication`; nothing is called after that but
/// ``wait(for:)`` for the sums that were started.
public protocol Communicator: AnyObject {
  /// This process's number among the ranks, from 0.
  var rank: Int { get }
  /// How many there are.
  var ranks: Int { get }

  /// Starts to add up `values` over all ranks, element by element and in place, and returns without
  /// waiting for others. All ranks receive the same bits. The memory is the communicator's until
  /// ``wait(for:)`` returns.
  func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws(ResNetError)
    -> UnsafeMutableRawPointer?
  func startSum(_ values: UnsafeMutableBufferPointer<Double>) throws(ResNetError)
    -> UnsafeMutableRawPointer?

  /// Waits until a sum is there. When it returns or throws, nothing touches the sum's memory any more.
  /// Every sum is waited for once, on all ranks in the same order, though perhaps not in that of starting.
  func wait(for sum: UnsafeMutableRawPointer?) throws(ResNetError)

  /// Gives all ranks the bytes that `root` has.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ResNetError)

  /// Returns when all ranks have called it.
  func barrier() throws(ResNetError)
}

/// How a training is spread over ranks.
public struct DistributedOptions: Hashable, Sendable {
  /// Whether BN takes the mean and variance of the batch over all ranks, as one process with the whole
  /// batch does. If not, each rank normalises by the statistics of its own share, and the running
  /// statistics take the mean over the ranks.
  public var synchronizesBatchNorm: Bool
  /// Steps after which the ranks compare checksums of weights and momentum; a difference ends the training.
  /// 0 for never.
  public var checkInterval: Int
  /// Gradients are summed in pieces of about so many bytes, at least 1.
  public var bucketBytes: Int

  public init(
    synchronizesBatchNorm: Bool = false, checkInterval: Int = 100, bucketBytes: Int = 4 << 20
  ) {
    self.synchronizesBatchNorm = synchronizesBatchNorm
    self.checkInterval = checkInterval
    self.bucketBytes = bucketBytes
  }

  /// Throws `invalidArgument` if an option is out of range.
  func validate() throws(ResNetError) {
    guard checkInterval >= 0 else {
      throw ResNetError(
        .invalidArgument,
        "the steps between two comparisons of the ranks must be 0 or more, got \(checkInterval)")
    }
    guard bucketBytes >= 1 else {
      throw ResNetError(
        .invalidArgument, "a bucket of gradients must be of 1 byte or more, got \(bucketBytes)")
    }
  }
}
