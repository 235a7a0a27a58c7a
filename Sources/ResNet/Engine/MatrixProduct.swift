import CKernels
import COpenBLAS

/// Matrix products of the fully connected layer, by OpenBLAS.
///
/// Each call is cut into tiles that the thread pool runs. A tile has so few multiply-adds that
/// OpenBLAS computes it on the calling thread, whatever its own thread count is: that count belongs
/// to the host, and results must not depend on it.
enum MatrixProduct {
  /// OpenBLAS stays on the calling thread up to this many multiply-adds (GEMM_MULTITHREAD_THRESHOLD
  /// 4 times SMP_THRESHOLD_MIN 65536).
  private static let tileMultiplyAdds = 262_144

  struct Operand {
    let values: UnsafePointer<Float>
    /// Floats from one stored row to the next.
    let rowStride: Int
    let transposed: Bool
  }

  /// result = left * right: rows x columns, over `depth` products each.
  static func run(
    rows: Int, columns: Int, depth: Int, left: Operand, right: Operand,
    result: UnsafeMutablePointer<Float>, resultStride: Int, pool: ThreadPool,
    workers: Int
  ) {
    let tileRows = min(rows, 16)
    let tileDepth = min(depth, tileMultiplyAdds / tileRows)
    let tileColumns = min(columns, tileMultiplyAdds / (tileRows * tileDepth))
    let rowTiles = (rows + tileRows - 1) / tileRows
    let columnTiles = (columns + tileColumns - 1) / tileColumns
    pool.run(rowTiles * columnTiles, workers: workers) { task, _ in
      let row = task / columnTiles * tileRows
      let column = task % columnTiles * tileColumns
      for start in stride(from: 0, to: depth, by: tileDepth) {
        let leftStart =
          left.transposed ? start * left.rowStride + row : row * left.rowStride + start
        let rightStart =
          right.transposed ? column * right.rowStride + start : start * right.rowStride + column
        cblas_sgemm(
          CblasRowMajor, left.transposed ? CblasTrans : CblasNoTrans,
          right.transposed ? CblasTrans : CblasNoTrans, blasint(min(tileRows, rows - row)),
          blasint(min(tileColumns, columns - column)), blasint(min(tileDepth, depth - start)), 1,
          left.values + leftStart, blasint(left.rowStride), right.values + rightStart,
          blasint(right.rowStride), start == 0 ? 0 : 1, result + row * resultStride + column,
          blasint(resultStride))
      }
    }
  }
}
