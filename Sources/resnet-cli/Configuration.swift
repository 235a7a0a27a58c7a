import ArgumentParser
import ResNet

/// The options of a training in a file: lines of `name = value`, such as `batch-size = 128`, with the
/// options' names; `true` or `false` for those that take no value.
struct Configuration {
  /// The metadata of a model in which the training command leaves its configuration.
  static let metadataName = "resnet.training"

  private static let flags: Set = [
    "skip-damaged", "no-augmentation", "no-winograd", "resume", "mpi", "sync-bn",
  ]

  /// What an option on the command line takes the place of, besides itself.
  private static let replaced: [String: Set<String>] = [
    "from": Set(["network"] + NetworkOptions.names), "network": ["from", "freeze"],
    "epochs": ["iterations", "milestones"], "iterations": ["epochs", "milestones"],
    "variation": ["side", "no-augmentation"], "no-augmentation": ["side", "variation"],
    "cifar10": ["folder"], "folder": ["cifar10"],
  ]

  /// The same where the file has training begin with the other: a learning rate is meant for random weights
  /// or for trained ones, and these have a normalisation of their own.
  private static let replacedByOtherStart: [String: Set<String>] = [
    "from": ["lr", "normalize"], "network": ["lr"],
  ]

  private let path: String
  /// The options that the file gives, and in which of its lines.
  private let taken: [(name: String, line: Int)]
  /// The command line with the options in the file before its own, less those in whose place it has others.
  let arguments: [String]

  /// Nil if a command line names no file.
  init?(in arguments: [String]) throws(ResNetError) {
    guard arguments.first == "train", let path = try Self.path(in: arguments) else { return nil }
    self.path = path
    let settings = try Settings(contentsOf: path)
    let given = Set(
      arguments.filter { $0.hasPrefix("--") }.map { $0.dropFirst(2).prefix { $0 != "=" } })
    var left = given.reduce(into: Set(given.map(String.init))) {
      $0.formUnion(Self.replaced[String($1)] ?? [])
    }
    for (start, other) in [("from", "network"), ("network", "from")]
    where given.contains(start[...]) && settings[other] != nil {
      left.formUnion(Self.replacedByOtherStart[start] ?? [])
    }
    var (added, taken) = ([String](), [(name: String, line: Int)]())
    for (name, value, line) in settings.entries where !left.contains(name) || name == "config" {
      taken.append((name, line))
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
    self.taken = taken
  }

  private static func path(in arguments: [String]) throws(ResNetError) -> String? {
    let option = "--config"
    var paths: [String] = []
    for (place, argument) in arguments.enumerated() {
      if argument == "--" { break }
      if argument == option, place + 1 < arguments.count { paths.append(arguments[place + 1]) }
      if argument.hasPrefix(option + "=") {
        paths.append(String(argument.dropFirst(option.count + 1)))
      }
    }
    guard paths.count < 2 else {
      throw ResNetError(
        .invalidArgument,
        "--config is given twice, as \(paths[0]) and \(paths[1]): give one of them")
    }
    return paths.first
  }

  /// Where the option is in the file that a message names first, as what is wrong; nil if it is not in the file.
  func place(of message: String) -> String? {
    let words = message.split { !$0.isLetter && !$0.isNumber && $0 != "-" && $0 != "_" }
    guard let name = words.first(where: { $0.hasPrefix("--") })?.dropFirst(2) else { return nil }
    return taken.first { $0.name == name }.map { "\(path):\($0.line)" }
  }
}
