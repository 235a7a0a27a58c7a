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
