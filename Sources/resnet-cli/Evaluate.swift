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

  @Flag(help: "Print how well each class is recognised, too.")
  var byClass = false

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func run() throws {
    try engine.apply()
    let test = try CIFAR10(directory: directory, split: .test)
    let (result, confusion) = try Model.open(model).evaluateByClass(test)
    print(
      "test accuracy \(percent(result.accuracy)) of \(result.count) images, "
        + "top-5 \(percent(result.top5Accuracy)), loss \(fixed(result.loss, decimals: 4))")
    guard byClass else { return }
    for (label, name) in test.classNames.enumerated() {
      print(
        "\(name): recall \(percent(confusion.recall(of: label))), "
          + "precision \(percent(confusion.precision(of: label)))")
    }
  }
}
