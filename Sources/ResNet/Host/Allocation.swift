import Glibc

// Swift ends the process when an array or an object finds no memory. In the shared library a reserve
// stands behind those that are small (Sources/CReserve). What is as large as a model or a user's data is
// allocated by `allocateFloats`, or asks `expectMemory` first.

/// `count` floats, 64-byte aligned, to be freed with `free`. Without `zeroed` their values are
/// undefined, and each page is placed by the thread that touches it first.
///
/// A large block asks the system for huge pages, as far as it fills them: the weights of ResNet-50
/// are 50 of these instead of 25,000 small ones, each of which costs a fault and its own zeroing.
/// Blocks below 32 MB do not: the host's heap may take them back, and would keep the advice.
package func allocateFloats(_ count: Int, zeroed: Bool = true)
  throws(ResNetError) -> UnsafeMutablePointer<Float>
{
  let hugePage = 1 << 21
  var pointer: UnsafeMutableRawPointer?
  let bytes = max(count, 16) * MemoryLayout<Float>.stride
  let isLarge = bytes >= 16 * hugePage
  guard posix_memalign(&pointer, isLarge ? hugePage : 64, bytes) == 0, let pointer else {
    throw ResNetError(.outOfMemory, "could not allocate \(bytes) bytes")
  }
  // A system without them refuses, and the block is as good as any other.
  if isLarge { _ = madvise(pointer, bytes / hugePage * hugePage, MADV_HUGEPAGE) }
  if zeroed { memset(pointer, 0, bytes) }
  return pointer.assumingMemoryBound(to: Float.self)
}

/// Throws `outOfMemory` unless arrays of `count` values of `stride` bytes in all, which are to be
/// allocated next, would find memory now. Another thread may take it in between; that is left to chance.
package func expectMemory(_ count: Int, of stride: Int = 1, for what: String) throws(ResNetError) {
  let (bytes, overflow) = count.multipliedReportingOverflow(by: stride)
  // What is small does not find less than the reserve.
  guard overflow || bytes >= 1 << 16 else { return }
  // The compiler takes for granted that a malloc succeeds whose block is freed at once.
  var block: UnsafeMutableRawPointer?
  guard !overflow, posix_memalign(&block, 64, bytes) == 0, let block else {
    throw ResNetError(
      .outOfMemory, "could not allocate \(overflow ? Int.max : bytes) bytes for \(what)")
  }
  free(block)
}
