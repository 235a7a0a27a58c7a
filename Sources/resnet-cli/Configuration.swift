import ArgumentParser
import ResNet

/// The options of a training in a file: lines of `name = value`, such as `batch-size = 128`, with the
/// options' names; `true` or `false` for those that take no value.
struct Configuration {
  /// The metadata of a model in which the training command leaves its configuration.
  static let metadataName = "resnet.training"

  private static let flags: Set = ["skip-damaged", "no-augmentation", "no-winograd", "resume"]

  /// What an option on the command line takes the place of, besides itself.
  private static let replaced: [String: Set<String>] = [
    "epochs": ["iterations", "milestones"], "iterations": ["epochs", "milestones"],
    "variation": ["side", "no-augmentation"], "no-augmentation": ["side", "variation"],
    "cifar10": ["folder"], "folder": ["cifar10"],
  ]

  private let path: String
  private let settings: Settings
  /// The command line with the options in the file, before its own, of which the last counts where both
  /// say something.
  let arguments: [String]

  /// Nil if a command line names no file.
  init?(in arguments: [String]) throws(ResNetError) {
    guard arguments.first == "train", let path = Self.path(in: arguments) else { return nil }
    self.path = path
    settings = try Settings(contentsOf: path)
    let given = Set(
      arguments.filter { $0.hasPrefix("--") }.map { $0.dropFirst(2).prefix { $0 != "=" } })
    let left = given.reduce(into: Set<String>()) { $0.formUnion(Self.replaced[String($1)] ?? []) }
    var added: [String] = []
    for (name, value, line) in settings.entries where !left.contains(name) {
      if name == "config" {
        throw ResNetError(
          .invalidArgument, "\(path):\(line): a configuration cannot name another one")
      }
      guard Self.flags.contains(name) else {
        added.append("--\(name)=\(value)")
        continue
      }
      guard value == "true" || value == "false" else {
        throw ResNetError(
          .invalidArgument, "\(path):\(line): \(name) is \"\(value)\", expected true or false")
      }
      if value == "true" { added.append("--\(name)") }
    }
    self.arguments = [arguments[0]] + added + arguments.dropFirst()
  }

  private static func path(in arguments: [String]) -> String? {
    let option = "--config"
    var path: String?
    for (place, argument) in arguments.enumerated() {
      if argument == "--" { break }
      if argument == option, place + 1 < arguments.count { path = arguments[place + 1] }
      if argument.hasPrefix(option + "=") { path = String(argument.dropFirst(option.count + 1)) }
    }
    return path
  }

  /// Where the option is in the file that a message is about; nil if it is about none.
  func place(of message: String) -> String? {
    settings.entries.first { name, _, _ in
      message.contains("'--\(name)'") || message.contains("'--\(name) ")
    }
    .map { "\(path):\($0.line)" }
  }
}

extension ResNetCommand {
  static func main() {
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      guard let configuration = try Configuration(in: arguments) else { return main(arguments) }
      do {
        var command = try parseAsRoot(configuration.arguments)
        try command.run()
      } catch {
        if exitCode(for: error) == .validationFailure,
          let place = configuration.place(of: message(for: error))
        {
          printError("\(place):")
        }
        exit(withError: error)
      }
    } catch {
      exit(withError: error)
    }
  }
}
