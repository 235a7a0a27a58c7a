import Testing

@testable import ResNet

@Suite("Matrix products in tiles")
struct MatrixProductTests {
  /// Deep enough for several parts of the depth, and every kind of remainder.
  @Test(arguments: [(1, 1, 1), (3, 5, 7), (17, 33, 20_001), (40, 2, 40_000), (2, 300, 130)])
  func agreeWithTheirDefinition(_ rows: Int, _ columns: Int, _ depth: Int) {
    var random = Philox(seed: 1, stream: .order, index: rows)
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(random.integer(below: 17)) - 8 }
    }
    let left = values(rows * depth)
    let right = values(depth * columns)
    for (leftTransposed, rightTransposed) in [(false, false), (true, false), (false, true)] {
      var result = [Float](repeating: .nan, count: rows * columns)
      left.withUnsafeBufferPointer { left in
        right.withUnsafeBufferPointer { right in
          result.withUnsafeMutableBufferPointer { result in
            guard let left = left.baseAddress, let right = right.baseAddress,
              let result = result.baseAddress
            else { return }
            MatrixProduct.run(
              rows: rows, columns: columns, depth: depth,
              left: .init(
                values: left, rowStride: leftTransposed ? rows : depth,
                transposed: leftTransposed),
              right: .init(
                values: right, rowStride: rightTransposed ? depth : columns,
                transposed: rightTransposed),
              result: result, resultStride: columns, pool: .shared, workers: 4)
          }
        }
      }
      for row in 0..<rows {
        for column in 0..<columns {
          var sum: Float = 0  // whole numbers below 2^24, so exact in any order
          for index in 0..<depth {
            sum +=
              left[leftTransposed ? index * rows + row : row * depth + index]
              * right[rightTransposed ? column * depth + index : index * columns + column]
          }
          #expect(result[row * columns + column] == sum)
        }
      }
    }
  }
}
