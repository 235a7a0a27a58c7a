/// An index of the chunks of a dataset that grows along one axis: some elements in the index itself,
/// then blocks of more and more elements, whose addresses are at first in the index and then in
/// secondary blocks.
struct HDF5ExtensibleArray {
  private let file: HDF5File
  private let address: Int
  private let elementBytes: Int
  private let maximumBits: Int
  private let ownElements: Int
  private let minimumElements: Int
  private let minimumPointers: Int
  private let pageElements: Int
  /// One more than the highest index that was ever used.
  private let count: Int
  private let indexAddress: Int?

  /// libhdf5 writes 32. Indices below 2 to the power of this one more leave room for every sum of them.
  private static let maximumIndexBits = 48
  private static let what = "an index of chunks (extensible array)"
  private typealias Body = (Int, inout HDF5Cursor, Int) throws(ResNetError) -> Void

  init(at address: Int, in file: HDF5File) throws(ResNetError) {
    let what = Self.what
    var cursor = try file.sealed(
      "EAHD", at: address, 16 + 6 * file.sizes.length + file.sizes.address, of: what)
    try cursor.version(0...0)
    try cursor.skip(1)
    elementBytes = Int(try cursor.byte())
    maximumBits = Int(try cursor.byte())
    ownElements = Int(try cursor.byte())
    minimumElements = Int(try cursor.byte())
    minimumPointers = Int(try cursor.byte())
    let pageBits = try cursor.byte()
    try cursor.skip(4 * file.sizes.length)
    count = try cursor.length()
    try cursor.skip(file.sizes.length)
    indexAddress = try cursor.optionalAddress()
    guard elementBytes > 0, (1...Self.maximumIndexBits).contains(maximumBits),
      count <= 1 << maximumBits,
      minimumElements.nonzeroBitCount == 1, minimumPointers.nonzeroBitCount == 1, pageBits < 32,
      maximumBits >= minimumElements.trailingZeroBitCount
    else { throw ResNetError(.badFormat, "\(what) has impossible dimensions") }
    pageElements = 1 << Int(pageBits)
    self.file = file
    self.address = address
  }

  /// Calls `body` with each element that was ever written: its index, its bytes and how many.
  func forEachElement(
    _ body: (Int, inout HDF5Cursor, Int) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    guard let indexAddress else { return }
    // A group of data blocks: 2^(group / 2) of them, of 2^((group + 1) / 2) times the least elements.
    let groups = 1 + maximumBits - minimumElements.trailingZeroBitCount
    let directGroups = min(groups, 2 * minimumPointers.trailingZeroBitCount)
    let directBlocks = 2 * (minimumPointers - 1)
    var index = try block(
      "EAIB", at: indexAddress,
      ownElements * elementBytes + (directBlocks + groups - directGroups) * file.sizes.address)
    for element in 0..<min(ownElements, count) { try body(element, &index, elementBytes) }
    try index.skip(max(0, ownElements - count) * elementBytes)
    var first = ownElements
    for group in 0..<groups {
      let blocks = 1 << (group / 2)
      let elements = minimumElements << ((group + 1) / 2)
      if group < directGroups {
        for _ in 0..<blocks {
          let address = try index.optionalAddress()
          if let address, first < count { try visit(address, first, elements, body) }
          first += elements
        }
      } else if let address = try index.optionalAddress(), first < count {
        try visitSecondary(address, first, blocks: blocks, elements: elements, body)
      }
      guard first < count else { return }
      if group >= directGroups { first += blocks * elements }
    }
  }

  /// The part of a block after its address of the header; `count` bytes, and a checksum behind them.
  private func block(_ signature: StaticString, at address: Int, _ count: Int) throws(ResNetError)
    -> HDF5Cursor
  {
    var cursor = try file.sealed(
      signature, at: address, 10 + file.sizes.address + count, of: Self.what)
    try cursor.version(0...0)
    try cursor.skip(1)
    guard try cursor.address() == self.address else {
      throw ResNetError(.badFormat, "\(Self.what) has the block of another")
    }
    return cursor
  }

  private var offsetBytes: Int { (maximumBits + 7) / 8 }

  private func visitSecondary(
    _ address: Int, _ first: Int, blocks: Int, elements: Int, _ body: Body
  ) throws(ResNetError) {
    let pages = elements > pageElements ? elements / pageElements : 0
    guard blocks <= file.size, elements <= file.size else {
      throw ResNetError(.badFormat, "\(Self.what) claims more elements than the file has room for")
    }
    let bitmapBytes = blocks * ((pages + 7) / 8)
    var cursor = try block(
      "EASB", at: address, offsetBytes + bitmapBytes + blocks * file.sizes.address)
    try cursor.skip(offsetBytes)
    let bitmap = [UInt8](try cursor.take(bitmapBytes))
    var first = first
    for number in 0..<blocks {
      let address = try cursor.optionalAddress()
      if let address, first < count {
        if pages == 0 {
          try visit(address, first, elements, body)
        } else {
          try visitPages(address, first, (number * pages)..<(number + 1) * pages, bitmap, body)
        }
      }
      first += elements
    }
  }

  /// A block of data.
  private func visit(_ address: Int, _ first: Int, _ elements: Int, _ body: Body)
    throws(ResNetError)
  {
    guard elements <= file.size / elementBytes else {
      throw ResNetError(.badFormat, "\(Self.what) claims more elements than the file has room for")
    }
    var cursor = try block("EADB", at: address, offsetBytes + elements * elementBytes)
    try cursor.skip(offsetBytes)
    for index in first..<min(first + elements, count) { try body(index, &cursor, elementBytes) }
  }

  /// A block of data that is in pages, which have numbers in their secondary block.
  private func visitPages(
    _ address: Int, _ first: Int, _ numbers: Range<Int>, _ bitmap: [UInt8], _ body: Body
  ) throws(ResNetError) {
    _ = try block("EADB", at: address, offsetBytes)
    let bytes = pageElements * elementBytes + 4
    var page = address + 10 + file.sizes.address + offsetBytes
    var index = first
    for number in numbers {
      if HDF5Bits.isSet(number, in: bitmap), index < count {
        let whole = try file.bytes(page, bytes, of: Self.what)
        try file.verify(whole[...], Self.what)
        var cursor = file.cursor(whole.dropLast(4), of: Self.what)
        for element in index..<min(index + pageElements, count) {
          try body(element, &cursor, elementBytes)
        }
      }
      index += pageElements
      page += bytes
    }
  }
}
