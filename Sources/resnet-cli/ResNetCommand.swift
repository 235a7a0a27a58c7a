import ArgumentParser
import ResNet

/// The `resnet` command: the library's main jobs from a shell.
@main
struct ResNetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resnet",
    abstract: "Describe, train, run and convert residual networks.",
    discussion: """
      The exit status is 0 if all was done; 1 after an error, which is named in one line on standard error, \
      by predict in a line for each file that it cannot read and one that counts them; \
      64 if the command line is wrong; and 128 and its number if a signal ended it, as 130 after Ctrl-C, \
      for train after what was learned is saved.
      """,
    version: libraryVersion,
    subcommands: [
      Inspect.self, PrintRecipe.self, Train.self, Evaluate.self, Predict.self, WriteFeatures.self,
      Convert.self, Bench.self, Calibrate.self, RunExperiment.self,
    ])
}

/// What is said if none of these options is given; before it, a word of the command line that may have been meant for
/// one, which the parser would only name later.
func noting(slipsOf names: String..., message: String) -> String {
  let slip = CommandLine.arguments.first { argument in
    let word = String(argument.dropFirst(2).prefix { $0 != "=" }.prefix(60))
    return argument.hasPrefix("--") && !names.contains(word)
      && names.contains { editDistance(from: word, to: $0) <= 2 }
  }
  return (slip.map { "there is no option '\($0)'; " } ?? "") + message
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

  /// Throws unless what is to be done or explained is a subcommand, for which the parser would print the general
  /// help.
  private static func requireSubcommand(_ arguments: [String]) throws(ValidationError) {
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
    let names = configuration.subcommands.map { $0._commandName } + ["help"]
    guard let word = words.first, !word.hasPrefix("-"), !names.contains(word) else { return }
    let slips = names.map { (name: $0, count: editDistance(from: String(word.prefix(60)), to: $0)) }
    let nearest = slips.min { $0.count < $1.count }.flatMap { $0.count <= 2 ? $0.name : nil }
    // Such as eval.
    let begun = names.first { word.count > 1 && $0.hasPrefix(word) }
    throw ValidationError(
      "there is no subcommand '\(word)'; "
        + ((begun ?? nearest).map { "did you mean '\($0)'?" }
          ?? "there are \(names.joined(separator: ", "))"))
  }

  static func main() {
    StandardStreams.prepare()
    do {
      let arguments = withNegativeNumbers(Array(CommandLine.arguments.dropFirst()))
      try requireSubcommand(arguments)
      let configuration = try Configuration(in: arguments)
      do {
        var command = try parseAsRoot(configuration?.arguments ?? arguments)
        try command.run()
      } catch {
        let message = Self.message(for: error)
        guard exitCode(for: error) == .validationFailure,
          let place = configuration?.place(of: message)
        else { end(error) }
        // Help is of the command line, which is not at fault.
        printError("Error: \(place): \(inOneLine(message))")
        throw ExitCode.validationFailure
      }
    } catch {
      end(error)
    }
  }

  /// Ends the command. What is wrong with its line is said in one line, with what the parser has in several: the
  /// help of the option that is at fault, and where there is more.
  private static func end(_ error: any Error) -> Never {
    guard exitCode(for: error) == .validationFailure, !(error is ExitCode) else {
      exit(withError: error)
    }
    var line = ""
    for part in fullMessage(for: error).split(whereSeparator: \.isNewline) {
      if part.hasPrefix("Usage: ") {
        continue
      } else if part.hasPrefix("Help:  ") {
        // Two spaces, between which is the option.
        let text = part.dropFirst(7).split(separator: "  ", maxSplits: 1).last ?? ""
        line += line.hasSuffix(".") ? " \(text)" : ": \(text)"
      } else if part.hasPrefix("  See '"), let end = part.lastIndex(of: "'") {
        line += " (see \(part[..<end].dropFirst(7)))"
      } else {
        line += (line.isEmpty ? "" : " ") + inOneLine(String(part))
      }
    }
    printError(line)
    exit(withError: ExitCode.validationFailure)
  }

  private static func inOneLine(_ message: String) -> String {
    message.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }
      .joined(separator: " ")
  }
}
