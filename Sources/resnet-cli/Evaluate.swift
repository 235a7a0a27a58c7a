import ArgumentParser
import ResNet
import ResNetData

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a saved model's accuracy on the test images of CIFAR-10.")

  @Argument(help: "A model file (*.h5).")
  var model: String

  @Option(
    name: .customLong("cifar10"),
    help: ArgumentHelp("Directory of the CIFAR-10 binary files.", valueName: "directory"))
  var directory: String

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func run() throws {
    try engine.apply()
    let test = try CIFAR10(directory: directory, split: .test)
    let result = try Model.open(model).evaluate(test)
    print(
      "test accuracy \(percent(result.accuracy)) of \(result.count) images, "
        + "loss \(fixed(result.loss, decimals: 4))")
  }
}
