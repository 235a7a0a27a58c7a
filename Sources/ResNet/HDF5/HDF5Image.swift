/// An HDF5 file to be written: where everything in it lies, and its structures.
///
/// First comes the superblock, then the data of all datasets in order, then the headers of all objects,
/// those of members before those of their groups, so that addresses are known when they are written.
/// Whatever is not data so lies in one place, at the end. The same contents make the same bytes.
struct HDF5Image {
  /// A dataset's data, and where they go.
  struct Part {
    let path: String
    let data: HDF5Contents.Data
    /// Of the file: the data and their checksum.
    let range: Range<Int>
  }

  /// In the order of the file.
  private(set) var parts: [Part] = []
  /// The whole of the file but the parts: before the first, and after the last.
  let superblock: [UInt8]
  private(set) var headers: [UInt8] = []
  /// Bytes of the whole file.
  let size: Int

  static let checksumBytes = 4
  /// Data and headers begin at multiples of this.
  private static let alignment = 8

  init(_ contents: HDF5Contents) {
    var end = HDF5Messages.superblockBytes
    Self.place(contents, path: "", &parts, &end)
    let headersAt = Self.aligned(end)
    var rest = parts[...]
    let root = Self.write(contents, at: headersAt, &rest, to: &headers)
    size = headersAt + headers.count
    superblock = HDF5Messages.superblock(size: size, root: root)
  }

  private static func aligned(_ offset: Int) -> Int {
    (offset + alignment - 1) / alignment * alignment
  }

  /// Gives each dataset of the contents its place from `end` on.
  private static func place(
    _ contents: HDF5Contents, path: String, _ parts: inout [Part], _ end: inout Int
  ) {
    for member in contents.members {
      let path = "\(path)/\(member.name)"
      switch member.kind {
      case .group(let group): place(group, path: path, &parts, &end)
      case .dataset(let values):
        let start = aligned(end)
        end = start + values.data.count + checksumBytes
        parts.append(Part(path: path, data: values.data, range: start..<end))
      }
    }
  }

  /// Appends the headers of the contents and all in them to `headers`, which begin at `start`; returns
  /// the address of their own. `parts` are those of their datasets, which are taken.
  private static func write(
    _ contents: HDF5Contents, at start: Int, _ parts: inout ArraySlice<Part>,
    to headers: inout [UInt8]
  ) -> Int {
    var links: [(name: String, address: Int)] = []
    for member in contents.members {
      switch member.kind {
      case .group(let group):
        links.append((member.name, write(group, at: start, &parts, to: &headers)))
      case .dataset(let values):
        let part = parts.removeFirst()
        links.append((member.name, start + headers.count))
        append(HDF5Messages.dataset(values, at: part.range), to: &headers)
      }
    }
    let address = start + headers.count
    append(HDF5Messages.group(contents.attributes, links), to: &headers)
    return address
  }

  private static func append(_ header: [UInt8], to headers: inout [UInt8]) {
    headers += header
    headers += repeatElement(0, count: aligned(headers.count) - headers.count)
  }

  /// Hands over the whole file in order: structures, with nil, and the bytes of parts.
  func forEachPiece(
    _ body: (Part?, UnsafeRawBufferPointer) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    func hand(_ part: Part?, _ bytes: [UInt8]) throws(ResNetError) {
      try bytes.withUnsafeBytes { bytes in
        Result { () throws(ResNetError) in try body(part, bytes) }
      }.get()
    }
    try hand(nil, superblock)
    var end = superblock.count
    for part in parts {
      try hand(nil, [UInt8](repeating: 0, count: part.range.lowerBound - end))
      let checksum = try part.data.withBytes { bytes in
        Result { () throws(ResNetError) in
          let checksum = HDF5Checksums.fletcher32(bytes)
          try body(part, bytes)
          return checksum
        }
      }.get()
      var tail: [UInt8] = []
      tail.append(little: checksum)
      try hand(part, tail)
      end = part.range.upperBound
    }
    try hand(nil, [UInt8](repeating: 0, count: Self.aligned(end) - end))
    try hand(nil, headers)
  }
}
