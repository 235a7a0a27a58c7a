/// The order in which arrays list chunks: row by row of the largest grid that the dataset may grow to,
/// and with the axis that has no limit first.
struct HDF5ChunkOrder {
  /// Chunks along each axis but the first, in the array's order of axes.
  private let counts: [Int]
  /// The axis that comes first.
  private let first: Int

  init(_ space: HDF5Space, _ chunk: [Int], isExtensible: Bool) throws(ResNetError) {
    let unlimited = space.maximum.indices.filter { space.maximum[$0] == nil }
    guard unlimited.count == (isExtensible ? 1 : 0), space.maximum.count == chunk.count else {
      throw ResNetError(.badFormat, "its index of chunks does not go with its dataspace")
    }
    first = unlimited.first ?? 0
    var counts: [Int] = []
    for (axis, limit) in space.maximum.enumerated() where axis != first {
      guard let limit, limit > 0 else {
        throw ResNetError(.badFormat, "its dataspace has an impossible limit")
      }
      counts.append((limit - 1) / chunk[axis] + 1)
    }
    self.counts = counts
  }

  /// The position in the grid of the element at an index.
  func position(_ index: Int) -> [Int] {
    var position = [Int](repeating: 0, count: counts.count + 1)
    var rest = index
    for axis in counts.indices.reversed() {
      position[axis + 1] = rest % counts[axis]
      rest /= counts[axis]
    }
    position[0] = rest
    position.insert(position.removeFirst(), at: first)
    return position
  }
}
