import ArgumentParser
import ResNet

/// The size of images that are only thought of.
struct SizeOptions: ParsableArguments {
  @Option(
    help: """
      Height of the images. (default: that of the model's mean per pixel, or 224 for ImageNet, 32 for CIFAR \
      networks)
      """)
  var height: Int?

  @Option(help: "Width of the images. (default: the height)")
  var width: Int?

  func validate() throws {
    if width != nil && height == nil { throw ValidationError("--width needs --height") }
  }

  func extent(of network: Network, _ normalization: Normalization = .identity) -> Extent {
    if let height { return Extent(height: height, width: width ?? height) }
    return normalization.meanExtent ?? network.publishedExtent
  }
}
