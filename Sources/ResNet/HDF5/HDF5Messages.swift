/// The structures that are written, those of HDF5 1.10: superblock 3 and object headers 2 with all that
/// is in them. Addresses and lengths have 8 bytes.
enum HDF5Messages {
  static let superblockBytes = 48

  /// Of a file of `size` bytes.
  static func superblock(size: Int, root: Int) -> [UInt8] {
    var bytes = HDF5File.signature
    bytes += [3, 8, 8, 0]
    bytes.append(little: UInt64(0))  // where addresses count from
    bytes.append(little: undefined)  // no extension
    bytes.append(little: UInt64(size))
    bytes.append(little: UInt64(root))
    bytes.append(little: HDF5Checksums.lookup3(bytes[...]))
    return bytes
  }

  /// An address that is none.
  private static let undefined = UInt64.max

  // MARK: - Headers

  /// A group with all its links and attributes in its header, in their order.
  static func group(
    _ attributes: [(name: String, value: HDF5Contents.Value)],
    _ links: [(name: String, address: Int)]
  ) -> [UInt8] {
    var messages: [UInt8] = []
    var info: [UInt8] = [0, 3]  // orders of creation are kept, and would have an index
    info.append(little: UInt64(links.count))
    for _ in 0..<3 { info.append(little: undefined) }  // no heap and no indices
    append(0x02, info, to: &messages)
    // Programs that change the file may leave all links here.
    append(0x0A, [0, 1, 0xFF, 0xFF, 0, 0], to: &messages)
    for (order, link) in links.enumerated() {
      append(0x06, self.link(link.name, link.address, order: order), to: &messages)
    }
    if !attributes.isEmpty {
      var info: [UInt8] = [0, 0]
      for _ in 0..<2 { info.append(little: undefined) }
      append(0x15, info, to: &messages)
    }
    for (name, value) in attributes { append(0x0C, attribute(name, value), to: &messages) }
    return header(messages)
  }

  /// A dataset that is stored as one chunk with its checksum, at `range`.
  static func dataset(_ values: HDF5Contents.Values, at range: Range<Int>) -> [UInt8] {
    var messages: [UInt8] = []
    append(0x01, space(values.shape), to: &messages)
    append(0x03, type(values.element), isConstant: true, to: &messages)
    // Version 3, the default: zeros, written as space is had, which is as chunks are written.
    append(0x05, [3, 0x0B], isConstant: true, to: &messages)
    append(0x08, layout(values, range), to: &messages)
    // Version 2, one filter: Fletcher-32, which cannot be left out and has no parameters.
    append(0x0B, [2, 1, 3, 0, 0, 0, 0, 0], isConstant: true, to: &messages)
    return header(messages)
  }

  private static func header(_ messages: [UInt8]) -> [UInt8] {
    var bytes = Array("OHDR".utf8)
    // It says for how many attributes it has room, and its own size in four bytes. No times.
    bytes += [2, 0x12, 0xFF, 0xFF, 0, 0]
    bytes.append(little: UInt32(messages.count))
    bytes += messages
    bytes.append(little: HDF5Checksums.lookup3(bytes[...]))
    return bytes
  }

  private static func append(
    _ kind: UInt8, _ body: [UInt8], isConstant: Bool = false, to messages: inout [UInt8]
  ) {
    messages.append(kind)
    messages.append(little: UInt16(body.count))
    messages.append(isConstant ? 1 : 0)
    messages += body
  }

  // MARK: - Messages

  private static func link(_ name: String, _ address: Int, order: Int) -> [UInt8] {
    // Version 1, a hard link; with its order, and its name's length in two bytes.
    var bytes: [UInt8] = [1, 0x05]
    bytes.append(little: UInt64(order))
    bytes.append(little: UInt16(name.utf8.count))
    bytes += name.utf8
    bytes.append(little: UInt64(address))
    return bytes
  }

  private static func attribute(_ name: String, _ value: HDF5Contents.Value) -> [UInt8] {
    let type: [UInt8]
    let space: [UInt8]
    var values: [UInt8] = []
    switch value {
    case .string(let text):
      // HDF5 has no empty strings: one padding byte stands for it.
      values = text.isEmpty ? [0] : Array(text.utf8)
      type = string(of: values.count)
      space = self.space([])
    case .integer(let number):
      values.append(little: Int64(number))
      type = int64
      space = self.space([])
    case .integers(let numbers):
      for number in numbers { values.append(little: Int64(number)) }
      type = int64
      space = self.space([numbers.count])
    case .reals(let numbers):
      for number in numbers { values.append(little: number.bitPattern) }
      type = float64
      space = self.space([numbers.count])
    case .strings(let texts):
      let length = texts.reduce(1) { max($0, $1.utf8.count) }
      for text in texts {
        values += text.utf8
        values += repeatElement(0, count: length - text.utf8.count)
      }
      type = string(of: length)
      space = self.space([texts.count])
    }
    var bytes: [UInt8] = [3, 0]
    bytes.append(little: UInt16(name.utf8.count + 1))
    bytes.append(little: UInt16(type.count))
    bytes.append(little: UInt16(space.count))
    bytes.append(0)  // the name is ASCII
    bytes += Array(name.utf8) + [0] + type + space + values
    return bytes
  }

  private static func space(_ shape: [Int]) -> [UInt8] {
    var bytes: [UInt8] = [2, UInt8(shape.count), 0, shape.isEmpty ? 0 : 1]
    for extent in shape { bytes.append(little: UInt64(extent)) }
    return bytes
  }

  private static func layout(_ values: HDF5Contents.Values, _ range: Range<Int>) -> [UInt8] {
    let extents = values.shape + [values.element.bytes]
    let widest = extents.map { (Int.bitWidth - $0.leadingZeroBitCount + 7) / 8 }.max() ?? 1
    // Version 4, chunks, of which the only one has filters.
    var bytes: [UInt8] = [4, 2, 2, UInt8(extents.count), UInt8(widest)]
    for extent in extents {
      for byte in 0..<widest { bytes.append(UInt8(truncatingIfNeeded: extent >> (8 * byte))) }
    }
    bytes.append(1)
    bytes.append(little: UInt64(range.count))
    bytes.append(little: UInt32(0))  // no filter was left out
    bytes.append(little: UInt64(range.lowerBound))
    return bytes
  }

  // MARK: - Types

  private static func type(_ element: HDF5Contents.Values.Element) -> [UInt8] {
    switch element {
    case .float32:
      // Little-endian, an implied leading bit, the sign in bit 31; all 32 bits are used; 8 bits of
      // exponent from bit 23 on, 23 of mantissa from bit 0 on; and the exponent's bias.
      [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]
    case .float64: float64
    case .string(let bytes): string(of: bytes)
    }
  }

  /// In the same way.
  private static let float64: [UInt8] = [
    0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xFF, 0x03, 0, 0,
  ]

  /// Little-endian, with a sign; all 64 bits are used.
  private static let int64: [UInt8] = [0x10, 0x08, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0]

  /// UTF-8, padded with zeros.
  private static func string(of count: Int) -> [UInt8] {
    var bytes: [UInt8] = [0x13, 0x11, 0, 0]
    bytes.append(little: UInt32(count))
    return bytes
  }
}
