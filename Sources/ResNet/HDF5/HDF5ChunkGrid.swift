/// How a dataset is cut into chunks. Positions of chunks are numbered row by row.
struct HDF5ChunkGrid {
  /// Of the dataset.
  let shape: [Int]
  /// Of a chunk.
  let chunk: [Int]
  /// Chunks along each axis.
  let counts: [Int]
  /// How many there are together.
  let count: Int
  /// Bytes of a chunk.
  let chunkBytes: Int

  init(shape: [Int], chunk: [Int], valueBytes: Int) throws(ResNetError) {
    guard shape.count == chunk.count else {
      throw ResNetError(.badFormat, "its chunks have \(chunk.count) dimensions, not \(shape.count)")
    }
    counts = zip(shape, chunk).map { ($0 - 1) / $1 + 1 }.enumerated().map {
      shape[$0.offset] == 0 ? 0 : $0.element
    }
    guard let count = HDF5Space.product(counts), let bytes = HDF5Space.product(chunk + [valueBytes])
    else { throw ResNetError(.badFormat, "it has chunks of the impossible shape \(chunk)") }
    self.shape = shape
    self.chunk = chunk
    self.count = count
    chunkBytes = bytes
  }

  /// The number of the chunk at a position of the grid; nil for one outside.
  func number(at position: [Int]) -> Int? {
    var number = 0
    for (axis, place) in position.enumerated() {
      guard place >= 0, place < counts[axis] else { return nil }
      number = number * counts[axis] + place
    }
    return number
  }

  /// The position of a chunk in the grid.
  func position(of number: Int) -> [Int] {
    var position = [Int](repeating: 0, count: counts.count)
    var rest = number
    for axis in counts.indices.reversed() {
      position[axis] = rest % counts[axis]
      rest /= counts[axis]
    }
    return position
  }

  /// Whether a chunk reaches beyond the dataset.
  func isPartial(_ position: [Int]) -> Bool {
    position.indices.contains { (position[$0] + 1) * chunk[$0] > shape[$0] }
  }
}
