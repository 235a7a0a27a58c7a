import CKernels

/// CRC-32 as in zlib, gzip and PNG (polynomial 0xEDB88320), so that `zlib.crc32` of any language
/// checks our files. Bytes may be added piece by piece.
package struct CRC32 {
  private var state = UInt32.max

  package init() {}

  /// Of all bytes added so far.
  package var value: UInt32 { ~state }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    state = rk_crc32(state, bytes.baseAddress, Int64(bytes.count))
  }

  package mutating func add(_ bytes: ArraySlice<UInt8>) { bytes.withUnsafeBytes { add($0) } }

  /// Adds the number's eight bytes, the lowest first.
  package mutating func add(_ number: Int) { withUnsafeBytes(of: number.littleEndian) { add($0) } }

  /// Adds bytes that were looked at elsewhere, as on another thread.
  package mutating func add(_ piece: Piece) {
    state = rk_crc32_advance(state, Int64(piece.count)) ^ piece.state
  }

  /// What some bytes do to a checksum, whatever comes before them.
  package struct Piece {
    fileprivate let state: UInt32
    fileprivate let count: Int

    /// No bytes.
    package static let empty = Piece(UnsafeRawBufferPointer(start: nil, count: 0))

    package init(_ bytes: UnsafeRawBufferPointer) {
      state = rk_crc32(0, bytes.baseAddress, Int64(bytes.count))
      count = bytes.count
    }
  }
}
