import ArgumentParser
import ResNet
import ResNetData
import ResNetExchange

struct WriteFeatures: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Write what a layer of a saved model makes of images.",
    discussion: """
      The file is what its extension says. In .h5, the dataset `features` has a row for each image (images \
      x channels, or images x channels x height x width), and `images` their paths; .npy has the same \
      array alone, in the order of the images; .csv has a line for each image, its path first.

      Layers are those that --list names; the name of a stage or block, such as layer3 or layer3.1, is its \
      output. avgpool is what the classifier reads.

          resnet features model.h5 --list
          resnet features model.h5 photos --layer avgpool --out features.h5
      """)

  @Argument(help: "A model file (*.h5).", completion: .file(extensions: ["h5"]))
  var model: String

  @OptionGroup
  var images: ImagePaths

  @Option(help: "The layer, block or stage.")
  var layer = "avgpool"

  @Option(
    help: ArgumentHelp("The file to write: *.h5, *.npy or *.csv.", valueName: "file"),
    completion: .file(extensions: ["h5", "npy", "csv"]))
  var out: String?

  @Flag(help: "Print the names of the layers and the shapes of their outputs, and do nothing else.")
  var list = false

  @Flag(help: "Leave damaged files out, and name them, instead of stopping.")
  var skipDamaged = false

  @OptionGroup(title: "How images are seen")
  var seen: CropOptions

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func validate() throws {
    if list {
      guard images.images.isEmpty, out == nil else {
        throw ValidationError("--list names the layers: give no images and no --out with it")
      }
      return
    }
    if images.images.isEmpty {
      throw ValidationError("give images: files, folders, or - for a list on standard input")
    }
    guard let out else {
      throw ValidationError(noting(slipsOf: "out", message: "give the file to write by --out"))
    }
    try requireExtension(out, of: FeatureFile.allCases.map { "." + $0.rawValue })
  }

  func run() throws {
    let model = try openModel(model)
    let (crop, resize) = seen.size(for: model)
    let extent = Extent(height: crop, width: crop)
    if list {
      for name in model.graph.names {
        print("\(name)  \(try model.graph.featureShape(name, input: extent).text)")
      }
      return
    }
    guard let out, let format = FeatureFile(extensionOf: out) else { return }
    try requireWritable(out)
    guard !isSameFile(self.model, out) else {
      throw ResNetError(
        .invalidArgument, "--out is \(out), the model itself: give another file by --out")
    }
    // A table is no newer state of it, as another model may be.
    guard !WeightsFile.claimsToBeModel(out) else {
      throw ResNetError(
        .invalidArgument,
        "--out is \(out), a model of libresnet, which features would replace: give another file, or remove that"
      )
    }
    try engine.apply()
    let shape = try model.graph.featureShape(layer, input: extent)
    let files = try images.files()
    var options = ImageFileDataset.Options()
    options.channels = model.network.inputChannels
    (options.crop, options.resize) = (crop, resize)
    options.filter = seen.interpolation
    let dataset = try imageFiles(
      ImageFiles(paths: files, labels: files.map { _ in 0 }), options, skipDamaged: skipDamaged)
    warnOfPixels(of: dataset, model, self.model)
    let (indices, values) = try advisingOnDamage(of: [dataset]) {
      try features(of: dataset, model, shape)
    }
    printDamage(of: dataset)
    try format.write(values, of: indices.map { files[$0] }, layer: layer, shape: shape, to: out)
    print("\(out): \(layer) of \(indices.count) images, \(shape.text)")
  }

  /// Of the images that can be read, one after the other.
  private func features(of data: ImageFileDataset, _ model: Model, _ shape: FeatureShape)
    throws(ResNetError) -> (indices: [Int], values: [Float])
  {
    let indices = try data.readable()
    let size = data.channels * data.extent.height * data.extent.width
    let portion = max(1, min(32, 8_000_000 / size))
    try expectMemory(
      2 * indices.count * shape.count, of: MemoryLayout<Float>.stride,
      for: "the features of \(indices.count) images")
    var values: [Float] = []
    values.reserveCapacity(indices.count * shape.count)
    for start in stride(from: 0, to: indices.count, by: portion) {
      let some = Array(indices[start..<min(start + portion, indices.count)])
      var pixels: [Float] = []
      pixels.reserveCapacity(some.count * size)
      try data.forEach(some) { pixels += UnsafeBufferPointer(start: $0, count: size) }
      values += try model.features(
        Images(
          .float(pixels), count: some.count, channels: data.channels, height: data.extent.height,
          width: data.extent.width),
        layer: layer
      ).values
    }
    return (indices, values)
  }
}

extension FeatureShape {
  /// Such as `256x14x14`, or `512`.
  fileprivate var text: String { extent.map { "\(channels)x\($0)" } ?? "\(channels)" }
}

extension Graph {
  /// The names of all layers, each followed by those of the blocks and stages that it ends.
  fileprivate var names: [String] {
    func groups(of name: String) -> [String] {
      name.indices.filter { name[$0] == "." }.map { String(name[..<$0]) }
    }
    var last: [String: Int] = [:]
    for (index, layer) in layers.enumerated() {
      for group in groups(of: layer.name) { last[group] = index }
    }
    return layers.enumerated().flatMap { index, layer in
      [layer.name] + groups(of: layer.name).reversed().filter { last[$0] == index }
    }
  }
}
