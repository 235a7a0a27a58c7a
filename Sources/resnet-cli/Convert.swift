import ArgumentParser
import Glibc
import ResNet
import ResNetData
import ResNetExchange

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a model of another program's weights, or write weights for another program.",
    discussion: """
      What IN is, is found from its contents: a model of libresnet, or weights of PyTorch, Keras, Caffe, \
      ONNX or safetensors. OUT is what its extension says: .h5 a model of libresnet, .pth or .pt for \
      PyTorch, .safetensors, .onnx, .weights.h5 for Keras 3, .caffemodel.h5 for Caffe; or what --to says.

      Of a checkpoint the model is taken; none is overwritten. What was understood is printed. Without \
      --partial, a file is refused whose network has tensors that are missing, or that has others besides.

          resnet convert weights.pth model.h5 --preprocessing torch
          resnet convert model.h5 model.onnx
          resnet convert weights.pth start.h5 --classes 12
      """)

  enum Target: String, CaseIterable, ExpressibleByArgument {
    case libresnet, safetensors, pytorch, onnx, keras, keras3, caffe

    /// Nil for a model of this library.
    var format: FileFormat? {
      switch self {
      case .libresnet: nil
      case .safetensors: .safetensors
      case .pytorch: .torch
      case .onnx: .onnx
      case .keras: .keras
      case .keras3: .kerasWeights
      case .caffe: .caffe
      }
    }

    /// Of a format, or without one of this library's models: as --to has it.
    static func name(of format: FileFormat?) -> String {
      allCases.first(where: { $0.format == format })?.rawValue ?? ""
    }

    /// Whether files of it may be called `.h5`, as the library's own are.
    var isHDF5: Bool { [.keras, .caffe].contains(self) }

    init?(extensionOf path: String) {
      guard let match = Self.extensions.first(where: { path.hasSuffix($0.0) }) else { return nil }
      self = match.1
    }

    /// Of two that fit, the first says what it is: `.h5`, which Keras 2 has too, is the library's.
    static let extensions: [(String, Target)] = FileFormat.extensions.compactMap { name, format in
      let target = format == .keras ? .libresnet : allCases.first { $0.format == format }
      return target.map { (name, $0) }
    }
  }

  @Argument(
    help: ArgumentHelp("The file to read.", valueName: "in"),
    completion: .file(extensions: Target.extensions.map { String($0.0.dropFirst()) }))
  var input: String

  @Argument(help: ArgumentHelp("The file to write.", valueName: "out"), completion: .file())
  var output: String

  @Option(help: "What to write, where the extension does not say it; keras is for Keras 2's .h5.")
  var to: Target?

  @Flag(help: "Take what fits of other programs' weights, draw the rest anew, and name it.")
  var partial = false

  @Option(
    help: ArgumentHelp(
      "Draw the last layer anew for so many classes, as to train it on others.", valueName: "number"
    ))
  var classes: Int?

  @Option(
    help: ArgumentHelp("A text file with the names of the classes, one a line.", valueName: "file"),
    completion: .file(extensions: ["txt"]))
  var classNames: String?

  @Option(help: "Seed of the layer that --classes draws.")
  var seed: UInt64 = 0

  @Flag(help: "Print what was understood as one object of JSON.")
  var json = false

  @OptionGroup(title: "What weights of other programs do not say")
  var unsaid: UnsaidOptions

  func validate() throws {
    if let to {
      if to == .keras3 {
        try requireExtension(
          output, of: [".weights.h5"], as: "OUT",
          remedy: ", the only name by which Keras 3 loads weights of its own")
      }
      guard let said = Target(extensionOf: output), said != to, said != .libresnet || !to.isHDF5
      else { return }
      throw ValidationError(
        "OUT is \"\(output)\", a name of \(said.rawValue), and --to is \(to.rawValue): change one of them"
      )
    }
    try requireExtension(
      output, of: Target.extensions.map(\.0), as: "OUT",
      remedy: "; or say by --to what to write")
  }

  func run() throws {
    try requireWritable(output, as: "OUT")
    var (model, report) = try read()
    if let classes {
      let seen = SeenSize(of: model)
      model = try model.replacingClassifier(classes: classes, seed: seed)
      try seen?.keep(in: model)
    }
    if let classNames { try model.setClassNames(lines(of: classNames)) }
    let target = to ?? Target(extensionOf: output) ?? .libresnet
    let replaces = access(output, F_OK) == 0
    if let format = target.format {
      try model.export(to: output, format: format)
    } else {
      try model.save(to: output)
    }
    show(model, report, target, replaced: replaces)
  }

  /// The model in the file; and what was understood of it, if it is another program's.
  private func read() throws -> (Model, ImportReport?) {
    if WeightsFile.claimsToBeModel(input) {
      guard unsaid.areDefault, !partial else {
        throw ResNetError(
          .invalidArgument,
          "\(input) is a model of libresnet, which says all that it is: leave out --partial, "
            + "--preprocessing, --stride-on, --stem-pool, --zero-channels and --plain")
      }
      return (try Model.load(from: input), nil)
    }
    var report = ImportReport()
    let model = try Model.importing(
      input, options: unsaid.options(partial: partial), report: &report)
    return (model, report)
  }

  private func show(
    _ model: Model, _ report: ImportReport?, _ target: Target, replaced: Bool
  ) {
    let lost = Self.lost(of: model, target)
    if json {
      print(
        JSON.object([
          ("input", .string(input)),
          ("format", .string(Target.name(of: report?.format))),
          ("network", .string(model.network.name)), ("classes", .number(model.network.classes)),
          ("imported", .number(report?.imported ?? model.layout.tensors.count)),
          ("notes", .array((report?.notes ?? []).map(\.json))), ("output", .string(output)),
          ("output_format", .string(target.rawValue)), ("replaced", .bool(replaced)),
          ("left_out", .strings(lost)),
        ]))
      return
    }
    if let report {
      print(
        "\(input): \(report.format.title), \(report.imported) of \(model.layout.tensors.count) tensors of "
          + model.network.name)
      for line in Subject.lines(report.notes) { print(line) }
    } else {
      print("\(input): a model of libresnet, \(model.network.name)")
    }
    if classes != nil { print("drawn anew: the last layer, for \(model.network.classes) classes") }
    print(
      (replaced ? "replaced " : "")
        + "\(output): \(target.format.map { "for \($0.title)" } ?? "a model of libresnet")")
    if report != nil, model.normalization == .identity {
      print(
        "its images are not normalised: if they were in training, give --preprocessing torch or caffe"
          + (target.format != nil
            ? ""
            : "; or have `resnet calibrate IMAGES --model \(output) --normalize channels --out OUT`, or pixels, do it "
              + "by those it was trained on"))
    }
    if !lost.isEmpty {
      print("left out, as the format has no place for it: \(lost.joined(separator: ", "))")
    }
  }

  /// What of a model does not go into a file of that kind.
  private static func lost(of model: Model, _ target: Target) -> [String] {
    switch target {
    case .libresnet, .onnx: return []
    case .safetensors, .pytorch, .keras, .keras3, .caffe:
      var lost: [String] = []
      if target != .caffe, model.network.stemPool == .ceil {
        lost.append("the first pooling's kind, which --stem-pool ceil says")
      }
      if model.normalization != .identity { lost.append("the normalisation of images") }
      if !model.classNames.isEmpty { lost.append("the class names") }
      if let seen = SeenSize(of: model) {
        lost.append(
          "the sizes of image files, which --crop \(seen.crop) --resize \(seen.resize ?? 0) say")
      }
      if !model.metadata.isEmpty { lost.append("the metadata") }
      return lost
    }
  }
}

