import ArgumentParser
import ResNet

struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a network's layers, parameters and multiply-adds.")

  @Argument(help: "A preset, such as resnet20 or resnet50, or a model file (*.h5).")
  var network: String

  @Option(help: "Height of the images. (default: 224 for ImageNet, 32 for CIFAR networks)")
  var height: Int?

  @Option(help: "Width of the images. (default: the height)")
  var width: Int?

  @OptionGroup(title: "Changes to a preset")
  var changes: NetworkOptions

  private var isFile: Bool { network.hasSuffix(".h5") || network.contains("/") }

  func validate() throws {
    if isFile && !changes.areDefault {
      throw ValidationError("\(network) is a file: its network cannot be changed by options")
    }
    if width != nil && height == nil {
      throw ValidationError("--width needs --height")
    }
  }

  func run() throws {
    let described = isFile ? try Model.open(network).network : try changes.network(network)
    var extent = described.publishedExtent
    if let height { extent = Extent(height: height, width: width ?? height) }
    print(try described.summary(input: extent), terminator: "")
  }
}
