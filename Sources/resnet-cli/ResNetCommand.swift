import ArgumentParser
import ResNet

/// The `resnet` command: the library's main jobs from a shell.
@main
struct ResNetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resnet",
    abstract: "Describe, train, run and convert residual networks.",
    discussion: """
      The exit status is 0 if all was done; 1 after an error, which is named in one line on standard error; \
      64 if the command line is wrong; and 128 and its number if a signal ended it, as 130 after Ctrl-C, \
      for train after what was learned is saved.
      """,
    version: libraryVersion,
    subcommands: [
      Inspect.self, PrintRecipe.self, Train.self, Evaluate.self, Predict.self, WriteFeatures.self,
      Convert.self, Bench.self, Calibrate.self, RunExperiment.self,
    ])
}
