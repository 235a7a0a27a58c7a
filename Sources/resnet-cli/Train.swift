import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on images and save it.",
    discussion: """
      A recipe is how the paper trains: `cifar`, `cifar-resnet110` with its warm-up, `imagenet` \
      (image files), or `imagenet-common` as in later work; `resnet recipe` prints what it is. Options \
      change it; of another length, its rate drops after the same shares of the training. The images that are held out, or else the test images, are evaluated after each epoch, \
      the test images at the end.

      Without a recipe, 10 epochs end early, and test images are evaluated after each: the rest is \
      as in `cifar`, whose learning rate drops at one half and at three quarters of the steps.

      What is trained, and how, is printed first, as a configuration that --config reads, and kept in the \
      model's metadata.

      Ctrl-C and SIGTERM stop the training after the step that it is at, and what was learned is saved; \
      a second time, they end it at once.

      With --checkpoints, a training that was stopped or killed, by a loss of power too, goes on from its last \
      checkpoint if the same command is given again with --resume, and ends with the same bits as if it \
      had not been, on any number of threads.

          resnet train --cifar10 cifar-10-batches-bin --recipe cifar --checkpoints run --resume
      """)

  @Option(
    help: ArgumentHelp(
      """
      A file of options, lines such as batch-size = 128, or no-winograd = true for an option without a value. \
      Options that are given beside it count instead; --epochs or --iterations leave out its milestones, so \
      that the rate drops after the recipe's shares.
      """, valueName: "file"))
  var config: String?

  @OptionGroup(title: "Images")
  var data: DataOptions

  @Option(
    help: ArgumentHelp(
      "Training images that are not trained on, but evaluated on. (default: the recipe's, or none)",
      valueName: "images"))
  var holdOut: Int?

  @Option(
    help: """
      A preset: \(Network.publishedPresets.joined(separator: ", ")), or any resnetN or plainN with N = 6n+2.
      """)
  var network = "resnet20"

  @Option(
    help: "How to train: \(Recipe.all.map(\.name).joined(separator: ", ")). (default: see above)")
  var recipe: String?

  @Option(help: "How often every training image is drawn. (default: the recipe's steps, or 10)")
  var epochs: Int?

  @Option(help: "Steps to take in all, instead of epochs.")
  var iterations: Int?

  @Option(help: "Images of a step. (default: the recipe's, or 128)")
  var batchSize: Int?

  @Option(
    name: .customLong("lr"),
    help: "Learning rate of the first step. (default: the recipe's, or 0.1)")
  var learningRate: Float?

  @Option(help: "Momentum of SGD. (default: the recipe's, or 0.9)")
  var momentum: Float?

  @Option(help: "Weight decay. (default: the recipe's, or 0.0001)")
  var weightDecay: Float?

  @Option(
    help: ArgumentHelp(
      "Steps after which the learning rate drops to a tenth, such as 32000,48000, or none. (default: see above)",
      valueName: "steps"))
  var milestones: Milestones?

  @Option(
    help: """
      What is subtracted from pixels: the mean of each over the training images (pixels), that of each \
      channel with division by the deviation (channels), or nothing (none). (default: the recipe's, or \
      pixels)
      """)
  var normalize: Normalize?

  enum Normalize: String, ExpressibleByArgument, CaseIterable {
    case pixels, channels, none

    var value: FitOptions.Normalize {
      switch self {
      case .pixels: .automatic
      case .channels: .perChannel
      case .none: .keep
      }
    }

    init(_ value: FitOptions.Normalize) {
      self =
        switch value {
        case .automatic: .pixels
        case .perChannel: .channels
        case .keep: .none
        }
    }
  }

  @Option(help: "Seed of the weights, of the order of the images and of their augmentation.")
  var seed: UInt64 = 0

  @Option(help: "Threads that read images ahead. (default: as many as compute, none if one does)")
  var workers: Int?

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  @Option(help: ArgumentHelp("The file to save the model to.", valueName: "file"))
  var out = "model.h5"

  @Option(
    help: ArgumentHelp(
      "Folder of checkpoints, the last ones (step-*.h5) and the model that did best (best.h5).",
      valueName: "folder"))
  var checkpoints: String?

  @Option(
    help: ArgumentHelp(
      "How often to write one: a number of steps, or a time such as 30s, 10min or 2h.",
      valueName: "steps or time"))
  var checkpointEvery = Interval.time(.seconds(600))

  @Option(help: ArgumentHelp("How many checkpoints to keep.", valueName: "number"))
  var keep = 2

  @Flag(help: "Go on from the newest sound checkpoint, if any; all other options as they were.")
  var resume = false

  @OptionGroup(title: "Reports")
  var reports: ReportOptions

  @OptionGroup(title: "Changes to the preset")
  var changes: NetworkOptions

  func validate() throws {
    if epochs != nil && iterations != nil {
      throw ValidationError("--epochs and --iterations both say how long to train: give one")
    }
    guard keep >= 1 else { throw ValidationError("--keep is \(keep), expected 1 or more") }
    if resume && checkpoints == nil {
      throw ValidationError("--resume needs --checkpoints, the folder that they are in")
    }
    if let holdOut, holdOut < 0 {
      throw ValidationError("--hold-out is \(holdOut), expected 0 or more images")
    }
  }

  func run() throws {
    try requireWritable(out)
    try engine.apply()
    let named = try recipe.map { name throws(ResNetError) in try Recipe.named(name) }
    if let named, named.images != nil, data.place.folder == nil {
      throw ResNetError(
        .invalidArgument, "the recipe \(named.name) is for image files: give them by --folder")
    }
    let images = try data.training(variation: named?.images, channels: changes.inputChannels)
    let test = try data.test(channels: images.channels)
    let (training, held) = try split(images, named)
    if let test {
      // Known now, not after hours of training.
      _ = try LabelMap(
        test.classNames, to: images.classNames, role: "validation", of: "the training data")
    }
    let validation = held ?? test
    var recipe = try effective(named, imageCount: training.count, channels: images.channels)
    if recipe.fit.plateau != nil, validation == nil {
      throw ResNetError(
        .invalidArgument,
        "the recipe \(recipe.name) lowers the learning rate when the error of images that are not trained "
          + "on stops falling; there are none in val, so hold some out by --hold-out")
    }
    let checkpoints = try checkpoints.map { folder throws(ResNetError) in
      try Checkpoints(folder, every: checkpointEvery, keep: keep, resuming: resume)
    }
    let network = try changes.network(network, for: images)
    let configuration = configuration(
      recipe, isNamed: named != nil, network, heldOut: held?.count ?? 0)
    let (trainer, checkpoint) = try trainer(network, recipe, configuration, checkpoints)
    let model = trainer.model

    print(configuration.text, terminator: "")
    try model.setMetadata(configuration.text, for: Configuration.metadataName)
    if let checkpoint {
      print("resuming after \(trainer.iterations) steps from \(checkpoint)")
      recipe.fit.resumes = true
      checkpoints?.resume(trainer)
    } else if resume {
      print("no checkpoint yet, beginning")
    }
    if validation == nil {
      print("no val folder and no --hold-out: training without images to evaluate on")
    }
    // Where standard output is a file, it would come after hours.
    fflush(nil)
    let run = TrainingRun(
      trainer: trainer, options: recipe.fit, training: training,
      validation: validation.map { ($0, held == nil ? "test" : "validation") },
      checkpoints: checkpoints, files: reports.files, title: model.network.name)
    let signal = try advisingOnDamage(of: [images, test]) { try run.run() }
    if let signal { try finish(trainer, checkpoints, after: signal) }
    try model.save(to: out)
    let result = try advisingOnDamage(of: [test]) { try test.map { try model.evaluate($0) } }
    for data in [images, test].compactMap(\.self) { printDamage(of: data) }
    print(
      (result.map { "test error \(percent(1 - $0.accuracy)) of \($0.count) images, " } ?? "")
        + "saved \(out)")
  }

  /// The images to train on, and those that are held out of them.
  private func split(_ images: any TrainingData, _ recipe: Recipe?) throws
    -> (training: any TrainingData, held: (any TrainingData)?)
  {
    let count = holdOut ?? recipe?.validationImages ?? 0
    guard count > 0 else { return (images, nil) }
    guard count < images.count else {
      throw ResNetError(
        .invalidArgument,
        holdOut != nil
          ? "--hold-out is \(count), but there are \(images.count) training images"
          : "the recipe \(recipe?.name ?? "") holds out \(count) of the training images, but there are "
            + "\(images.count); say how many by --hold-out, 0 for none")
    }
    let parts = try images.split(validation: count, seed: seed)
    return (parts.training, parts.validation)
  }

  /// A trainer of a new model, or that of the newest sound checkpoint and its path.
  private func trainer(
    _ network: Network, _ recipe: Recipe, _ configuration: Settings, _ checkpoints: Checkpoints?
  ) throws -> (Trainer, checkpoint: String?) {
    guard resume, let (trainer, path) = try checkpoints?.load() else {
      return (try Trainer(try Model(network, seed: seed), options: recipe.sgd), nil)
    }
    guard trainer.model.network == network, trainer.options == recipe.sgd else {
      var message = "\(path) is of another training than the options say"
      if let text = trainer.model.metadata[Configuration.metadataName] {
        let begun = try Settings(text, path: path)
        message += ": \(configuration.differences(from: begun).joined(separator: ", "))"
      }
      throw ResNetError(
        .invalidArgument, "\(message); give those with which it was begun, or choose another folder"
      )
    }
    return (trainer, path)
  }

  /// Saves what was learned until a signal came.
  private func finish(_ trainer: Trainer, _ checkpoints: Checkpoints?, after signal: CInt) throws {
    let name = Interruption.name(signal)
    if trainer.iterations == 0 {
      printError("stopped by \(name) before the first step; nothing was saved")
    } else if let checkpoints {
      let path = try checkpoints.save(trainer)
      printError(
        "stopped by \(name) after \(trainer.iterations) steps, saved \(path); the same command with "
          + "--resume goes on from there")
    } else {
      try trainer.model.save(to: out)
      printError("stopped by \(name) after \(trainer.iterations) steps, saved \(out)")
    }
    throw ExitCode(128 + signal)
  }

  /// The recipe with what the other options change about it.
  private func effective(_ named: Recipe?, imageCount: Int, channels: Int) throws -> Recipe {
    var recipe = named ?? .cifar
    if let learningRate { recipe.sgd.learningRate = learningRate }
    if let momentum { recipe.sgd.momentum = momentum }
    if let weightDecay { recipe.sgd.weightDecay = weightDecay }
    if let batchSize { recipe.fit.batchSize = batchSize }
    if let iterations {
      recipe = recipe.lasting(iterations: iterations)
    } else if epochs != nil || named == nil {
      recipe = recipe.lasting(epochs: epochs ?? 10, images: imageCount)
    }
    if let milestones { recipe.fit.schedule.milestones = milestones.steps }
    if let normalize { recipe.fit.normalize = normalize.value }
    if let holdOut { recipe.validationImages = holdOut }
    if data.place.folder == nil {
      recipe.images = nil
      if data.noAugmentation { recipe.fit.augmentation = nil }
    } else {
      // Files vary as their dataset says.
      recipe.fit.augmentation = nil
      recipe.images = try data.variation(of: named?.images, channels: channels)
    }
    recipe.fit.seed = seed
    recipe.fit.workers = workers
    return recipe
  }
}

