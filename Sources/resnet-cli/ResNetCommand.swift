import ArgumentParser

/// The `resnet` command: the library's main jobs from a shell.
@main
struct ResNetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resnet",
    abstract: "Describe, train and evaluate residual networks.",
    version: "1.0.0",
    subcommands: [Summary.self, Train.self, Evaluate.self])
}
