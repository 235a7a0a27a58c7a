import ArgumentParser
import ResNet
import ResNetData

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a saved model's accuracy on the test images of CIFAR-10, or on image files.",
    discussion: """
      Classes are matched by their names: the images may be of some of the model's.

      With --json there is one object: accuracy, top5_accuracy and loss, over so many images; with --by-class \
      also the classes' recall and precision, null where a class has no images or none are taken for it, and the \
      confusion matrix, its rows the true classes; with --responses the layers' standard deviations.

          resnet evaluate model.h5 --folder images --by-class
          resnet evaluate model.h5 --folder images --views 10-crop
      """)

  @Argument(help: "A model file (*.h5).", completion: .file(extensions: ["h5"]))
  var model: String

  @OptionGroup(title: "Images")
  var place: ImagePlace

  @Flag(help: "Print how well each class is recognised, too.")
  var byClass = false

  @Flag(
    help: """
      Print the standard deviation of each layer's output, after BN and before the nonlinearity, too.
      """)
  var responses = false

  @Flag(help: "Print one object of JSON, with all of it.")
  var json = false

  @OptionGroup(title: "Views of an image")
  var views: ViewOptions

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func run() throws {
    try engine.apply()
    let model = try openModel(model)
    if responses && model.graph.responseLayers.isEmpty {
      throw ResNetError(
        .invalidArgument, "\(model.network.name) has no layers with BN, so it has no responses")
    }
    let test = try data(for: model)
    warnOfPixels(of: test, model, self.model)
    let views = views.chosen(for: model)
    let start = ContinuousClock.now
    let (result, confusion) = try advisingOnDamage(of: [test]) {
      if let views {
        try model.evaluateByClass(test, views: views)
      } else {
        try model.evaluateByClass(test)
      }
    }
    guard result.loss.isFinite else { throw Soundness.error(of: self.model) }
    let speed = Double(result.count) / ((ContinuousClock.now - start) / .seconds(1))
    let names = model.classNames.isEmpty ? test.classNames : model.classNames
    if json {
      try show(
        result, views, speed, damaged: damagedFiles(of: test), byClass ? (names, confusion) : nil,
        responses ? model.responses(test) : nil)
      return
    }
    print(
      "test accuracy \(percent(result.accuracy)) of \(result.count) images, "
        + "top-5 \(percent(result.top5Accuracy)), loss \(fixed(result.loss, decimals: 4)), "
        + (views.map { "\($0.count) views each, " } ?? "")
        + "\(fixed(speed, decimals: 1)) images/s")
    printDamage(of: test)
    if byClass { printFigures(confusion, names) }
    if responses {
      for response in try model.responses(test) {
        print("\(response.name): \(fixed(response.standardDeviation, decimals: 6))")
      }
    }
  }

  private func show(
    _ result: Metrics, _ views: Views?, _ speed: Double, damaged: [DamagedFile],
    _ classes: (names: [String], confusion: ConfusionMatrix)?, _ responses: [LayerResponse]?
  ) {
    var members: [(name: String, value: JSON)] = [
      ("images", .number(result.count)), ("accuracy", .number(result.accuracy)),
      ("top5_accuracy", .number(result.top5Accuracy)), ("loss", .number(result.loss)),
      ("views", .number(views?.count ?? 1)), ("images_per_second", .number(speed)),
      (
        "damaged",
        .array(damaged.map { ["image": .string($0.path), "error": .string($0.reason)] })
      ),
    ]
    if let (names, confusion) = classes {
      let count = confusion.classes
      let figures = (0..<count).map { label -> JSON in
        [
          "name": label < names.count ? .string(names[label]) : .null,
          "recall": .number(confusion.recall(of: label)),
          "precision": .number(confusion.precision(of: label)),
        ]
      }
      let rows = stride(from: 0, to: count * count, by: count).map {
        JSON.numbers(Array(confusion.counts[$0..<$0 + count]))
      }
      members += [("classes", .array(figures)), ("confusion", .array(rows))]
    }
    if let responses {
      members.append(
        (
          "responses",
          .array(
            responses.map {
              [
                "layer": .string($0.name), "standard_deviation": .number($0.standardDeviation),
              ]
            })
        ))
    }
    print(JSON.object(members))
  }

  /// Image files are seen as the views are, where these are not asked for.
  private func data(for model: Model) throws -> any TrainingData & ImageSource {
    var options = ImageFileDataset.Options()
    options.channels = model.network.inputChannels
    (options.crop, options.resize) = views.seen.size(for: model)
    options.filter = views.seen.interpolation
    return try place.test(options)
  }

  private func printFigures(_ confusion: ConfusionMatrix, _ names: [String]) {
    /// A class may have no images, or none taken for it.
    func figure(_ share: Double) -> String { share.isNaN ? "none" : percent(share) }
    for (label, name) in names.enumerated() {
      print(
        "\(name): recall \(figure(confusion.recall(of: label))), "
          + "precision \(figure(confusion.precision(of: label)))")
    }
  }
}
