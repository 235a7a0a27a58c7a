import Foundation
import ResNet

/// Classifies images: prints the class that a model finds most probable, and how probable it is.
///
///     classify model.h5 image.ppm ...
///
/// Images are binary PGM (grey) or PPM (colour) files of any size that the network can take.
@main
struct Classify {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    guard let modelPath = arguments.first, arguments.count > 1 else {
      fail("usage: classify MODEL.h5 IMAGE.ppm ...")
    }
    do {
      let model = try Model.open(modelPath)
      for path in arguments.dropFirst() {
        let (name, probability) = try model.bestClass(of: Images(contentsOfPixmap: path))
        print("\(path): \(name) \(String(format: "%.4f", probability))")
      }
    } catch {
      // Errors of the library and of Pixmap say what was wrong with which file.
      fail("classify: \(error)")
    }
  }

  private static func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(EXIT_FAILURE)
  }
}

extension Model {
  /// The most probable class of a single image: its name, or its number where classes have none.
  func bestClass(of image: Images) throws -> (name: String, probability: Float) {
    let probabilities = try probabilities(image)
    // The first of equals, as in the library's own `predict`.
    let best = probabilities.indices.dropFirst().reduce(0) { best, index in
      probabilities[index] > probabilities[best] ? index : best
    }
    return (classNames.isEmpty ? "\(best)" : classNames[best], probabilities[best])
  }
}
