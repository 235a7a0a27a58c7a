/// An index of the chunks of a dataset that cannot grow: their places one after another, in pages once
/// there are many.
struct HDF5FixedArray {
  private let file: HDF5File
  private let address: Int
  private let elementBytes: Int
  private let pageElements: Int
  private let count: Int
  private let blockAddress: Int?

  private static let what = "an index of chunks (fixed array)"

  init(at address: Int, in file: HDF5File) throws(ResNetError) {
    let what = Self.what
    var cursor = try file.sealed(
      "FAHD", at: address, 12 + file.sizes.length + file.sizes.address, of: what)
    try cursor.version(0...0)
    try cursor.skip(1)
    elementBytes = Int(try cursor.byte())
    let pageBits = try cursor.byte()
    count = try cursor.length()
    blockAddress = try cursor.optionalAddress()
    guard elementBytes > 0, pageBits < 32 else {
      throw ResNetError(.badFormat, "\(what) has impossible dimensions")
    }
    pageElements = 1 << Int(pageBits)
    self.file = file
    self.address = address
  }

  /// Calls `body` with each element that was ever written: its index, its bytes and how many.
  func forEachElement(
    _ body: (Int, inout HDF5Cursor, Int) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    guard let blockAddress, count > 0 else { return }
    // Every element is in the file; only then can there be so many.
    guard count <= file.size / elementBytes else {
      throw ResNetError(.badFormat, "\(Self.what) claims more elements than the file has room for")
    }
    let pages = count > pageElements ? (count - 1) / pageElements + 1 : 0
    let bitmapBytes = (pages + 7) / 8
    let prefixBytes = 6 + file.sizes.address
    let ownElements = pages == 0 ? count : 0
    let blockBytes = prefixBytes + bitmapBytes + ownElements * elementBytes + 4
    var block = try file.sealed("FADB", at: blockAddress, blockBytes, of: Self.what)
    try block.version(0...0)
    try block.skip(1)
    guard try block.address() == address else {
      throw ResNetError(.badFormat, "\(Self.what) has the block of another")
    }
    let bitmap = [UInt8](try block.take(bitmapBytes))
    for index in 0..<ownElements { try body(index, &block, elementBytes) }
    var page = blockAddress + blockBytes
    for number in 0..<pages {
      let first = number * pageElements
      let elements = min(pageElements, count - first)
      let bytes = elements * elementBytes + 4
      if HDF5Bits.isSet(number, in: bitmap) {
        let whole = try file.bytes(page, bytes, of: Self.what)
        try file.verify(whole[...], Self.what)
        var cursor = file.cursor(whole.dropLast(4), of: Self.what)
        for index in first..<first + elements { try body(index, &cursor, elementBytes) }
      }
      page += bytes
    }
  }
}

/// Bitmaps of pages.
enum HDF5Bits {
  /// The first bit is the highest of the first byte.
  static func isSet(_ number: Int, in bitmap: [UInt8]) -> Bool {
    bitmap[number / 8] & 0x80 >> UInt8(number % 8) != 0
  }
}
