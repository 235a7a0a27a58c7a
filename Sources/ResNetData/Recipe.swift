import ResNet

/// How a network is trained: the options of the trainer and of its fit, how image files are varied, and
/// how many images are held out. The paper's are here by name; any is a value that can be edited, and
/// prints what it is.
///
///     let recipe = try Recipe.named("cifar")
///     let parts = try cifar10.split(validation: recipe.validationImages)
///     let trainer = try Trainer(model, options: recipe.sgd)
///     try trainer.fit(parts.training, validation: parts.validation, options: recipe.fit)
public struct Recipe: Hashable, Sendable {
  public var name: String
  /// What it is for, and where it is from.
  public var summary: String
  public var sgd: SGDOptions
  public var fit: FitOptions
  /// How training varies image files, or nil for a recipe for images in memory, which `fit` augments.
  public var images: ImageVariation?
  /// How many of the training images are not trained on, but evaluated on; 0 for none, or for a
  /// dataset that has images for it.
  public var validationImages: Int

  public init(
    name: String, summary: String, sgd: SGDOptions = SGDOptions(), fit: FitOptions,
    images: ImageVariation? = nil, validationImages: Int = 0
  ) {
    self.name = name
    self.summary = summary
    self.sgd = sgd
    self.fit = fit
    self.images = images
    self.validationImages = validationImages
  }

  /// CIFAR-10 in section 4.2: 64,000 iterations of 128 images, 45,000 of the training images being
  /// trained on.
  public static let cifar = Recipe(
    name: "cifar", summary: "CIFAR-10 as in section 4.2 of the paper",
    fit: FitOptions(
      iterations: 64_000, batchSize: 128, augmentation: .cifar,
      schedule: StepSchedule(milestones: [32_000, 48_000])),
    validationImages: 5000)

  /// The same with the warm-up that ResNet-110 needs: 0.01 until the training error is below 80%.
  public static let cifarResNet110: Recipe = {
    var recipe = cifar
    recipe.name = "cifar-resnet110"
    recipe.summary = "CIFAR-10 as in section 4.2 of the paper, for ResNet-110"
    recipe.fit.warmUp = WarmUp(rate: 0.01, untilError: 0.8)
    return recipe
  }()

  /// ImageNet in section 3.4: mini-batches of 256, a rate that is divided by 10 when the validation error
  /// plateaus (the paper does not say when that is: here, when it has not fallen by 0.1 points in 5
  /// epochs), and at most 600,000 iterations.
  public static let imageNet = Recipe(
    name: "imagenet", summary: "ImageNet as in section 3.4 of the paper",
    fit: FitOptions(iterations: 600_000, batchSize: 256, plateau: Plateau()),
    images: .published)

  /// ImageNet as it came to be trained on: other crops, no colours, a mean and a deviation for each
  /// channel, and 90 epochs of its 1,281,167 images, the rate being divided by 10 every 30 (Gross and
  /// Wilber, "Training and investigating Residual Nets", 2016; torchvision's reference).
  public static let imageNetCommon = Recipe(
    name: "imagenet-common", summary: "ImageNet as in later work, such as torchvision's",
    fit: FitOptions(
      iterations: 450_360, batchSize: 256, normalize: .perChannel,
      schedule: StepSchedule(milestones: [150_120, 300_240])),
    images: .common)

  /// All that have a name.
  public static let all = [cifar, cifarResNet110, imageNet, imageNetCommon]

  /// Throws `notFound` for a name that none has.
  public static func named(_ name: String) throws(ResNetError) -> Recipe {
    guard let recipe = all.first(where: { $0.name == name }) else {
      throw ResNetError(
        .notFound,
        "there is no recipe \"\(name)\"; there are \(all.map(\.name).joined(separator: ", "))")
    }
    return recipe
  }
}

extension Recipe: CustomStringConvertible {
  /// A line for what it is for, and one for each of its parts.
  public var description: String {
    let rows = [
      ("length", length), ("batch", "\(grouped(fit.batchSize)) images"), ("optimizer", optimizer),
      ("learning rate", learningRate), ("images", augmentation),
      ("normalization", normalization), ("validation", validation),
    ]
    let width = (rows.map(\.0.count).max() ?? 0) + 2
    return
      (["\(name): \(summary)"]
      + rows.map { title, text in
        "  \(title)\(String(repeating: " ", count: width - title.count))\(text)"
      }).joined(separator: "\n") + "\n"
  }

  private var length: String {
    fit.iterations.map { "\(grouped($0)) steps" }
      ?? (fit.epochs == 1 ? "1 epoch" : "\(grouped(fit.epochs)) epochs")
  }

  private var optimizer: String {
    "SGD, momentum \(sgd.momentum), weight decay \(sgd.weightDecay)"
      + (sgd.spareBatchNormAndBiases ? " of convolution and FC weights" : "")
  }

  private var learningRate: String {
    var text = "\(sgd.learningRate)"
    if let warmUp = fit.warmUp {
      text +=
        ", but \(warmUp.rate) until the training error of \(WarmUp.steps) steps is below "
        + "\(warmUp.untilError)"
    }
    if !fit.schedule.milestones.isEmpty {
      text +=
        "; times \(fit.schedule.gamma) after "
        + fit.schedule.milestones.map(grouped).joined(separator: " and ") + " steps"
    }
    if let plateau = fit.plateau {
      text +=
        "; times \(fit.schedule.gamma) when in \(plateau.patience) epochs the validation error has "
        + "not fallen by \(plateau.threshold)"
    }
    return text
  }

  private var augmentation: String {
    if let images { return describe(images) }
    guard let augmentation = fit.augmentation else { return "as they are" }
    var parts: [String] = []
    if augmentation.padding > 0 {
      parts.append("crops out of \(augmentation.padding) pixels of zero padding a side")
    }
    if augmentation.mirror { parts.append("half of them mirrored") }
    return parts.isEmpty ? "as they are" : parts.joined(separator: ", ")
  }

  private func describe(_ images: ImageVariation) -> String {
    var parts: [String]
    switch images.part {
    case .scaled(let side):
      let side = side ?? ImageVariation.publishedSides
      parts = [
        "crops out of images whose shorter side is \(side.lowerBound) to \(side.upperBound) pixels"
      ]
    case .area(let share, let aspect):
      parts = [
        "crops of \(share.lowerBound) to \(share.upperBound) of the area and an aspect of "
          + "\(rounded(aspect.lowerBound)) to \(rounded(aspect.upperBound))"
      ]
    }
    if images.mirror { parts.append("half of them mirrored") }
    if let colour = images.colour {
      parts.append("their principal colours varied by N(0, \(colour.deviation))")
    }
    return parts.joined(separator: ", ")
  }

  private var normalization: String {
    switch fit.normalize {
    case .automatic:
      "the per-pixel mean of the training images is subtracted, unless the model has its own"
    case .perChannel:
      "by the mean and standard deviation of each channel of the training images, unless the model has "
        + "its own"
    case .keep: "the model's own"
    }
  }

  private var validation: String {
    validationImages > 0
      ? "\(grouped(validationImages)) of the training images are held out"
      : "none of the training images are held out"
  }
}

/// A number with its thousands apart.
private func grouped(_ number: Int) -> String {
  let digits = Array(String(number))
  return String(
    digits.enumerated().flatMap { place, digit in
      let after = digits.count - place
      return after % 3 == 0 && place > 0 && digits[place - 1].isNumber ? [",", digit] : [digit]
    })
}

/// With two decimals at most.
private func rounded(_ number: Double) -> String { "\((number * 100).rounded() / 100)" }
