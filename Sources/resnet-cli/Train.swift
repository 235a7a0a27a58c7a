import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on images and save it.",
    discussion: """
      A recipe is how the paper trains: `cifar`, `cifar-resnet110` with its warm-up, `imagenet` \
      (image files), or `imagenet-common` as in later work. What it is, and what other options change \
      about it, is printed first. The images that it holds out, or else the test images, are evaluated \
      after each epoch, the test images at the end.

      Without a recipe, 10 epochs end early, and test images are evaluated after each: the rest is \
      as in `cifar`, but that the learning rate drops at one half and at three quarters of the steps.
      """)

  @OptionGroup(title: "Images")
  var data: DataOptions

  @Option(help: "A preset: resnetN or plainN with N = 6n+2, or an ImageNet network.")
  var network = "resnet20"

  @Option(help: "How the paper trains: cifar, cifar-resnet110, imagenet or imagenet-common.")
  var recipe: String?

  @Option(help: "How often every training image is drawn. (default: 10, or the recipe's steps)")
  var epochs: Int?

  @Option(help: "Steps to take in all, instead of epochs.")
  var iterations: Int?

  @Option(help: "Images of a step. (default: 128)")
  var batchSize: Int?

  @Option(name: .customLong("lr"), help: "Learning rate of the first step. (default: 0.1)")
  var learningRate: Float?

  @Option(help: "Momentum of SGD. (default: 0.9)")
  var momentum: Float?

  @Option(help: "Weight decay. (default: 0.0001)")
  var weightDecay: Float?

  @Option(
    help: ArgumentHelp(
      "Steps after which the learning rate drops to a tenth, such as 32000,48000.",
      valueName: "steps"))
  var milestones: Milestones?

  @Option(help: "Seed of the weights, of the order of the images and of their augmentation.")
  var seed: UInt64 = 0

  @Flag(help: "Train on the images as they are.")
  var noAugmentation = false

  @Option(help: "Threads that read images ahead. (default: as many as compute, none if one does)")
  var workers: Int?

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  @Option(help: ArgumentHelp("The file to save the model to.", valueName: "file"))
  var out = "model.h5"

  @OptionGroup(title: "Changes to the preset")
  var changes: NetworkOptions

  func validate() throws {
    if epochs != nil && iterations != nil {
      throw ValidationError("--epochs and --iterations both say how long to train: give one")
    }
  }

  func run() throws {
    try requireWritableDirectory(of: out)
    try engine.apply()
    let named = try recipe.map { name throws(ResNetError) in try Recipe.named(name) }
    if let named, named.images != nil, data.place.folder == nil {
      throw ValidationError("the recipe \(named.name) is for image files: give them by --folder")
    }
    let images = try data.training(variation: named?.images)
    let test = try data.test()
    var training: any TrainingData = images
    var validation: any TrainingData = test
    if let named, named.validationImages > 0 {
      let parts = try images.split(validation: named.validationImages, seed: seed)
      (training, validation) = (parts.training, parts.validation)
    }

    let effective = effective(named, imageCount: training.count)
    if named != nil { print(effective, terminator: "") }
    let described = try changes.network(network, defaultClasses: images.classes)
    let model = try Model(described, seed: seed)
    let trainer = try Trainer(model, options: effective.sgd)

    let progressLine = ProgressLine(validation: named == nil ? "test" : "validation")
    try trainer.fit(training, validation: validation, options: effective.fit) { progress in
      progressLine.show(progress)
      return true
    }
    try model.save(to: out)
    let result = try model.evaluate(test)
    for data in [images, test] { printDamage(of: data) }
    print("test accuracy \(percent(result.accuracy)) of \(result.count) images, saved \(out)")
  }

  /// The recipe with what the other options change about it.
  private func effective(_ named: Recipe?, imageCount: Int) -> Recipe {
    var recipe = named ?? .cifar
    if let learningRate { recipe.sgd.learningRate = learningRate }
    if let momentum { recipe.sgd.momentum = momentum }
    if let weightDecay { recipe.sgd.weightDecay = weightDecay }
    if let batchSize { recipe.fit.batchSize = batchSize }
    if named == nil || epochs != nil || iterations != nil {
      recipe.fit.epochs = epochs ?? 10
      recipe.fit.iterations = iterations
      // What is out of range here is refused by `fit`.
      let steps = max(recipe.fit.epochs, 0).multipliedReportingOverflow(
        by: imageCount / max(recipe.fit.batchSize, 1))
      let total = iterations ?? (steps.overflow ? 0 : steps.partialValue)
      // A rate that drops on plateaus needs none, and few steps have no quarters.
      let half = total / 2
      recipe.fit.schedule.milestones =
        recipe.fit.plateau == nil && total >= 4 ? [half, half + total / 4] : []
    }
    if let milestones { recipe.fit.schedule.milestones = milestones.steps }
    // Files vary as their dataset says.
    if noAugmentation || data.place.folder != nil { recipe.fit.augmentation = nil }
    recipe.images = data.place.folder == nil ? nil : data.variation(of: named?.images)
    recipe.fit.seed = seed
    recipe.fit.workers = workers
    return recipe
  }
}

/// Step numbers, separated by commas.
struct Milestones: ExpressibleByArgument {
  let steps: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    steps = parts.compactMap { Int($0) }
    guard steps.count == parts.count else { return nil }
  }
}

/// Hours of training must not end with a file that cannot be written.
private func requireWritableDirectory(of path: String) throws(ResNetError) {
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  guard access(directory, W_OK) == 0 else {
    throw ResNetError(
      .inputOutput, "cannot write to \(path): \(directory): \(String(cString: strerror(errno)))")
  }
}
