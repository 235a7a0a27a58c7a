import ArgumentParser
import ResNet
import ResNetData

/// Which images to train on, and how they are varied.
struct DataOptions: ParsableArguments {
  @OptionGroup
  var place: ImagePlace

  @OptionGroup
  var images: ImageOptions

  @Option(
    help: """
      How training varies the images of a folder: published, common or none. (default: the recipe's, \
      or published)
      """)
  var variation: Variation?

  @Option(
    help: ArgumentHelp(
      """
      Least and most pixels of the shorter side, with the published variation. (default: --resize to \
      480/256 of it)
      """,
      valueName: "least,most"))
  var side: Sides?

  @Flag(help: "Train on the images as they are.")
  var noAugmentation = false

  enum Variation: String, ExpressibleByArgument, CaseIterable {
    case published, common, none
  }

  func validate() throws {
    if noAugmentation, let variation {
      throw ValidationError(
        "--variation \(variation.rawValue) and --no-augmentation both say how images are varied: give one"
      )
    }
    if side != nil, noAugmentation || variation == .common || variation == Variation.none {
      throw ValidationError("--side is for the published variation, which is not asked for")
    }
    guard place.folder == nil else { return }
    for (name, isGiven) in images.given + [("variation", variation != nil), ("side", side != nil)]
    where isGiven {
      throw ValidationError("--\(name) is for image files: give them by --folder")
    }
  }

  /// The images to train on, of the size that suits `model`, varied as a recipe says if no option does.
  func training(variation recipe: ImageVariation?, channels: Int?, for model: Model?) throws
    -> any TrainingData
  {
    var options = images.options(channels: channels, for: model)
    options.variation = try variation(of: recipe, options)
    return try place.training(options)
  }

  /// Images to evaluate on, nil if there are none.
  func test(channels: Int?, for model: Model?) throws -> (any TrainingData & ImageSource)? {
    try place.hasTest ? place.test(images.options(channels: channels, for: model)) : nil
  }

  /// Notes how the images are seen and varied, by a recipe for these images.
  func describe(_ recipe: Recipe, for model: Model?, in settings: inout Settings) {
    if place.folder == nil {
      if recipe.fit.augmentation == nil { settings.set("no-augmentation", true) }
      return
    }
    let seen = images.options(for: model)
    SeenSize(crop: seen.crop, resize: seen.resize).describe(in: &settings)
    switch recipe.images?.part {
    case .scaled(let side):
      settings.set("variation", Variation.published.rawValue)
      settings.set("side", side.map { "\($0.lowerBound),\($0.upperBound)" })
    case .area: settings.set("variation", Variation.common.rawValue)
    case nil: settings.set("variation", Variation.none.rawValue)
    }
    if place.skipDamaged { settings.set("skip-damaged", true) }
  }

  /// With sides in numbers, and without colours if images have none.
  func variation(of recipe: ImageVariation?, _ seen: ImageFileDataset.Options) throws
    -> ImageVariation?
  {
    guard !noAugmentation else { return nil }
    var chosen: ImageVariation
    switch variation {
    case .published?: chosen = .published
    case .common?: chosen = .common
    case Variation.none?: return nil
    case nil: chosen = recipe ?? .published
    }
    if let side {
      guard case .scaled = chosen.part else {
        throw ResNetError(
          .invalidArgument,
          "--side is for the published variation, which the recipe does not have")
      }
      chosen.part = .scaled(shorterSide: side.range)
    }
    if seen.channels == 1 { chosen.colour = nil }
    return chosen.resolved(resize: seen.resize)
  }
}

/// How image files are seen where they are not varied.
struct ImageOptions: ParsableArguments {
  @Option(
    help: """
      Height and width of what is seen of an image file. (default: those of a given model's mean per \
      pixel, as it was trained, or 224)
      """)
  var crop: Int?

  @Option(
    help: """
      Pixels of the shorter side, of which the middle is cropped; 0 for the file's own. (default: as a \
      given model was trained, or 256; in proportion for crops of another size than 224)
      """)
  var resize: Int?

  @Option(
    help:
      "3 (RGB) or 1 (grey), to which files are converted. (default: as a given model takes, or 3)")
  var channels: Int?

  func validate() throws {
    try CropOptions.validate(crop: crop, resize: resize)
    if let channels, channels != 1, channels != 3 {
      throw ValidationError("--channels is \(channels), expected 3 (RGB) or 1 (grey)")
    }
  }

  /// `channels` and `model` are for what the options do not say.
  func options(channels other: Int? = nil, for model: Model? = nil) -> ImageFileDataset.Options {
    var options = ImageFileDataset.Options()
    (options.crop, options.resize) = CropOptions.size(crop: crop, resize: resize, for: model)
    options.channels = channels ?? other ?? options.channels
    return options
  }

  /// The options, and whether they are given.
  var given: [(name: String, isGiven: Bool)] {
    [("crop", crop != nil), ("resize", resize != nil), ("channels", channels != nil)]
  }
}

/// The least and the most, separated by a comma.
struct Sides: ExpressibleByArgument {
  let range: ClosedRange<Int>

  init?(argument: String) {
    guard let values = Lengths(argument: argument)?.values, values.count == 2,
      values[0] <= values[1]
    else { return nil }
    range = values[0]...values[1]
  }
}
