/// A datatype: what the bytes of a value mean.
struct HDF5Type: Equatable {
  enum Padding: Equatable {
    case nullTerminated, nullPadded, spacePadded
  }

  enum Kind: Equatable {
    /// Those of an enumeration, too.
    case integer(isSigned: Bool)
    /// Of IEEE 754, with 2, 4 or 8 bytes.
    case float
    /// Text of a fixed number of bytes.
    case string(Padding)
    /// Text of any length, in a heap.
    case variableString
    /// One that is not read, with what it is.
    case other(String)
  }

  let kind: Kind
  /// Bytes of a value as it is stored.
  let size: Int
  let isBigEndian: Bool

  /// Little-endian, as in our own files.
  static let int64 = HDF5Type(kind: .integer(isSigned: true), size: 8)
  static let float32 = HDF5Type(kind: .float, size: 4)
  static let float64 = HDF5Type(kind: .float, size: 8)

  private static let what = "its datatype"

  private init(kind: Kind, size: Int) {
    self.kind = kind
    self.size = size
    isBigEndian = false
  }

  init(_ bytes: ArraySlice<UInt8>, in file: HDF5File) throws(ResNetError) {
    var cursor = file.cursor(bytes, of: Self.what)
    try self.init(&cursor, isInEnumeration: false)
  }

  private init(_ cursor: inout HDF5Cursor, isInEnumeration: Bool) throws(ResNetError) {
    let first = try cursor.byte()
    guard (1...5).contains(first >> 4) else {
      throw ResNetError(.badFormat, "\(Self.what) has version \(first >> 4), which is not read")
    }
    let flags = try cursor.integer(3)
    let size = try cursor.integer(4)
    guard size > 0 else { throw ResNetError(.badFormat, "\(Self.what) has no size") }
    self.size = size
    switch first & 0x0F {
    case 0:
      let offset = try cursor.integer(2)
      let precision = try cursor.integer(2)
      let isWhole = offset == 0 && precision == 8 * size
      isBigEndian = flags & 1 != 0
      kind =
        isWhole && size <= 8
        ? .integer(isSigned: flags & 8 != 0) : .other("integers of unusual size")
    case 1:
      let isIEEE = try Self.isIEEE(&cursor, flags: flags, size: size)
      isBigEndian = flags & 1 != 0
      kind = isIEEE ? .float : .other("floating-point numbers not of IEEE 754")
    case 3:
      isBigEndian = false
      switch flags & 0x0F {
      case 0: kind = .string(.nullTerminated)
      case 1: kind = .string(.nullPadded)
      case 2: kind = .string(.spacePadded)
      default: kind = .other("strings of unknown padding")
      }
    case 8 where !isInEnumeration:
      let base = try HDF5Type(&cursor, isInEnumeration: true)
      guard base.size == size, case .integer = base.kind else {
        throw ResNetError(.badFormat, "\(Self.what) is an enumeration of no integers")
      }
      isBigEndian = base.isBigEndian
      kind = base.kind
    case 9:
      isBigEndian = false
      kind = flags & 0x0F == 1 ? .variableString : .other("lists of varying length")
    case let number:
      isBigEndian = false
      kind = .other(Self.names[number] ?? "class \(number)")
    }
  }

  private static let names: [UInt8: String] = [
    2: "times", 4: "bit fields", 5: "opaque values", 6: "compounds", 7: "references",
    8: "enumerations", 10: "arrays",
  ]

  /// Whether the bits are where those of half, float and double are.
  private static func isIEEE(_ cursor: inout HDF5Cursor, flags: Int, size: Int)
    throws(ResNetError) -> Bool
  {
    let exponents = [2: 5, 4: 8, 8: 11]
    let offset = try cursor.integer(2)
    let precision = try cursor.integer(2)
    let exponentAt = Int(try cursor.byte())
    let exponent = Int(try cursor.byte())
    let mantissaAt = Int(try cursor.byte())
    let mantissa = Int(try cursor.byte())
    let bias = try cursor.integer(4)
    guard offset == 0, precision == 8 * size, exponent == exponents[size] else { return false }
    let hasLeadingBit = (flags >> 4) & 3 == 2
    // Bit 6 is for the VAX.
    return flags & 0x40 == 0 && hasLeadingBit && flags >> 8 & 0xFF == 8 * size - 1
      && mantissaAt == 0 && mantissa == 8 * size - 1 - exponent && exponentAt == mantissa
      && bias == 1 << (exponent - 1) - 1
  }

  /// As numpy would call it, or in words.
  var description: String {
    let order = isBigEndian && size > 1 ? "big-endian " : ""
    return switch kind {
    case .integer(let isSigned): "\(order)\(isSigned ? "" : "u")int\(8 * size)"
    case .float: "\(order)float\(8 * size)"
    case .string: "strings of \(size) bytes"
    case .variableString: "strings"
    case .other(let what): what
    }
  }
}
