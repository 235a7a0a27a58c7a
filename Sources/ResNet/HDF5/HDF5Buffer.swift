import Glibc

/// Bytes of a chunk. Only who made it changes them, before anybody else sees them.
final class HDF5Buffer: @unchecked Sendable {
  private let start: UnsafeMutableRawPointer
  private(set) var count: Int

  /// Uninitialised. Throws `outOfMemory`.
  init(_ count: Int) throws(ResNetError) {
    guard let start = malloc(max(count, 1)) else {
      throw ResNetError(.outOfMemory, "could not allocate \(count) bytes")
    }
    self.start = start
    self.count = count
  }

  deinit { free(start) }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
  var mutableBytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  /// Forgets the bytes at the end.
  func shorten(to count: Int) { self.count = min(count, self.count) }
}
