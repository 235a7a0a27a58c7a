import ArgumentParser
import ResNet

/// The `resnet` command: the library's main jobs from a shell.
@main
struct ResNetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resnet",
    abstract: "Describe, train and evaluate residual networks.",
    version: libraryVersion,
    subcommands: [
      Summary.self, PrintRecipe.self, Train.self, Evaluate.self, Calibrate.self, RunExperiment.self,
    ])

  static func main() {
    do {
      main(try Configuration.expand(Array(CommandLine.arguments.dropFirst())))
    } catch {
      exit(withError: error)
    }
  }
}