extension Train {
  /// All options that what is learned depends on, but for the place of the images.
  private func configuration(
    _ recipe: Recipe, isNamed: Bool, _ network: Network, heldOut: Int
  ) -> Settings {
    var settings = Settings()
    settings.set("network", self.network)
    changes.describe(network, in: &settings)
    if isNamed { settings.set("recipe", recipe.name) }
    if let iterations = recipe.fit.iterations {
      settings.set("iterations", iterations)
    } else {
      settings.set("epochs", recipe.fit.epochs)
    }
    settings.set("batch-size", recipe.fit.batchSize)
    settings.set("lr", recipe.sgd.learningRate)
    settings.set("momentum", recipe.sgd.momentum)
    settings.set("weight-decay", recipe.sgd.weightDecay)
    settings.set("milestones", Milestones(steps: recipe.fit.schedule.milestones))
    settings.set("normalize", Normalize(recipe.fit.normalize).rawValue)
    settings.set("hold-out", heldOut)
    settings.set("seed", seed)
    data.describe(recipe, in: &settings)
    if engine.noWinograd { settings.set("no-winograd", true) }
    return settings
  }
}

/// Step numbers, separated by commas, or `none`.
struct Milestones: ExpressibleByArgument, CustomStringConvertible {
  let steps: [Int]

  init(steps: [Int]) { self.steps = steps }

  var description: String {
    steps.isEmpty ? "none" : steps.map(String.init).joined(separator: ",")
  }

  init?(argument: String) {
    if argument == "none" {
      steps = []
      return
    }
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    steps = parts.compactMap { Int($0) }
    guard steps.count == parts.count else { return nil }
  }
}
