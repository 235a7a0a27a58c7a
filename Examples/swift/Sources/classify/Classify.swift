import Foundation
import ResNet
import ResNetData

/// Classifies images: prints the class that a model finds most probable, and how probable it is.
///
///     classify model.h5 image.jpg ...
///
/// Images are JPEG and PNG files. An ImageNet model sees the middle of each as the paper does (the shorter
/// side resized to 256, of that 224 x 224), other models see the image as it is.
@main
struct Classify {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    guard let modelPath = arguments.first, arguments.count > 1 else {
      fail("usage: classify MODEL.h5 IMAGE.jpg ...")
    }
    var what = modelPath
    do {
      let model = try Model.open(modelPath)
      for path in arguments.dropFirst() {
        what = path
        let (name, probability) = try model.bestClass(ofFile: path)
        print("\(path): \(name) \(String(format: "%.4f", probability))")
      }
    } catch {
      fail("classify: \(what): \(error)")
    }
  }

  private static func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(EXIT_FAILURE)
  }
}

extension Model {
  /// The most probable class of an image: its name, or its number where classes have none.
  func bestClass(ofFile path: String) throws -> (name: String, probability: Float) {
    let image = try Raster(contentsOf: path, channels: network.inputChannels)
    let view = network.publishedExtent.height == 224 ? try image.centre() : image
    let probabilities = try probabilities(view.images)
    // The first of equals, as in the library's own `predict`.
    let best = probabilities.indices.dropFirst().reduce(0) { best, index in
      probabilities[index] > probabilities[best] ? index : best
    }
    return (classNames.isEmpty ? "\(best)" : classNames[best], probabilities[best])
  }
}
