import Glibc

/// `value` with so many digits after the point.
func fixed(_ value: Double, decimals: Int) -> String {
  // The largest double has 309 digits before the point.
  let capacity = 330 + decimals
  return String(unsafeUninitializedCapacity: capacity) { buffer in
    buffer.withMemoryRebound(to: CChar.self) { buffer in
      let length = withVaList([Int32(decimals), value]) {
        vsnprintf(buffer.baseAddress, capacity, "%.*f", $0)
      }
      return Int(length)
    }
  }
}

/// `value` in the shortest decimal of the seven digits that a `Float` is good for: a tenth of 0.1 is 0.01, and not
/// 0.010000001.
func rounded(_ value: Float) -> Double {
  let text = String(unsafeUninitializedCapacity: 32) { buffer in
    buffer.withMemoryRebound(to: CChar.self) { buffer in
      Int(withVaList([Double(value)]) { vsnprintf(buffer.baseAddress, 32, "%.7g", $0) })
    }
  }
  return Double(text) ?? .nan
}

/// As `1 step` or `12 steps`.
func counted(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
  "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
}

/// A share, 0 to 1, as `91.25%`.
func percent(_ share: Double) -> String { fixed(share * 100, decimals: 2) + "%" }
