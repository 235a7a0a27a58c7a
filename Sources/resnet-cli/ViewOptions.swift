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
      images), or the whole images at several sizes. (default: CIFAR-10's images as they are, the \
      crop in the middle of image files)
      """)
  var views: Kind?

  @Option(help: "Length of an image's shorter side before it is cropped; 0 to leave it.")
  var resize = 256

  @Option(help: "Height and width of crops.")
  var crop = 224

  @Option(
    help: ArgumentHelp(
      "Lengths of the shorter side for multi-scale, such as 224,256,384.", valueName: "lengths"))
  var scales = Lengths(values: [224, 256, 384, 480, 640])

  @Flag(help: "Score mirror images too, for multi-scale.")
  var mirror = false

  @Option(help: "What is averaged over views. (default: scores for multi-scale, or probabilities)")
  var average: Views.Average?

  @Option(help: "How images are resized.")
  var interpolation = ResamplingFilter.bilinear

  var chosen: Views? {
    guard let views else { return nil }
    let resize = resize == 0 ? nil : resize
    var chosen: Views =
      switch views {
      case .single: .single
      case .centre: .centre(crop: crop, resize: resize)
      case .tenCrop: .tenCrop(crop: crop, resize: resize)
      case .multiScale: .multiScale(scales.values, mirrored: mirror)
      }
    if let average { chosen.average = average }
    chosen.filter = interpolation
    return chosen
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

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}

extension Views.Average: ExpressibleByArgument {}
extension ResamplingFilter: ExpressibleByArgument {}
