/// The part of a chunk that is wanted of it: some of its rows, and of the other axes what is in the
/// dataset; and where that goes in memory that holds rows of the dataset.
struct HDF5ChunkBox {
  /// Bytes of the chunk, of all that is wanted and what lies between.
  let slab: Range<Int>
  /// By axis, the first for rows: how many values are wanted along it.
  private let extents: [Int]
  /// By axis: bytes from one to the next, in the chunk and in memory.
  private let sourceSteps: [Int]
  private let targetSteps: [Int]
  private let firstTarget: Int
  /// Values from this axis on lie one after another in both.
  private let runAxis: Int
  private let runBytes: Int

  /// `target` is the first row in memory.
  init(
    _ grid: HDF5ChunkGrid, _ position: [Int], _ rows: Range<Int>, valueBytes: Int, target: Int
  ) {
    let rank = grid.shape.count
    var extents = [rows.count]
    for axis in 1..<max(rank, 1) {
      extents.append(min(grid.chunk[axis], grid.shape[axis] - position[axis] * grid.chunk[axis]))
    }
    var sourceSteps = [Int](repeating: valueBytes, count: rank)
    var targetSteps = sourceSteps
    for axis in (0..<rank - 1).reversed() {
      sourceSteps[axis] = sourceSteps[axis + 1] * grid.chunk[axis + 1]
      targetSteps[axis] = targetSteps[axis + 1] * grid.shape[axis + 1]
    }
    var runAxis = rank - 1
    while runAxis > 0, sourceSteps[runAxis - 1] == targetSteps[runAxis - 1],
      extents[runAxis] == grid.chunk[runAxis]
    {
      runAxis -= 1
    }
    slab = rows.lowerBound * sourceSteps[0]..<rows.upperBound * sourceSteps[0]
    firstTarget =
      target * targetSteps[0]
      + (1..<max(rank, 1)).reduce(0) { $0 + position[$1] * grid.chunk[$1] * targetSteps[$1] }
    runBytes = extents[runAxis] * sourceSteps[runAxis]
    self.extents = extents
    self.sourceSteps = sourceSteps
    self.targetSteps = targetSteps
    self.runAxis = runAxis
  }

  /// What is wanted, if it is one piece.
  var onlyRun: (source: Int, target: Int, count: Int)? {
    guard extents[..<runAxis].allSatisfy({ $0 == 1 }) else { return nil }
    return (slab.lowerBound, firstTarget, runBytes)
  }

  /// Calls `body` for each piece: where it begins in the chunk and in memory, and its bytes.
  func forEachRun(_ body: (_ source: Int, _ target: Int, _ count: Int) -> Void) {
    var place = [Int](repeating: 0, count: runAxis)
    var source = slab.lowerBound
    var target = firstTarget
    while true {
      body(source, target, runBytes)
      // The next place: the last axis that has one more, and those after it from the beginning.
      var axis = runAxis - 1
      while axis >= 0 {
        place[axis] += 1
        source += sourceSteps[axis]
        target += targetSteps[axis]
        if place[axis] < extents[axis] { break }
        source -= extents[axis] * sourceSteps[axis]
        target -= extents[axis] * targetSteps[axis]
        place[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
