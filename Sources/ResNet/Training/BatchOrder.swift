/// The batches of a training: epoch after epoch a new random order of all images, in full batches,
/// until so many steps are done. Images that fill no batch wait for another epoch's order.
struct ShuffledBatches: IteratorProtocol {
  private let count: Int
  private let batchSize: Int
  private let seed: UInt64
  private var steps: Int
  private var epoch = -1
  private var order: ArraySlice<Int> = []

  init(count: Int, batchSize: Int, steps: Int, seed: UInt64) {
    self.count = count
    self.batchSize = batchSize
    self.steps = steps
    self.seed = seed
  }

  mutating func next() -> BatchLoader.Request? {
    guard steps > 0 else { return nil }
    steps -= 1
    if order.count < batchSize {
      epoch += 1
      order = shuffledIndices(count: count, seed: seed, epoch: epoch)[...]
    }
    defer { order = order.dropFirst(batchSize) }
    return BatchLoader.Request(indices: order.prefix(batchSize), epoch: epoch)
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
