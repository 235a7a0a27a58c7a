/// The numbers `0..<count` in the random order of one epoch, by Fisher and Yates' shuffle. The same
/// count, seed and epoch give the same order.
package func shuffledIndices(count: Int, seed: UInt64, epoch: Int) -> [Int] {
  var order = Array(0..<max(count, 0))
  var random = Philox(seed: seed, stream: .order, epoch: epoch)
  for last in stride(from: order.count - 1, to: 0, by: -1) {
    order.swapAt(last, random.integer(below: last + 1))
  }
  return order
}
