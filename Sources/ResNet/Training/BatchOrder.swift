/// The batches of some steps of a training: epoch after epoch a new random order of all images, in full
/// batches. Images that fill no batch wait for another epoch's order.
struct ShuffledBatches: IteratorProtocol {
  private let count: Int
  private let batchSize: Int
  private let seed: UInt64
  private var steps: Range<Int>
  private let share: Range<Int>
  private var order: (epoch: Int, indices: [Int])?

  /// Of a batch size of `count` at most.
  ///
  /// - Parameter share: The part of every batch that is asked for.
  init(count: Int, batchSize: Int, steps: Range<Int>, seed: UInt64, share: Range<Int>) {
    self.count = count
    self.batchSize = batchSize
    self.steps = steps
    self.seed = seed
    self.share = share
  }

  mutating func next() -> BatchLoader.Request? {
    guard let step = steps.first else { return nil }
    steps = steps.dropFirst()
    let (epoch, batch) = step.quotientAndRemainder(dividingBy: count / batchSize)
    if order?.epoch != epoch {
      order = nil
      order = (epoch, shuffledIndices(count: count, seed: seed, epoch: epoch))
    }
    guard let order else { return nil }
    let first = batch * batchSize
    return BatchLoader.Request(
      indices: order.indices[first + share.lowerBound..<first + share.upperBound], epoch: epoch)
  }
}

/// Images one after the other, the last batch as large as it comes out.
struct SequentialBatches: IteratorProtocol {
  private let batchSize: Int
  private var rest: ArraySlice<Int>

  init(_ indices: [Int], batchSize: Int) {
    self.batchSize = batchSize
    rest = indices[...]
  }

  mutating func next() -> BatchLoader.Request? {
    guard !rest.isEmpty else { return nil }
    defer { rest = rest.dropFirst(batchSize) }
    return BatchLoader.Request(indices: rest.prefix(batchSize), epoch: 0)
  }
}
