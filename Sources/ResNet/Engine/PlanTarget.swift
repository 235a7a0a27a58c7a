import CKernels

/// What a plan is made for, beside its network and batch.
struct PlanTarget: Equatable {
  let kernels: UnsafePointer<rk_kernels>
  /// Threads that will run it.
  let workers: Int
  /// Whether convolutions may use Winograd's algorithm.
  let winograd: Bool

  /// The process's settings.
  static func current() throws(ResNetError) -> PlanTarget {
    PlanTarget(
      kernels: try Kernels.selected(), workers: ThreadPool.threads,
      winograd: Engine.winograd)
  }

  /// The algorithm to ask the kernels for.
  var algorithm: Int32 { Int32((winograd ? RK_CHOOSE : RK_DIRECT).rawValue) }
}
