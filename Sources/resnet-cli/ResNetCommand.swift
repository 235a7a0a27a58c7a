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

extension ResNetCommand {
  /// A command line in which a number below 0 is the value of the option before it, which the parser takes for an
  /// option of its own: the command says what it expects instead.
  private static func withNegativeNumbers(_ arguments: [String]) -> [String] {
    var joined: [String] = []
    for (place, argument) in arguments.enumerated() {
      guard argument != "--" else { return joined + arguments[place...] }
      let isNumber = argument.hasPrefix("-") && Double(argument.dropFirst()) != nil
      if isNumber, let option = joined.last, option.hasPrefix("--"),
        !option.contains("=" as Character)
      {
        joined[joined.count - 1] += "=\(argument)"
      } else {
        joined.append(argument)
      }
    }
    return joined
  }

  static func main() {
    StandardStreams.prepare()
    do {
      let arguments = withNegativeNumbers(Array(CommandLine.arguments.dropFirst()))
      guard let configuration = try Configuration(in: arguments) else { return main(arguments) }
      do {
        var command = try parseAsRoot(configuration.arguments)
        try command.run()
      } catch {
        let message = Self.message(for: error)
        guard exitCode(for: error) == .validationFailure,
          let place = configuration.place(of: message)
        else { exit(withError: error) }
        // Usage is of the command line, which is not at fault.
        printError(
          "Error: \(place): \(message.split(whereSeparator: \.isNewline).joined(separator: " "))")
        throw ExitCode.validationFailure
      }
    } catch {
      exit(withError: error)
    }
  }
}
