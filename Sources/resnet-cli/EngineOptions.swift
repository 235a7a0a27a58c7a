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

/// Warns if a training that goes on was begun with another instruction set than computes here.
func warnUnlessHere(_ before: String?) {
  guard let before, let now = try? Engine.instructionSet(), before != now else { return }
  warn(
    "the training was begun with \(before), and \(now) rounds otherwise: it goes on, but ends with other bits than "
      + "if it had not stopped; on a processor that has \(before), RESNET_ISA=\(before) keeps to it"
  )
}
