import ResNet

/// Where the entries of a zip archive lie. Those that are read must be stored, not compressed, as PyTorch's and
/// Keras's are.
struct ZipArchive {
  private let source: FileSource
  /// By name: the bytes of each entry.
  private var places: [String: Range<Int>] = [:]
  private var compressed: Set<String> = []

  private static let signature: UInt32 = 0x0605_4B50
  /// Of the end record, with the longest comment before which it may stand.
  private static let endBytes = 22
  private static let longestEnd = endBytes + 0xFFFF

  static func matches(_ head: [UInt8]) -> Bool { head.starts(with: [0x50, 0x4B, 3, 4]) }

  init(_ source: FileSource) throws(ResNetError) {
    self.source = source
    let (count, directory) = try Self.findDirectory(source)
    let bytes = try source.bytes(directory.lowerBound, directory.count)
    var position = 0
    for _ in 0..<count {
      position = try addEntry(bytes, position)
    }
  }

  var names: [String] { Array(places.keys) }

  /// Where an entry lies; nil if there is none of that name.
  func place(_ name: String) throws(ResNetError) -> Range<Int>? {
    guard !compressed.contains(name) else {
      throw Self.damaged("\(name) is compressed, and PyTorch's and Keras's are not")
    }
    return places[name]
  }

  /// All bytes of an entry, of which there may be so many.
  func bytes(_ name: String, atMost limit: Int) throws(ResNetError) -> [UInt8] {
    guard let place = try place(name) else { throw Self.damaged("it has no \(name)") }
    guard place.count <= limit else {
      throw ResNetError(
        .badFormat, "its \(name) has \(place.count) bytes, expected \(limit) at most")
    }
    return try source.bytes(place.lowerBound, place.count)
  }

  /// The number of entries, and where they are listed.
  private static func findDirectory(_ source: FileSource) throws(ResNetError)
    -> (count: Int, Range<Int>)
  {
    let length = min(source.size, longestEnd)
    let start = source.size - length
    let tail = try source.bytes(start, length)
    var end = length - endBytes
    while end >= 0, tail.integer(at: end, as: UInt32.self) != signature { end -= 1 }
    guard end >= 0 else { throw damaged("it has no directory") }
    var count = Int(tail.integer(at: end + 10, as: UInt16.self))
    var size = Int(tail.integer(at: end + 12, as: UInt32.self))
    var offset = Int(tail.integer(at: end + 16, as: UInt32.self))
    if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
      guard end >= 20, tail.integer(at: end - 20, as: UInt32.self) == 0x0706_4B50 else {
        throw damaged("it lacks the record of large archives")
      }
      let place = tail.integer(at: end - 12, as: UInt64.self)
      guard place <= UInt64(source.size), source.size - Int(place) >= 56 else {
        throw damaged("the record of large archives is outside")
      }
      let record = try source.bytes(Int(place), 56)
      guard record.integer(at: 0, as: UInt32.self) == 0x0606_4B50 else {
        throw damaged("the record of large archives is none")
      }
      count = try number(record, 32)
      size = try number(record, 40)
      offset = try number(record, 48)
    }
    guard offset <= source.size, size <= source.size - offset, count <= size / 46 else {
      throw damaged("its directory claims \(count) entries in \(size) bytes at \(offset)")
    }
    return (count, offset..<offset + size)
  }

  /// Adds the entry at `position` of the directory; returns where the next is.
  private mutating func addEntry(_ bytes: [UInt8], _ position: Int) throws(ResNetError) -> Int {
    guard bytes.count - position >= 46, bytes.integer(at: position, as: UInt32.self) == 0x0201_4B50
    else { throw Self.damaged("its directory is cut off") }
    let nameLength = Int(bytes.integer(at: position + 28, as: UInt16.self))
    let extraLength = Int(bytes.integer(at: position + 30, as: UInt16.self))
    let next =
      position + 46 + nameLength + extraLength
      + Int(bytes.integer(at: position + 32, as: UInt16.self))
    guard next <= bytes.count,
      let name = String(
        validating: bytes[(position + 46)..<(position + 46 + nameLength)], as: UTF8.self)
    else { throw Self.damaged("its directory is cut off") }
    let isStored = bytes.integer(at: position + 10, as: UInt16.self) == 0
    if !isStored { compressed.insert(name) }

    let extra = (position + 46 + nameLength)..<(position + 46 + nameLength + extraLength)
    var large = try Self.largeNumbers(bytes, extra)
    func field(_ offset: Int) throws(ResNetError) -> Int {
      let value = bytes.integer(at: position + offset, as: UInt32.self)
      guard value == UInt32.max else { return Int(value) }
      guard !large.isEmpty else { throw Self.damaged("\(name) lacks the sizes of large entries") }
      return large.removeFirst()
    }
    let size = try field(24)
    let stored = try field(20)
    let header = try field(42)
    guard size == stored || !isStored, header <= source.size, source.size - header >= 30 else {
      throw Self.damaged("\(name) is outside")
    }
    let local = try source.bytes(header, 30)
    guard local.integer(at: 0, as: UInt32.self) == 0x0403_4B50 else {
      throw Self.damaged("\(name) has no header")
    }
    let start =
      header + 30 + Int(local.integer(at: 26, as: UInt16.self))
      + Int(local.integer(at: 28, as: UInt16.self))
    guard start <= source.size, stored <= source.size - start else {
      throw Self.damaged("\(name) claims \(stored) bytes at \(start)")
    }
    guard places.updateValue(start..<start + stored, forKey: name) == nil else {
      throw Self.damaged("\(name) is in it twice")
    }
    return next
  }

  /// The numbers of an entry that 32 bits do not hold.
  private static func largeNumbers(_ bytes: [UInt8], _ extra: Range<Int>) throws(ResNetError)
    -> [Int]
  {
    var position = extra.lowerBound
    while extra.upperBound - position >= 4 {
      let length = Int(bytes.integer(at: position + 2, as: UInt16.self))
      guard length <= extra.upperBound - position - 4 else { break }
      if bytes.integer(at: position, as: UInt16.self) == 1 {
        var numbers: [Int] = []
        for index in 0..<length / 8 { numbers.append(try number(bytes, position + 4 + 8 * index)) }
        return numbers
      }
      position += 4 + length
    }
    return []
  }

  private static func number(_ bytes: [UInt8], _ offset: Int) throws(ResNetError) -> Int {
    guard let number = Int(exactly: bytes.integer(at: offset, as: UInt64.self)) else {
      throw damaged("a number is out of range")
    }
    return number
  }

  private static func damaged(_ what: String) -> ResNetError {
    ResNetError(.badFormat, "the zip archive is damaged, or neither PyTorch's nor Keras's: \(what)")
  }
}
