import ArgumentParser
import ResNet

/// How to compute: the process-wide settings of the engine.
struct EngineOptions: ParsableArguments {
  @Option(help: "Threads to compute with; 0 for one per core.")
  var threads = 0

  @Flag(help: "Do without Winograd's algorithm: slower, rounding errors half as large.")
  var noWinograd = false

  func validate() throws {
    if threads < 0 {
      throw ValidationError("--threads is \(threads), expected 0 for one per core, or more")
    }
  }

  func apply() throws {
    try Engine.setThreads(threads)
    Engine.winograd = !noWinograd
  }
}
