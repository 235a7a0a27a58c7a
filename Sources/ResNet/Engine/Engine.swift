import Synchronization

/// Process-wide settings of the engine.
public enum Engine {
  /// Sets how many threads compute, the calling one included; 0 for one per available core (the default):
  /// per core that the process may run on, but no more than its control group has time for, rounded up. Results are the
  /// same bits for any number. Takes effect at the next computation.
  public static func setThreads(_ count: Int) throws(ResNetError) {
    guard (0...ThreadPool.maximumThreads).contains(count) else {
      throw ResNetError(
        .invalidArgument,
        "\(count) threads: expected 1 to \(ThreadPool.maximumThreads), or 0 for one per core")
    }
    ThreadPool.setThreads(count)
  }

  /// Threads that compute.
  public static var threads: Int { ThreadPool.threads }

  private static let winogradAllowed = Atomic<Bool>(true)

  /// Whether 3x3 convolutions at stride 1 may be computed by Winograd's algorithm where that is
  /// faster (the default). Without it they are summed as they are defined, two to three times
  /// slower, with rounding errors about half as large. Takes effect at the next computation.
  public static var winograd: Bool {
    get { winogradAllowed.load(ordering: .relaxed) }
    set { winogradAllowed.store(newValue, ordering: .relaxed) }
  }

  /// The instruction set whose kernels are in use: `avx512`, `avx2` or `portable`. Throws if the
  /// environment variable `RESNET_ISA` names one that this processor lacks.
  public static func instructionSet() throws(ResNetError) -> String {
    String(cString: try Kernels.selected().pointee.name)
  }
}
