import ResNet

/// Options in a file: lines of `name = value`, such as `batch-size = 128`, with the options' names; `true` or
/// `false` for those that take no value.
enum Configuration {
  /// The metadata of a model in which the training command leaves its configuration.
  static let metadataName = "training"

  /// A command line with the options in the file that --config names, before its own, of which the last
  /// counts where both say something.
  static func expand(_ arguments: [String]) throws(ResNetError) -> [String] {
    guard arguments.first == "train", let path = try path(in: arguments) else { return arguments }
    let settings = try Settings(contentsOf: path)
    let given = settings.entries.compactMap { name, value in
      switch value {
      case "true": "--\(name)"
      case "false": nil
      default: "--\(name)=\(value)"
      }
    }
    return [arguments[0]] + given + arguments.dropFirst()
  }

  private static func path(in arguments: [String]) throws(ResNetError) -> String? {
    let option = "--config"
    var path: String?
    for (place, argument) in arguments.enumerated() {
      if argument == "--" { break }
      if argument == option, place + 1 < arguments.count { path = arguments[place + 1] }
      if argument.hasPrefix(option + "=") { path = String(argument.dropFirst(option.count + 1)) }
    }
    return path
  }
}
