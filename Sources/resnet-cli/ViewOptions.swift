import ArgumentParser
import ResNet
import ResNetData

/// Which views of an image are scored.
struct ViewOptions: ParsableArguments {
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case single
    case centre
    case tenCrop = "10-crop"
    case multiScale = "multi-scale"
  }

  @Option(
    help: """
      The images as they are, the crop in their middle, 10 crops (corners, middle and their mirror \
      images), or the whole images at several sizes. (default: of image files the crop in the middle, others \
      as they are)
      """)
  var views: Kind?

  @OptionGroup
  var seen: CropOptions

  @Option(
    help: ArgumentHelp(
      """
      Lengths of the shorter side for multi-scale. (default: 224,256,384,480,640; in proportion if images \
      are resized to another length than 256)
      """,
      valueName: "lengths"))
  var scales: Lengths?

  @Flag(help: "Score mirror images too, for multi-scale.")
  var mirror = false

  @Option(help: "What is averaged over views. (default: scores for multi-scale, or probabilities)")
  var average: Views.Average?

  func validate() throws {
    for (name, isGiven) in [("scales", scales != nil), ("mirror", mirror)]
    where isGiven && views != .multiScale {
      throw ValidationError("--\(name) is for --views multi-scale")
    }
    if average != nil && views == nil {
      throw ValidationError("--average is for --views: with one view there is nothing to average")
    }
  }

  /// The views of image files: those asked for, or the crop in the middle.
  func ofFiles(for model: Model) -> Views {
    if let views = chosen(for: model) { return views }
    let (crop, resize) = seen.size(for: model)
    var views = Views.centre(crop: crop, resize: resize)
    views.filter = seen.interpolation
    return views
  }

  func chosen(for model: Model) -> Views? {
    guard let views else { return nil }
    let (crop, resize) = seen.size(for: model)
    var chosen: Views =
      switch views {
      case .single: .single
      case .centre: .centre(crop: crop, resize: resize)
      case .tenCrop: .tenCrop(crop: crop, resize: resize)
      case .multiScale:
        .multiScale(
          scales?.values
            ?? Views.multiScale().shorterSides.map {
              Published.scaled($0, by: resize ?? Published.resize, of: Published.resize)
            },
          mirrored: mirror)
      }
    if let average { chosen.average = average }
    chosen.filter = seen.interpolation
    return chosen
  }
}

/// The sizes in the paper's work on ImageNet, and others in their proportion.
enum Published {
  static let crop = 224
  /// Of the shorter side before the crop.
  static let resize = 256

  static func resize(crop: Int) -> Int { scaled(resize, by: crop, of: Self.crop) }

  /// Where that is no image's length, one that is refused.
  static func scaled(_ length: Int, by part: Int, of whole: Int) -> Int {
    let scaled = (Double(length) * Double(part) / Double(whole)).rounded()
    return Int(min(max(scaled, 0), Double(Int32.max)))
  }
}

/// How an image file is resized and cropped.
struct CropOptions: ParsableArguments {
  @Option(
    help: """
      Length of an image's shorter side before it is cropped; 0 to leave it. (default: as the model was \
      trained, or 256; in proportion for crops of another size than 224)
      """)
  var resize: Int?

  @Option(
    help: """
      Height and width of crops. (default: those of the model's mean per pixel, as it was trained, or 224)
      """)
  var crop: Int?

  @Option(help: "How images are resized.")
  var interpolation = ResamplingFilter.bilinear

  func validate() throws { try Self.validate(crop: crop, resize: resize) }

  static func validate(crop: Int?, resize: Int?) throws {
    if let crop, crop < 1 { throw ValidationError("--crop is \(crop), expected 1 pixel or more") }
    if let resize, resize < 0 {
      throw ValidationError(
        "--resize is \(resize), expected a number of pixels, or 0 to leave images as they are")
    }
  }

  /// The size of crops, and of the shorter side before: those asked for, or else those that suit the
  /// model.
  func size(for model: Model) -> (crop: Int, resize: Int?) {
    Self.size(crop: crop, resize: resize, for: model)
  }

  static func size(crop: Int?, resize: Int?, for model: Model?) -> (crop: Int, resize: Int?) {
    let trained = SeenSize(of: model)
    // The mean is what the model takes, whatever was done to it after the training.
    let mean = model?.normalization.meanExtent
    let chosen =
      crop ?? mean.map { min($0.height, $0.width) } ?? trained?.crop ?? Published.crop
    if let resize { return (chosen, resize == 0 ? nil : resize) }
    return (chosen, trained?.crop == chosen ? trained?.resize : Published.resize(crop: chosen))
  }
}

/// Numbers of pixels, separated by commas.
struct Lengths: ExpressibleByArgument {
  let values: [Int]

  init(values: [Int]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Int($0) }
    guard values.count == parts.count else { return nil }
  }
}

extension Views.Average: ExpressibleByArgument {}
extension ResamplingFilter: ExpressibleByArgument {}
