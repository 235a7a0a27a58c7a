import Glibc

/// What random numbers are for. Each purpose draws from a stream of its own, so that changing how
/// one of them draws leaves the others as they were.
package enum RandomStream: UInt32, Sendable {
  case weights, order, augmentation
  case split, replacement
}

/// Philox4x32-10, the counter-based random generator of Salmon et al., "Parallel Random Numbers:
/// As Easy as 1, 2, 3" (2011).
///
/// Its numbers are a pure function of a key and a counter. Keyed by seed, purpose, epoch and
/// sample, every sample has a sequence of its own, whichever thread asks and in whatever order.
package struct Philox: Sendable {
  private let key: SIMD2<UInt32>
  private var counter: SIMD4<UInt32>
  private var block = SIMD4<UInt32>()
  /// Words of `block` that have been given out.
  private var used = 4

  /// The sequence of one sample (or tensor) in one epoch. Sequences differ for indices below 2^56
  /// and epochs below 2^32.
  package init(seed: UInt64, stream: RandomStream, epoch: Int = 0, index: Int = 0) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    counter = SIMD4(
      0, UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: epoch),
      UInt32(truncatingIfNeeded: index >> 32) << 8 | stream.rawValue)
  }

  /// The next 32 random bits. A sequence repeats after 2^34 of them.
  package mutating func next() -> UInt32 {
    if used == 4 {
      block = Philox.block(counter: counter, key: key)
      counter.x &+= 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  /// A sequence of which nothing was taken, from the word after so many on, a multiple of four.
  package func skipping(_ words: Int) -> Philox {
    var later = self
    later.counter.x &+= UInt32(truncatingIfNeeded: words / 4)
    return later
  }

  /// An integer in `0..<bound`, for a bound of at least 1.
  ///
  /// The high half of a 64-bit number times the bound: no value is more likely than another by
  /// more than bound / 2^64, and each call takes two words, never more.
  package mutating func integer(below bound: Int) -> Int {
    let low = UInt64(next())
    let bits = UInt64(next()) << 32 | low
    return Int(bits.multipliedFullWidth(by: UInt64(max(bound, 1))).high)
  }

  /// Two independent numbers from the normal distribution of mean 0 and variance 1, by the
  /// Box-Muller transform in double precision.
  package mutating func normals() -> (Double, Double) {
    // In (0, 1], because the logarithm of 0 is not finite; so no value is beyond 6.7.
    let radius = (-2 * log((Double(next()) + 1) * 0x1p-32)).squareRoot()
    let angle = Double(next()) * (0x1p-32 * 2 * Double.pi)
    return (radius * cos(angle), radius * sin(angle))
  }

  /// Ten rounds of the bijection on one counter.
  package static func block(
    counter: SIMD4<UInt32>, key: SIMD2<UInt32>
  ) -> SIMD4<UInt32> {
    var (counter, key) = (counter, key)
    for round in 0..<10 {
      if round > 0 { key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85) }
      let first = counter.x.multipliedFullWidth(by: 0xD251_1F53)
      let second = counter.z.multipliedFullWidth(by: 0xCD9E_8D57)
      counter = SIMD4(
        second.high ^ counter.y ^ key.x, second.low, first.high ^ counter.w ^ key.y, first.low)
    }
    return counter
  }
}
