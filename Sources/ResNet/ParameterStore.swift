import Glibc

/// The values of a model's tensors: one flat array, laid out by ``ParameterLayout``.
package final class ParameterStore {
  package let layout: ParameterLayout
  /// `layout.totalFloats` values, 64-byte aligned.
  package let values: UnsafeMutablePointer<Float>
  /// Changes whenever a value may have changed, so that prepared copies know when they are stale.
  package private(set) var version: UInt64 = 0

  /// All zero; or, for a reader that fills them all, the tensors' values undefined.
  package init(_ layout: ParameterLayout, zeroed: Bool = true) throws(ResNetError) {
    self.layout = layout
    values = try allocateFloats(layout.totalFloats, zeroed: zeroed)
    guard !zeroed else { return }
    // What lies between the tensors is zero all the same.
    var end = 0
    for tensor in layout.tensors.sorted(by: { $0.offset < $1.offset }) {
      (values + end).update(repeating: 0, count: tensor.offset - end)
      end = tensor.offset + tensor.count
    }
    (values + end).update(repeating: 0, count: layout.totalFloats - end)
  }

  deinit { free(values) }

  /// Size of the whole, in bytes.
  var bytes: Int { layout.totalFloats * MemoryLayout<Float>.stride }

  package func noteChange() { version &+= 1 }

  package subscript(tensor: ParameterLayout.Tensor) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: values + tensor.offset, count: tensor.count)
  }
}

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
