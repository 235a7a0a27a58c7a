/// The numbers `0..<count` in the random order of one epoch, by Fisher and Yates' shuffle. The same
/// count, seed, epoch and purpose give the same order.
package func shuffledIndices(
  count: Int, seed: UInt64, epoch: Int, stream: RandomStream = .order
) -> [Int] {
  var order = Array(0..<max(count, 0))
  var random = Philox(seed: seed, stream: stream, epoch: epoch)
  for last in stride(from: order.count - 1, to: 0, by: -1) {
    order.swapAt(last, random.integer(below: last + 1))
  }
  return order
}
