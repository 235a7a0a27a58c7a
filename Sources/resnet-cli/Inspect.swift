import ArgumentParser
import ResNet
import ResNetData
import ResNetExchange

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Describe a network, or what is in a file.",
    discussion: """
      A network is shown as in the paper's Table 1: its stages, the sizes of their outputs, parameters and \
      multiply-adds of one image, which is what the paper calls FLOPs. [3x3, 64; 3x3, 64] x 2 are two \
      blocks of two layers of 64 filters each.

      A file may be a model, a checkpoint, or weights of PyTorch, Keras, Caffe, ONNX or safetensors. Every \
      byte of a model is compared with its checksums; of other files names and shapes are read, and of an ONNX \
      graph how it normalises images, its class names and its metadata, too.

          resnet inspect resnet50
          resnet inspect resnet50 --layers --height 320
          resnet inspect model.h5 --json
      """)

  @Argument(
    help: "A preset, such as resnet20 or resnet50, or a file, whose name has a point or a slash.",
    completion: .file())
  var network: String

  @Flag(help: "Print every layer instead of the stages.")
  var layers = false

  @Flag(help: "Print the names and shapes of the tensors, too.")
  var tensors = false

  @Option(
    help: ArgumentHelp(
      "Print a metadata of a model and nothing else, such as resnet.training, the configuration of `resnet train`.",
      valueName: "name"))
  var metadata: String?

  @Flag(help: "Print one object of JSON, with all of it.")
  var json = false

  @OptionGroup
  var size: SizeOptions

  @OptionGroup(title: "Changes to a preset")
  var changes: NetworkOptions

  func validate() throws {
    if isFile(network) && !changes.given.isEmpty {
      throw ValidationError("\(network) is a file: its network cannot be changed by options")
    }
  }

  /// That of the name, if there is one.
  private var preset: Network {
    get throws {
      do {
        return try changes.network(network)
      } catch let error as ResNetError where Directory.isDirectory(network) {
        guard error.kind == .notFound else { throw error }
        throw ResNetError(
          .invalidArgument, "\(network) is a folder, expected a file or the name of a network")
      }
    }
  }

  func run() throws {
    let subject = try isFile(network) ? Subject(file: network) : Subject(preset)
    if let metadata {
      guard let value = subject.metadata[metadata] else {
        let names = subject.metadata.keys.sorted().joined(separator: ", ")
        throw ResNetError(
          .notFound,
          "\(network) has no metadata \"\(metadata)\"; what it has: \(names.isEmpty ? "none" : names)"
        )
      }
      print(value, terminator: value.hasSuffix("\n") ? "" : "\n")
    } else if json {
      print(try subject.json(size))
    } else {
      for line in subject.facts { print(line) }
      if let network = subject.network {
        if !subject.facts.isEmpty { print() }
        let extent = size.extent(of: network, subject.normalization)
        print(
          try layers ? network.summary(input: extent) : network.stageTable(input: extent),
          terminator: "")
      }
      if tensors {
        print()
        for tensor in subject.tensors { print(tensor.text) }
      }
    }
  }
}
