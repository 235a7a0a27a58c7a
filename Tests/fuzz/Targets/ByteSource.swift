/// Takes numbers from bytes, one after the other; zeros once they are used up.
struct ByteSource {
  private var rest: UnsafeRawBufferPointer.SubSequence

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func flag() -> Bool { byte() & 1 != 0 }

  mutating func word() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }

  /// Mostly one of the range, at times any number.
  mutating func number(_ usual: ClosedRange<Int>) -> Int {
    let first = byte()
    guard first < 0xF8 else {
      return (0..<8).reduce(0) { number, _ in number << 8 | Int(byte()) }
    }
    return usual.lowerBound + Int(first) % usual.count
  }

  mutating func choice<Value: CaseIterable>(_: Value.Type) -> Value {
    let all = Array(Value.allCases)
    return all[Int(byte()) % all.count]
  }

  mutating func text(atMost limit: UInt8) -> String {
    String(decoding: take(Int(byte() % (limit + 1))), as: UTF8.self)
  }

  mutating func take(_ count: Int) -> UnsafeRawBufferPointer.SubSequence {
    let taken = rest.prefix(count)
    rest = rest.dropFirst(count)
    return taken
  }

  mutating func remainder() -> UnsafeRawBufferPointer.SubSequence { take(rest.count) }
}