/// What the tensors of a network do not say, of which a file of weights has nothing else.
struct UnsaidOptions: ParsableArguments {
  enum Preprocessing: String, CaseIterable, ExpressibleByArgument {
    case none, torch, caffe

    var value: ImportOptions.Preprocessing {
      switch self {
      case .none: .none
      case .torch: .torch
      case .caffe: .caffe
      }
    }
  }

  @Option(
    help: """
      What is done to RGB pixels from 0 to 255 before the network has them: nothing, what torchvision does \
      (torch), or what Caffe and Keras do (caffe).
      """)
  var preprocessing = Preprocessing.none

  @Option(
    help: """
      The bottleneck convolution that carries the stride. (default: as the format's usual files; 3x3 for \
      PyTorch)
      """)
  var strideOn: Network.BottleneckStride?

  @Option(
    help:
      "How the first pooling of an ImageNet network is padded. (default: as the format's usual files)"
  )
  var stemPool: Network.StemPool?

  @Option(
    help: "Where shortcut A has its zero channels. (default: as in the ports with such names)")
  var zeroChannels: Network.ZeroChannels?

  @Flag(help: "Without projections it is a plain network, not one of shortcut A.")
  var plain = false

  var areDefault: Bool {
    preprocessing == .none && strideOn == nil && stemPool == nil && zeroChannels == nil && !plain
  }

  func options(partial: Bool) -> ImportOptions {
    var options = ImportOptions()
    options.partial = partial
    options.preprocessing = preprocessing.value
    options.bottleneckStride = strideOn
    options.stemPool = stemPool
    options.zeroChannels = zeroChannels
    options.isPlain = plain
    return options
  }
}
