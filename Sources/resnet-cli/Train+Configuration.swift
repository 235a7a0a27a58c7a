import ArgumentParser
import ResNet
import ResNetData

/// How it is trained: the recipe and the options together, and the configuration that says so.
extension Train {
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

  /// The recipe with what the other options change about it.
  func effective(_ named: Recipe?, imageCount: Int, seen images: any TrainingData) -> Recipe {
    var recipe = named ?? .cifar
    // What is learned already is not to be lost; and a warm-up is for what has not begun to learn.
    if start.from != nil {
      recipe.sgd.learningRate /= 10
      recipe.fit.warmUp = nil
    }
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
    if start.from != nil { recipe.fit.normalize = .keep }
    if let normalize { recipe.fit.normalize = normalize.value }
    if let holdOut { recipe.validationImages = holdOut }
    if data.place.folder == nil {
      recipe.images = nil
      if data.noAugmentation { recipe.fit.augmentation = nil }
    } else {
      // Files vary as their dataset says.
      recipe.fit.augmentation = nil
      recipe.images = (images as? ImageFileDataset)?.options.variation
    }
    recipe.fit.scaling = processes.scaling
    recipe.fit.seed = seed
    recipe.fit.workers = workers
    return recipe
  }

  /// All options that what is learned depends on, but for the place of the images.
  func configuration(
    _ recipe: Recipe, isNamed: Bool, _ network: Network, _ base: Model?, heldOut: Int
  ) -> Settings {
    var settings = Settings()
    if let from = start.from {
      settings.set("from", from)
      settings.set("freeze", start.freeze)
    } else {
      settings.set("network", self.network ?? Self.defaultNetwork)
      changes.describe(network, in: &settings)
    }
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
    // Without it a trained model has its own.
    if start.from == nil || normalize != nil {
      settings.set("normalize", Normalize(recipe.fit.normalize).rawValue)
    }
    settings.set("hold-out", heldOut)
    settings.set("seed", seed)
    processes.describe(in: &settings)
    data.describe(recipe, for: base, in: &settings)
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
