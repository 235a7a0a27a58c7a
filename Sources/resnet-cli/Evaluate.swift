import ArgumentParser
import ResNet
import ResNetData

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a saved model's accuracy on test images.")

  @Argument(help: "A model file (*.h5).")
  var model: String

  @OptionGroup(title: "Images")
  var data: DataOptions

  @Flag(help: "Print how well each class is recognised, too.")
  var byClass = false

  @Flag(
    help: """
      Print the standard deviation of each layer's output, after BN and before the nonlinearity, too.
      """)
  var responses = false

  @OptionGroup(title: "Views of an image")
  var views: ViewOptions

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func run() throws {
    try engine.apply()
    let test = try data.test()
    let model = try Model.open(model)
    let views = views.chosen
    let start = ContinuousClock.now
    let (result, confusion) =
      if let views { try model.evaluateByClass(test, views: views) } else {
        try model.evaluateByClass(test)
      }
    let speed = Double(result.count) / ((ContinuousClock.now - start) / .seconds(1))
    print(
      "test accuracy \(percent(result.accuracy)) of \(result.count) images, "
        + "top-5 \(percent(result.top5Accuracy)), loss \(fixed(result.loss, decimals: 4)), "
        + (views.map { "\($0.count) views each, " } ?? "")
        + "\(fixed(speed, decimals: 1)) images/s")
    printDamage(of: test)
    if byClass { printFigures(confusion, test.classNames) }
    if responses {
      for response in try model.responses(test) {
        print("\(response.name): \(fixed(response.standardDeviation, decimals: 6))")
      }
    }
  }

  private func printFigures(_ confusion: ConfusionMatrix, _ names: [String]) {
    for (label, name) in names.enumerated() {
      print(
        "\(name): recall \(percent(confusion.recall(of: label))), "
          + "precision \(percent(confusion.precision(of: label)))")
    }
  }
}
