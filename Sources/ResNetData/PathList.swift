import ResNet

/// File names, of which there may be millions: one after the other in one piece of memory.
struct PathList: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  var count: Int { ends.count }

  /// Throws `outOfMemory` if there is none for a longer list.
  mutating func append(_ path: String) throws(ResNetError) {
    let needed = bytes.count + path.utf8.count
    if needed > bytes.capacity || ends.count == ends.capacity {
      try expectMemory(
        2 * (needed + ends.count * MemoryLayout<Int>.stride), for: "\(count + 1) paths of files")
    }
    bytes += path.utf8
    ends.append(bytes.count)
  }

  subscript(index: Int) -> String { String(decoding: bytes(index), as: UTF8.self) }

  func bytes(_ index: Int) -> ArraySlice<UInt8> {
    bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }
}
