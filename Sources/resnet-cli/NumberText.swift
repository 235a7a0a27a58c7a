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

/// A share, 0 to 1, as `91.25%`.
func percent(_ share: Double) -> String { fixed(share * 100, decimals: 2) + "%" }
