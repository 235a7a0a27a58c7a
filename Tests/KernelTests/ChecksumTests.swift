import CKernels
import Testing

@Suite struct ChecksumTests {
  /// By definition: division by the polynomial, bit by bit.
  private func remainder(_ state: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(state) { state, byte in
      (0..<8).reduce(state ^ UInt32(byte)) { state, _ in
        state >> 1 ^ (state & 1 == 1 ? 0xEDB8_8320 : 0)
      }
    }
  }

  private static let bytes: [UInt8] = {
    var random = Random(31)
    return (0..<700).map { _ in UInt8.random(in: 0...255, using: &random) }
  }()

  /// Every length around the steps of 8, 16, 64 and 256 bytes, from aligned and unaligned addresses.
  @Test(arguments: [0, 1, 5])
  func allWaysMatchTheDefinition(_ start: Int) {
    let state: UInt32 = 0x1234_5678
    for count in Array(0...330) + [511, 512, 640, 690] {
      let piece = Self.bytes[start..<start + count]
      let expected = remainder(state, piece)
      Self.bytes.withUnsafeBytes { bytes in
        let address = bytes.baseAddress! + start
        #expect(rk_crc32(state, address, Int64(count)) == expected, "\(count) bytes")
        #expect(rk_crc32_portable(state, address, Int64(count)) == expected, "\(count) bytes")
      }
    }
  }

  @Test(arguments: [0, 1, 2, 63, 64, 255, 500])
  func piecesAddUp(_ count: Int) {
    let state = UInt32.max
    let whole = remainder(state, Self.bytes[...])
    let front = remainder(state, Self.bytes[..<(Self.bytes.count - count)])
    let back = remainder(0, Self.bytes[(Self.bytes.count - count)...])
    #expect(rk_crc32_advance(front, Int64(count)) ^ back == whole)
    #expect(
      rk_crc32_advance(front, Int64(count))
        == remainder(front, [UInt8](repeating: 0, count: count)[...]))
  }

  /// Each power of two has an entry of its own in the table that this goes by.
  @Test func advancingByManyIsAdvancingInSteps() {
    let state: UInt32 = 0x89AB_CDEF
    #expect(
      rk_crc32_advance(state, 5000) == remainder(state, [UInt8](repeating: 0, count: 5000)[...]))
    for power in 9..<62 {
      let half = Int64(1) << power
      let twice = rk_crc32_advance(rk_crc32_advance(state, half), half)
      #expect(rk_crc32_advance(state, 2 * half) == twice, "2^\(power)")
      let odd = rk_crc32_advance(rk_crc32_advance(state, half), 12345)
      #expect(rk_crc32_advance(state, half + 12345) == odd, "2^\(power) + 12345")
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func theFirstValueThatIsNotFiniteIsFound(_ bad: Float) {
    for position in [0, 1, 15, 16, 1023, 1024, 1025, 2999] {
      var values = [Float](repeating: .greatestFiniteMagnitude, count: 3000)
      #expect(rk_first_not_finite(values, 3000) == 0)
      values[position] = bad
      values[2999] = bad
      #expect(rk_first_not_finite(values, 3000) == Int64(position + 1))
      #expect(rk_first_not_finite(values, Int64(position)) == 0)
    }
  }
}
