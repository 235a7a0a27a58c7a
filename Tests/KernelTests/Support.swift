import CKernels
import Testing

/// An instruction set that this machine has, and its kernels.
struct InstructionSet: Sendable, CustomTestStringConvertible {
  let name: String

  var testDescription: String { name }

  var kernels: rk_kernels {
    get throws { try #require(rk_kernels_named(name)).pointee }
  }

  static let available = ["avx512", "avx2", "portable"]
    .filter { (name: String) in rk_kernels_named(name) != nil }
    .map { InstructionSet(name: $0) }
}

/// SplitMix64: the same numbers in every run.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

/// 64-byte aligned memory for a kernel, full of NaN until written, with a fence at each end.
final class Buffer {
  private static let fence: Float = -12345.678
  private let base: UnsafeMutableRawPointer
  let count: Int

  init(_ count: Int) {
    self.count = count
    base = .allocate(byteCount: (count + 32) * 4, alignment: 64)
    let all = base.bindMemory(to: Float.self, capacity: count + 32)
    all.initialize(repeating: Self.fence, count: count + 32)
    (all + 16).update(repeating: .nan, count: count)
  }

  convenience init(_ values: [Float]) {
    self.init(values.count)
    for (i, value) in values.enumerated() { pointer[i] = value }
  }

  deinit { base.deallocate() }

  var pointer: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) + 16 }
  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
  var bits: [UInt32] { values.map(\.bitPattern) }

  /// False if a kernel wrote outside.
  var isIntact: Bool {
    (0..<16).allSatisfy { pointer[-1 - $0] == Self.fence && pointer[count + $0] == Self.fence }
  }
}

/// A plain NCHW tensor, and its way to and from the blocked layout.
struct Tensor {
  let n: Int, c: Int, h: Int, w: Int
  var values: [Double]

  init(_ n: Int, _ c: Int, _ h: Int, _ w: Int) {
    (self.n, self.c, self.h, self.w) = (n, c, h, w)
    values = Array(repeating: 0, count: n * c * h * w)
  }

  /// Random values that float32 holds exactly.
  init(_ n: Int, _ c: Int, _ h: Int, _ w: Int, random: inout Random) {
    self.init(n, c, h, w)
    values = random.floats(n * c * h * w).map(Double.init)
  }

  var blocks: Int { (c + 15) / 16 }
  var pixels: Int { h * w }

  subscript(_ i: Int, _ channel: Int, _ row: Int, _ column: Int) -> Double {
    get { values[((i * c + channel) * h + row) * w + column] }
    set { values[((i * c + channel) * h + row) * w + column] = newValue }
  }

  /// Where a value lies in the blocked layout.
  private func index(_ i: Int, _ channel: Int, _ pixel: Int) -> Int {
    ((i * blocks + channel / 16) * pixels + pixel) * 16 + channel % 16
  }

  var blockedCount: Int { n * blocks * pixels * 16 }

  var blocked: Buffer {
    let buffer = Buffer(blockedCount)
    buffer.pointer.update(repeating: 0, count: blockedCount)
    for i in 0..<n {
      for channel in 0..<c {
        for pixel in 0..<pixels {
          buffer.pointer[index(i, channel, pixel)] = Float(
            values[(i * c + channel) * pixels + pixel])
        }
      }
    }
    return buffer
  }

  /// What a kernel must have written: these values within a tolerance each, zeros in the padding
  /// lanes, nothing outside. Returns what is wrong, if anything.
  func mismatch(_ buffer: Buffer, tolerance: (Int) -> Double) -> String? {
    guard buffer.count == blockedCount else { return "\(buffer.count) values" }
    guard buffer.isIntact else { return "written outside the destination" }
    for i in 0..<n {
      for channel in 0..<(blocks * 16) {
        for pixel in 0..<pixels {
          let got = Double(buffer.pointer[index(i, channel, pixel)])
          let place = "image \(i) channel \(channel) pixel \(pixel)"
          if channel >= c {
            if got != 0 { return "\(place): padding lane holds \(got)" }
            continue
          }
          let at = (i * c + channel) * pixels + pixel
          if !(abs(got - values[at]) <= tolerance(at)) {
            return "\(place): \(got), expected \(values[at]) within \(tolerance(at))"
          }
        }
      }
    }
    return nil
  }
}

/// One value per channel, zero in the padding lanes.
struct PerChannel {
  let values: [Double]
  let buffer: Buffer

  init(_ channels: Int, in range: ClosedRange<Float>, random: inout Random) {
    let floats = random.floats(channels, in: range)
    values = floats.map(Double.init)
    buffer = Buffer(floats + Array(repeating: 0, count: (channels + 15) / 16 * 16 - channels))
  }

  var pointer: UnsafePointer<Float> { UnsafePointer(buffer.pointer) }
}

/// How a source is read: as it is, or through scale, shift and ReLU.
enum Load: CaseIterable {
  case plain, affine, affineReLU
}

/// A blocked tensor as kernels read it, and the values that they should see.
struct Source {
  let seen: Tensor
  /// What a value's rounding error is in proportion to: the magnitudes of the terms it is made of.
  let magnitudes: [Double]
  private let data: Buffer
  private let scale: PerChannel?, shift: PerChannel?
  private let relu: Bool

  init(_ tensor: Tensor, load: Load, random: inout Random) {
    data = tensor.blocked
    relu = load == .affineReLU
    guard load != .plain else {
      (scale, shift, seen, magnitudes) = (nil, nil, tensor, tensor.values.map(abs))
      return
    }
    let a = PerChannel(tensor.c, in: 0.5...1.5, random: &random)
    let b = PerChannel(tensor.c, in: -0.5...0.5, random: &random)
    var seen = tensor
    var magnitudes = tensor.values
    for i in seen.values.indices {
      let channel = i / tensor.pixels % tensor.c
      let value = seen.values[i] * a.values[channel] + b.values[channel]
      magnitudes[i] = abs(seen.values[i] * a.values[channel]) + abs(b.values[channel])
      seen.values[i] = load == .affineReLU ? max(0, value) : value
    }
    (scale, shift, self.seen, self.magnitudes) = (a, b, seen, magnitudes)
  }

  func withSource<R>(_ body: (rk_source) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) {
      try body(
        rk_source(
          data: data.pointer, scale: scale?.pointer, shift: shift?.pointer, relu: relu ? 1 : 0))
    }
  }
}

/// Runs tasks 0..<count, or the same backwards: no task may depend on another.
func forEachTask(_ count: Int64, backwards: Bool = false, _ body: (Int64) -> Void) {
  if backwards {
    for task in (0..<count).reversed() { body(task) }
  } else {
    for task in 0..<count { body(task) }
  }
}

/// Fills a C array, which Swift sees as a tuple.
func fill<Tuple, Element>(_ tuple: inout Tuple, with elements: [Element]) {
  withUnsafeMutableBytes(of: &tuple) { bytes in
    let target = bytes.bindMemory(to: Element.self)
    for (i, element) in elements.enumerated() { target[i] = element }
  }
}
