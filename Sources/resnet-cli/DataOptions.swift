import ArgumentParser
import Glibc
import ResNet
import ResNetData

/// Where images are.
struct ImagePlace: ParsableArguments {
  @Option(
    name: .customLong("cifar10"),
    help: ArgumentHelp("Directory of the CIFAR-10 binary files.", valueName: "directory"))
  var cifar10: String?

  @Option(
    help: ArgumentHelp(
      """
      Folder of JPEG and PNG files: train/CLASS/* to train on, and val/CLASS/* to evaluate on, or \
      CLASS/* if there is no val.
      """,
      valueName: "directory"))
  var folder: String?

  @Flag(help: "Leave damaged files of a folder out, and name them, instead of stopping.")
  var skipDamaged = false

  func validate() throws {
    if (cifar10 == nil) == (folder == nil) {
      throw ValidationError("give the images by --cifar10 or by --folder")
    }
  }

  /// Images to train on, seen and varied as `options` say if they are in files.
  func training(_ options: ImageFileDataset.Options) throws -> any TrainingData {
    if let cifar10 { return try CIFAR10(directory: cifar10, split: .train) }
    return try files(in: "\(folder ?? "")/train", options)
  }

  /// Images to evaluate on, which are not varied.
  func test(_ options: ImageFileDataset.Options) throws -> any TrainingData & ImageSource {
    if let cifar10 { return try CIFAR10(directory: cifar10, split: .test) }
    let folder = folder ?? ""
    let validation = "\(folder)/val"
    return try files(in: Directory.isDirectory(validation) ? validation : folder, options)
  }

  private func files(in folder: String, _ options: ImageFileDataset.Options) throws
    -> ImageFileDataset
  {
    var options = options
    options.damage = skipDamaged ? .skip : .fatal
    return try ImageFileDataset(try ImageFiles(folder: folder), options: options)
  }
}

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

  enum Variation: String, ExpressibleByArgument, CaseIterable {
    case published, common, none

    var value: ImageVariation? {
      switch self {
      case .published: .published
      case .common: .common
      case .none: nil
      }
    }
  }

  /// The images to train on, varied as a recipe says if no option does.
  func training(variation recipe: ImageVariation?) throws -> any TrainingData {
    var options = images.options
    options.variation = variation(of: recipe)
    return try place.training(options)
  }

  func test() throws -> any TrainingData & ImageSource { try place.test(images.options) }

  func variation(of recipe: ImageVariation?) -> ImageVariation? {
    if let variation { return variation.value }
    return recipe ?? .published
  }
}

/// How image files are seen where they are not varied.
struct ImageOptions: ParsableArguments {
  @Option(help: "Height and width of what is seen of an image file.")
  var crop = 224

  @Option(help: "Pixels of the shorter side, of which the middle is cropped; 0 for the file's own.")
  var resize = 256

  @Option(help: "3 (RGB) or 1 (grey), to which files are converted.")
  var channels = 3

  var options: ImageFileDataset.Options {
    var options = ImageFileDataset.Options()
    options.crop = crop
    options.resize = resize == 0 ? nil : resize
    options.channels = channels
    return options
  }
}

/// Names the damaged files of a dataset on standard error.
func printDamage(of data: any TrainingData) {
  for file in (data as? ImageFileDataset)?.damagedFiles ?? [] {
    var text = "damaged: \(file.reason)\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
