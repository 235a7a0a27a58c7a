import Glibc

/// Sums the gradients of a training engine over all ranks while its backward half goes on, in buckets of
/// neighbouring tensors: each is started as soon as the last of its layers is done.
///
/// The last layers come first, as the backward half does. Buckets are cut from the first layer on, the
/// first of them small: nothing is left to compute when that one starts, so it is waited for in full.
final class GradientExchange {
  /// Tensors whose gradients are summed at once.
  struct Bucket: Equatable {
    /// Of the flat array of gradients.
    let range: Range<Int>
    /// The step of the plan whose backward half completes it.
    let step: Int
  }

  let group: RankGroup
  /// In the order in which they are started.
  private let buckets: [Bucket]
  private let gradients: UnsafeMutablePointer<Float>
  /// What BN learned of the batch: of every channel of every layer whose statistics are the rank's own, the mean and
  /// the variance.
  let statistics: UnsafeMutableBufferPointer<Float>
  /// Of one BN layer, two numbers a channel that all ranks add up; empty if each normalises by its own.
  let synchronized: UnsafeMutableBufferPointer<Double>
  private var sums: [RankGroup.Sum] = []

  /// - Parameters:
  ///   - tensors: What is trained, with the step of the plan whose backward half gives its gradient.
  ///   - statistics: How many numbers BN's layers have to share if each rank has its own.
  ///   - channels: Of the widest BN layer, in whole blocks.
  init(
    _ group: RankGroup, tensors: [(tensor: ParameterLayout.Tensor, step: Int)],
    gradients: UnsafeMutablePointer<Float>, statistics: Int, channels: Int
  ) throws(ResNetError) {
    self.group = group
    self.gradients = gradients
    buckets = Self.buckets(tensors, floats: group.options.bucketBytes / MemoryLayout<Float>.stride)
    let isSynchronized = group.options.synchronizesBatchNorm
    let floats = isSynchronized ? 0 : statistics
    self.statistics = UnsafeMutableBufferPointer(start: try allocateFloats(floats), count: floats)
    synchronized = .allocate(capacity: isSynchronized ? 2 * channels : 0)
    synchronized.initialize(repeating: 0)
    sums.reserveCapacity(buckets.count + 1)
  }

  deinit {
    free(statistics.baseAddress)
    synchronized.deallocate()
  }

  /// Meets the others before a step. Throws `communication` if theirs is another one.
  func begin(_ step: CRC32) throws(ResNetError) {
    var checksum = step
    for bucket in buckets { checksum.add(bucket.range.lowerBound) }
    try group.requireSame(
      checksum.value, "the number or the size of images, the learning rate or what is frozen", .step
    )
  }

  /// Adds up the statistics of a BN layer of so many channels.
  func synchronize(channels: Int) {
    group.sum(UnsafeMutableBufferPointer(rebasing: synchronized[..<(2 * channels)]))
  }

  /// Starts to sum the statistics, which the forward half has filled in.
  func startStatistics() {
    if !statistics.isEmpty { start(statistics) }
  }

  /// Starts the buckets that are complete after the backward half of a step.
  func finished(step: Int) {
    while let bucket = next, bucket.step >= step {
      started += 1
      start(
        UnsafeMutableBufferPointer(
          start: gradients + bucket.range.lowerBound, count: bucket.range.count))
    }
  }

  private var started = 0
  private var next: Bucket? { started < buckets.count ? buckets[started] : nil }

  private func start(_ values: UnsafeMutableBufferPointer<Float>) {
    if let sum = group.start(values) { sums.append(sum) }
  }

  /// Waits for all that was started.
  func finish() {
    for sum in sums { group.wait(for: sum) }
    sums.removeAll(keepingCapacity: true)
    started = 0
  }

  /// The mean loss and the number of recognised images of all ranks. Throws `communication` if the connection
  /// is lost.
  func result(_ own: (loss: Double, correct: Int)) throws(ResNetError) -> (
    loss: Double, correct: Int
  ) {
    let sums = try group.meet(.stepResult, [own.loss, Double(own.correct)])
    return (loss: sums[0] / Double(group.ranks), correct: RankGroup.whole(sums[1]) ?? 0)
  }

  /// The trained tensors in buckets of `floats` values or a little more, in the order in which they are complete.
  /// Those before a frozen one and those after it are not neighbours.
  static func buckets(
    _ tensors: [(tensor: ParameterLayout.Tensor, step: Int)], floats: Int
  ) -> [Bucket] {
    var buckets: [Bucket] = []
    for (tensor, step) in tensors.sorted(by: { $0.tensor.offset < $1.tensor.offset }) {
      let range = tensor.offset..<tensor.offset + tensor.count
      // The first is an eighth of the others.
      let capacity = buckets.count <= 1 ? floats / 8 : floats
      if let last = buckets.last, last.range.count < capacity,
        range.lowerBound - last.range.upperBound < ParameterLayout.alignment
      {
        buckets[buckets.count - 1] = Bucket(
          range: last.range.lowerBound..<range.upperBound, step: min(last.step, step))
      } else {
        buckets.append(Bucket(range: range, step: step))
      }
    }
    return buckets.reversed()
  }
}
