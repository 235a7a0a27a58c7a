import CKernels
import Glibc

/// The kernels in use: chosen once, at first use.
package enum Kernels {
  /// The best kernels of this processor, or those that `RESNET_ISA` names.
  package static func selected() throws(ResNetError) -> UnsafePointer<rk_kernels> {
    if let kernels = choice.kernels { return kernels }
    throw ResNetError(
      .invalidArgument,
      "RESNET_ISA is \"\(choice.requested)\", which is not an instruction set of this processor; "
        + "use avx512, avx2 or portable, or unset it")
  }

  private struct Choice: @unchecked Sendable {
    let requested: String
    let kernels: UnsafePointer<rk_kernels>?
  }

  private static let choice: Choice = {
    guard let value = getenv("RESNET_ISA"), value.pointee != 0 else {
      return Choice(requested: "", kernels: rk_kernels_named(nil))
    }
    return Choice(requested: String(cString: value), kernels: rk_kernels_named(value))
  }()
}
