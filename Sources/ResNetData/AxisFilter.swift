import CKernels
import Glibc
import ResNet

/// How an image is resampled. Both are antialiased: where the image becomes smaller, every pixel is
/// a mean over all pixels that it stands for, as Pillow computes it.
public enum ResamplingFilter: String, Sendable, CaseIterable {
  /// A triangle, two pixels wide at least.
  case bilinear
  /// Keys' cubic with a = -1/2, four pixels wide at least.
  case bicubic

  /// Half of its width.
  fileprivate var support: Double {
    switch self {
    case .bilinear: 1
    case .bicubic: 2
    }
  }

  fileprivate func value(_ distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

/// One axis of a resampling, or of a part of its result: which inputs make an output, and with what
/// weights. Pillow's, to the last bit.
struct AxisFilter {
  /// The inputs that are read.
  let reads: Range<Int>
  /// Outputs are inputs as they are.
  let isIdentity: Bool
  /// Per output, its first input, from the first of `reads` on, and how many follow.
  let first: [Int32]
  let taps: [Int32]
  /// `stride` an output.
  let weights: [Double]
  let stride: Int

  var outputs: Int { first.count }

  /// - Parameters:
  ///   - from: Where the part of the input that becomes the output begins, in `input`.
  ///   - to: Where it ends. No pixel outside `input` is read.
  ///   - output: Pixels that it becomes.
  ///   - window: The outputs that are wanted.
  /// - Throws: `outOfMemory`.
  init(
    input: Range<Int>, from: Double, to: Double, output: Int, window: Range<Int>,
    filter: ResamplingFilter
  ) throws(ResNetError) {
    let size = input.count
    guard from != 0 || to != Double(size) || output != size else {
      isIdentity = true
      reads = input.lowerBound + window.lowerBound..<input.lowerBound + window.upperBound
      (first, taps, weights, stride) = ((0..<Int32(window.count)).map { $0 }, [], [], 0)
      return
    }
    isIdentity = false
    let scale = (to - from) / Double(output)
    let widening = max(scale, 1)
    let support = filter.support * widening
    let stride = Int(support.rounded(.up)) * 2 + 1
    // With the weights of `fixedWeights`.
    try expectMemory(
      window.count, of: stride * (MemoryLayout<Double>.stride + MemoryLayout<Int32>.stride),
      for: "the weights of \(window.count) pixels")
    var first: [Int32] = []
    var taps: [Int32] = []
    var weights = [Double](repeating: 0, count: window.count * stride)
    for (position, index) in window.enumerated() {
      let centre = from + (Double(index) + 0.5) * scale
      let low = max(Int(centre - support + 0.5), 0)
      let count = min(Int(centre + support + 0.5), size) - low
      var sum = 0.0
      for tap in 0..<count {
        let weight = filter.value((Double(tap + low) - centre + 0.5) * (1 / widening))
        weights[position * stride + tap] = weight
        sum += weight
      }
      if sum != 0 {
        for tap in 0..<count { weights[position * stride + tap] /= sum }
      }
      first.append(Int32(truncatingIfNeeded: low))
      taps.append(Int32(truncatingIfNeeded: count))
    }
    let start = first.first ?? 0
    // Both ends only ever move forwards.
    let end = (first.last ?? 0) + (taps.last ?? 0)
    reads = input.lowerBound + Int(start)..<input.lowerBound + Int(end)
    self.first = first.map { $0 - start }
    self.taps = taps
    self.weights = weights
    self.stride = stride
  }

  /// In 22 bits after the point.
  var fixedWeights: [Int32] {
    weights.map { Int32(truncatingIfNeeded: Int($0 * 0x1p22 + ($0 < 0 ? -0.5 : 0.5))) }
  }
}

extension AxisFilter {
  /// Calls `body` with the filter as the kernels for bytes take it.
  func withKernel(_ body: (inout rk_filter) -> Void) {
    let fixed = fixedWeights
    first.withUnsafeBufferPointer { first in
      taps.withUnsafeBufferPointer { taps in
        fixed.withUnsafeBufferPointer { weights in
          var filter = rk_filter(
            count: Int32(truncatingIfNeeded: outputs),
            stride: Int32(truncatingIfNeeded: stride), first: first.baseAddress,
            taps: taps.baseAddress, weights: weights.baseAddress)
          body(&filter)
        }
      }
    }
  }

  /// The same for floats.
  func withFloatKernel(_ body: (inout rk_float_filter) -> Void) {
    first.withUnsafeBufferPointer { first in
      taps.withUnsafeBufferPointer { taps in
        weights.withUnsafeBufferPointer { weights in
          var filter = rk_float_filter(
            count: Int32(truncatingIfNeeded: outputs),
            stride: Int32(truncatingIfNeeded: stride), first: first.baseAddress,
            taps: taps.baseAddress, weights: weights.baseAddress)
          body(&filter)
        }
      }
    }
  }
}
