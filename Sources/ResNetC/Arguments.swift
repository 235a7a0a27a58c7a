import CResNet
import Glibc
import ResNet

// What callers pass is checked here, once, before anything is computed from it.

/// A pointer that must not be null, and must be aligned for its type.
func required<Value>(_ pointer: UnsafePointer<Value>?, _ name: String) throws
  -> UnsafePointer<Value>
{
  guard let pointer else { throw Failure(RN_INVALID_ARGUMENT, "\(name) is NULL") }
  try checkAlignment(UnsafeRawPointer(pointer), of: Value.self, name)
  return pointer
}

func required<Value>(_ pointer: UnsafeMutablePointer<Value>?, _ name: String) throws
  -> UnsafeMutablePointer<Value>
{
  UnsafeMutablePointer(mutating: try required(UnsafePointer(pointer), name))
}

func checkAlignment<Value>(_ pointer: UnsafeRawPointer, of _: Value.Type, _ name: String) throws {
  let alignment = MemoryLayout<Value>.alignment
  guard Int(bitPattern: pointer) & (alignment - 1) == 0 else {
    throw Failure(
      RN_INVALID_ARGUMENT, "\(name) is \(pointer), which is not a multiple of \(alignment)")
  }
}

/// An array of `count` values to read; null is allowed where `count` is 0.
func array<Value>(_ pointer: UnsafePointer<Value>?, count: Int, _ name: String) throws
  -> UnsafeBufferPointer<Value>
{
  guard count >= 0, !count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride).overflow
  else {
    throw Failure(RN_INVALID_ARGUMENT, "\(name) cannot have \(count) elements")
  }
  return UnsafeBufferPointer(start: count == 0 ? nil : try required(pointer, name), count: count)
}

/// An array to write `needed` values to. A capacity above `Int.max` arrives as a negative number
/// and is as good as any other large one.
func output<Value>(
  _ pointer: UnsafeMutablePointer<Value>?, capacity: Int, needed: Int, _ name: String
) throws -> UnsafeMutableBufferPointer<Value> {
  let pointer = try required(pointer, name)
  try checkCapacity(capacity, needed: needed, name)
  return UnsafeMutableBufferPointer(start: pointer, count: needed)
}

func checkCapacity(_ capacity: Int, needed: Int, _ name: String) throws {
  guard UInt(bitPattern: capacity) >= UInt(bitPattern: needed) else {
    throw Failure(
      RN_BUFFER_TOO_SMALL,
      "\(name) has room for \(capacity) elements, but \(needed) are needed")
  }
}

/// A string of the caller, copied.
func string(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
  let pointer = try required(pointer, name)
  guard let string = String(validatingCString: pointer) else {
    throw Failure(
      RN_INVALID_ARGUMENT, "\(name) is \"\(escaped(pointer))\", which is not valid UTF-8")
  }
  return string
}

/// A string whose bytes are shown even where they are no characters: as \xNN. A long one is cut.
private func escaped(_ string: UnsafePointer<CChar>) -> String {
  let limit = 200
  let bytes = UnsafeBufferPointer(start: string, count: strlen(string))
  var text = ""
  for byte in bytes.prefix(limit).map(UInt8.init(bitPattern:)) {
    switch byte {
    case UInt8(ascii: "\\"), UInt8(ascii: "\""): text += "\\" + String(UnicodeScalar(byte))
    case 0x20..<0x7F: text += String(UnicodeScalar(byte))
    default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }
  return bytes.count > limit ? text + "..." : text
}

/// Writes `string` with its final 0; `text` may be null to learn the length alone.
func write(
  _ string: String, to text: UnsafeMutablePointer<CChar>?, capacity: Int,
  needed: UnsafeMutablePointer<Int>?
) throws {
  let utf8 = string.utf8
  let length = utf8.count + 1
  if let needed { try required(needed, "needed").pointee = length }
  guard let text else {
    guard needed != nil else {
      throw Failure(RN_INVALID_ARGUMENT, "text and needed are both NULL")
    }
    return
  }
  try checkCapacity(capacity, needed: length, "text")
  for (index, unit) in utf8.enumerated() { text[index] = CChar(bitPattern: unit) }
  text[length - 1] = 0
}

/// A struct of the caller's that begins with its size. One that is larger comes from a newer
/// header, and is read as far as it is known.
func structure<Value>(_ pointer: UnsafePointer<Value>?, _ name: String, start: String) throws
  -> Value
{
  let pointer = try required(pointer, name)
  _ = try size(of: pointer, name, start: start)
  return pointer.pointee
}

/// A struct for the caller to read, of which no more than the caller's size is written.
struct OutputStructure<Value> {
  private let pointer: UnsafeMutableRawPointer
  private let size: Int

  init(_ pointer: UnsafeMutablePointer<Value>?, _ name: String, start: String) throws {
    let pointer = try required(pointer, name)
    size = try ResNetC.size(of: UnsafePointer(pointer), name, start: start)
    self.pointer = UnsafeMutableRawPointer(pointer)
  }

  /// Writes all members but `size`, which stays the caller's.
  func write(_ value: Value) {
    let first = MemoryLayout<Int>.size
    let known = min(size, MemoryLayout<Value>.size)
    withUnsafeBytes(of: value) { bytes in
      UnsafeMutableRawBufferPointer(start: pointer + first, count: known - first)
        .copyBytes(from: bytes[first..<known])
    }
  }
}

/// The `size` member of a struct. Version 1.0's structs are the smallest that there are; once a
/// struct grows, its size of 1.0 stays the limit here.
private func size<Value>(of pointer: UnsafePointer<Value>, _ name: String, start: String) throws
  -> Int
{
  let size = UnsafeRawPointer(pointer).load(as: UInt.self)
  let minimum = MemoryLayout<Value>.size
  guard size >= minimum else {
    throw Failure(
      RN_INVALID_ARGUMENT,
      "the size of \(name) is \(size), expected at least \(minimum): initialise it with \(start)")
  }
  return Int(clamping: size)
}

/// An enum value that the header does not have.
func unknown(_ name: String, _ value: UInt32, expected: String) -> Failure {
  Failure(RN_INVALID_ARGUMENT, "\(name) is \(value), expected \(expected)")
}

/// Fills an array in a struct, which Swift sees as a tuple.
func copy<Tuple>(_ values: [Double], to array: inout Tuple) {
  withUnsafeMutableBytes(of: &array) { target in
    values.withUnsafeBytes { target.copyMemory(from: $0) }
  }
}
