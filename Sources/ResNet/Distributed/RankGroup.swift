/// The ranks of a training as one of them sees them: how they agree to go on.
///
/// Whatever one rank does that others wait for begins with a *meeting* (``meet(_:_:)``): a sum of a few
/// numbers, always as many, so that a rank that cannot go on meets the others wherever they are, and all
/// end at the same point. Between two meetings nothing may fail on one rank alone but the connection.
final class RankGroup {
  /// What a meeting is about. Ranks that meet for different things were called differently.
  enum Phase: Int {
    case joining = 1
    case fit, step, stepResult, comparison, evaluation, end
  }

  let options: DistributedOptions
  private let communicator: any Communicator
  /// Why the connection is lost.
  private(set) var failure: ResNetError?
  /// Why the ranks ended the current call together, if they did.
  private(set) var parting: Trainer.Parting?
  /// Calls of `together` within each other.
  private var depth = 0

  /// Checks that the communicator's numbers make sense.
  init(_ communicator: any Communicator, _ options: DistributedOptions) throws(ResNetError) {
    let (rank, ranks) = (communicator.rank, communicator.ranks)
    guard (1...Self.maximumRanks).contains(ranks), (0..<ranks).contains(rank) else {
      throw ResNetError(
        .invalidArgument,
        "the communicator says that this is rank \(rank) of \(ranks); expected 1 to "
          + "\(Self.maximumRanks) ranks, numbered from 0")
    }
    self.communicator = communicator
    self.options = options
  }

  private static let maximumRanks = 1 << 20

  var rank: Int { communicator.rank }
  var ranks: Int { communicator.ranks }

  /// How many ranks' values a statistic of BN is of.
  var ranksOfBatchNorm: Int { options.synchronizesBatchNorm ? ranks : 1 }

  // MARK: Agreement

  /// Runs one call that all ranks make. What it throws on this rank alone, the others learn at their next
  /// meeting.
  func together<Result>(_ body: () throws(ResNetError) -> Result) throws(ResNetError) -> Result {
    if let failure { throw failure }
    if depth == 0 { parting = nil }
    depth += 1
    defer { depth -= 1 }
    do {
      return try body()
    } catch {
      if parting == nil, failure == nil {
        _ = try? meet(nil, isCancelled: error.kind == .cancelled)
      }
      throw error
    }
  }

  /// Meets the other ranks, and returns the sums of the values, at most 4, over all of them. Throws
  /// `cancelled` or `communication` if one of them has stopped or is elsewhere.
  @discardableResult
  func meet(_ phase: Phase, _ values: [Double] = []) throws(ResNetError) -> [Double] {
    try meet(phase, isCancelled: false, values)
  }

  /// Nil for the phase if this rank stops.
  private func meet(_ phase: Phase?, isCancelled: Bool, _ values: [Double] = [])
    throws(ResNetError) -> [Double]
  {
    // A callback that went on where a call within it had failed.
    guard parting == nil else {
      throw ResNetError(.communication, "the ranks have stopped the training that this was part of")
    }
    let place = Double(phase?.rawValue ?? 0)
    var numbers =
      [phase == nil ? 1 : 0, isCancelled ? 1 : 0, place, place * place] + values
      + [Double](repeating: 0, count: 4 - values.count)
    sum(&numbers)
    if let failure { throw failure }
    guard numbers[0] == 0 else {
      parting = .stopped
      guard let stopped = Self.whole(numbers[0]), stopped <= ranks else {
        throw ResNetError(
          .communication, "the communicator adds up \(ranks) numbers of 0 or 1 to \(numbers[0])")
      }
      let isCancelled = numbers[1] == numbers[0]
      throw ResNetError(
        isCancelled ? .cancelled : .communication,
        "\(stopped) of \(ranks) ranks stopped the training"
          + (isCancelled ? "" : ": see what they say"))
    }
    guard isSame(sum: numbers[2], squares: numbers[3]) else {
      parting = .differ
      throw ResNetError(
        .communication,
        "the ranks do not do the same; all must call the trainer in the same way and order")
    }
    return [Double](numbers[4...])
  }

  /// A sum of counts; nil if what the communicator added up is none.
  static func whole(_ sum: Double) -> Int? { Int(exactly: sum).flatMap { $0 >= 0 ? $0 : nil } }

  /// Whether all ranks had the same number, whole and below 2^16, of which these are the sums. With as many
  /// ranks as there may be, what differs shows in spite of rounding (Cauchy-Schwarz).
  func isSame(sum: Double, squares: Double) -> Bool { Double(ranks) * squares == sum * sum }

  /// Throws `communication` unless all ranks have the same checksum of `what`.
  func requireSame(_ checksum: UInt32, _ what: String, _ phase: Phase) throws(ResNetError) {
    let halves = [Double(checksum & 0xFFFF), Double(checksum >> 16)]
    let sums = try meet(phase, halves.flatMap { [$0, $0 * $0] })
    guard !isSame(sum: sums[0], squares: sums[1]) || !isSame(sum: sums[2], squares: sums[3]) else {
      return
    }
    parting = .differ
    var first = checksum
    withUnsafeMutableBytes(of: &first) { broadcast($0, from: 0) }
    throw failure
      ?? ResNetError(
        .communication,
        first == checksum
          ? "\(what) of another rank differs from that of rank 0"
          : "\(what) of this rank, \(rank) of \(ranks), differs from that of rank 0")
  }

  // MARK: Sums

  /// Adds up numbers over all ranks; on a lost connection they have no meaning, and `failure` says why.
  func sum(_ numbers: inout [Double]) {
    numbers.withUnsafeMutableBufferPointer { sum($0) }
  }

  func sum(_ numbers: UnsafeMutableBufferPointer<Double>) {
    attempt { () throws(ResNetError) in
      try communicator.wait(for: try communicator.startSum(numbers))
    }
  }

  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) {
    attempt { () throws(ResNetError) in try communicator.broadcast(bytes, from: root) }
  }

  func barrier() { attempt { () throws(ResNetError) in try communicator.barrier() } }

  /// Nil if the connection is lost.
  func start(_ values: UnsafeMutableBufferPointer<Float>) -> Sum? {
    var sum: Sum?
    attempt { () throws(ResNetError) in sum = Sum(request: try communicator.startSum(values)) }
    return sum
  }

  /// Must be called for every sum that was started, also when the connection is lost.
  func wait(for sum: Sum) {
    do {
      try communicator.wait(for: sum.request)
    } catch {
      note(error)
    }
  }

  /// A sum under way.
  struct Sum {
    fileprivate let request: UnsafeMutableRawPointer?
  }

  private func attempt(_ body: () throws(ResNetError) -> Void) {
    guard failure == nil else { return }
    do {
      try body()
    } catch {
      note(error)
    }
  }

  private func note(_ error: ResNetError) {
    if failure == nil { failure = error }
  }
}
