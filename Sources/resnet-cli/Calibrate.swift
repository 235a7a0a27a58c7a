import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compute what training and models need to know of a set of training images.",
    discussion: """
      Without --model, means, deviations and the principal colours are printed. Means and deviations are \
      those of pixels from 0 to 255; eigenvalues and eigenvectors are of the covariance of red, green and \
      blue from 0 to 1, as training's variation of colours takes them.

      With --model, they are put into a model: --normalize has it subtract the mean of each pixel, as \
      the paper does, or of each channel; --statistics replaces BN's running statistics by exact ones, of \
      all that the layers take on these images, as the paper's released models have them. Of a checkpoint \
      the model alone is written.

          resnet calibrate images/train --json
          resnet calibrate images/train --model model.h5 --statistics --out exact.h5
      """)

  @Argument(
    help: "A folder of classes (CLASS/*.jpg or *.png), or a text file that lists files.",
    completion: .file())
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The folder that train takes, with images in train/CLASS.", valueName: "directory"),
    completion: .directory)
  var folder: String?

  @Option(
    name: .customLong("cifar10"),
    help: ArgumentHelp("Directory of the CIFAR-10 binary files.", valueName: "directory"),
    completion: .directory)
  var cifar10: String?

  @Flag(help: "Leave damaged files out, and name them, instead of stopping.")
  var skipDamaged = false

  @Option(help: "How many images, drawn at random. (default: all)")
  var images: Int?

  @Option(help: "Seed of that choice.")
  var seed: UInt64 = 0

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Print the mean of each pixel, too, by channel, row and column; with --json.")
  var pixels = false

  @OptionGroup
  var options: ImageOptions

  enum Normalize: String, ExpressibleByArgument, CaseIterable {
    case pixels, channels
  }

  @Option(
    help: ArgumentHelp("The model file to put them into.", valueName: "file"),
    completion: .file(extensions: ["h5"]))
  var model: String?

  @Option(
    help: """
      What the model is to subtract from pixels: the mean of each (pixels), divided by 255 then, or that \
      of each channel, divided by the deviation (channels).
      """)
  var normalize: Normalize?

  @Flag(help: "Replace BN's running statistics by exact ones.")
  var statistics = false

  @Option(
    help: """
      Images to a batch, by whose own statistics BN normalises meanwhile; only whole batches are taken. \
      (default: all up to 128, or the number from 64 to 128 that leaves out the fewest)
      """)
  var batchSize: Int?

  @Option(
    help: ArgumentHelp("The model file to write.", valueName: "file"),
    completion: .file(extensions: ["h5"]))
  var out: String?

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func validate() throws {
    if [data, folder, cifar10].compactMap(\.self).count != 1 {
      throw ValidationError(
        "give the images once: a folder of classes, a list, --folder or --cifar10")
    }
    if cifar10 != nil {
      for (name, isGiven) in options.given + [("skip-damaged", skipDamaged)] where isGiven {
        throw ValidationError("--\(name) is for image files, and --cifar10 has none")
      }
    }
    if pixels && !json { throw ValidationError("--pixels is for --json") }
    guard model == nil else {
      if normalize == nil && !statistics {
        throw ValidationError(
          "say what is to be put into the model: --normalize, --statistics or both")
      }
      guard let out else { throw ValidationError("give the model file to write by --out") }
      try requireExtension(out, of: [".h5"])
      if json {
        throw ValidationError("--json prints, --model puts into a model: give one of them")
      }
      return
    }
    for (name, isGiven) in [
      ("normalize", normalize != nil), ("statistics", statistics), ("out", out != nil),
    ] where isGiven {
      throw ValidationError("--\(name) is for a model: give it by --model")
    }
  }

  func run() throws {
    if let out { try requireWritableModel(out) }
    try engine.apply()
    let model = try model.map { path throws(ResNetError) in try loadModel(path) }
    let dataset = try dataset(for: model)
    try advisingOnDamage(of: [dataset]) {
      if let model, let out {
        try change(model, by: dataset)
        try model.save(to: out)
      } else {
        show(try Calibration(of: dataset, sample: images, seed: seed), of: dataset)
      }
    }
    printDamage(of: dataset)
    if let out { print("saved \(out)") }
  }

  private func dataset(for model: Model?) throws -> any TrainingData {
    if let cifar10 { return try CIFAR10(directory: cifar10, split: .train) }
    let data =
      if let folder { try trainingFolder(in: folder) } else { self.data ?? "" }
    let seen = options.options(channels: model?.network.inputChannels, for: model)
    return try imageFiles(
      isList(data) ? ImageFiles(list: data) : ImageFiles(folder: data), seen,
      skipDamaged: skipDamaged)
  }

  private func isList(_ path: String) -> Bool {
    path.hasSuffix(".txt") || access(path, F_OK) == 0 && !Directory.isDirectory(path)
  }

  private func change(_ model: Model, by data: any TrainingData) throws {
    if let normalize {
      let result = try Calibration(of: data, sample: images, seed: seed)
      switch normalize {
      case .pixels:
        try model.setNormalization(result.perPixelNormalization(unitScale: data.unitScale))
      case .channels: try model.setNormalization(result.perChannelNormalization)
      }
      try SeenSize.keep(of: data, in: model)
      print("normalisation by \(result.count) images: \(model.normalization.text)")
    }
    if statistics {
      guard model.layout.tensors.contains(where: { $0.kind == .runningMean }) else {
        throw ResNetError(
          .invalidArgument, "\(model.network.name) has no BN, so there are no statistics to replace"
        )
      }
      let used = try model.recomputeStatistics(
        on: data, batchSize: batchSize, images: images, seed: seed)
      let count = model.layout.tensors.count { $0.kind == .runningMean }
      print("statistics of \(count) BN layers replaced by those of \(used) images")
    }
  }

  private func show(_ result: Calibration, of data: any TrainingData) {
    if json {
      var members: [(name: String, value: JSON)] = [
        ("images", .number(result.count)), ("mean", .numbers(result.mean)),
        ("standard_deviation", .numbers(result.standardDeviation)),
      ]
      if let colour = result.colour {
        members += [
          ("eigenvalues", .numbers(colour.eigenvalues)),
          ("eigenvectors", .array(colour.eigenvectors.map { .numbers($0) })),
        ]
      }
      if pixels { members.append(("pixel_mean", planes(result))) }
      print(JSON.object(members))
    } else {
      print("images: \(result.count)")
      print("mean: \(text(result.mean))")
      print("standard_deviation: \(text(result.standardDeviation))")
      if let colour = result.colour {
        print("eigenvalues: \(text(colour.eigenvalues))")
        print("eigenvectors: [\(colour.eigenvectors.map(text).joined(separator: ", "))]")
      }
    }
  }

  private func planes(_ result: Calibration) -> JSON {
    let (height, width) = (result.extent.height, result.extent.width)
    let rows = stride(from: 0, to: result.perPixelMean.count, by: width).map {
      JSON.numbers(Array(result.perPixelMean[$0..<$0 + width]))
    }
    return .array(
      stride(from: 0, to: rows.count, by: height).map { .array(Array(rows[$0..<$0 + height])) })
  }

  private func text(_ values: [Double]) -> String {
    "[" + values.map { fixed($0, decimals: 6) }.joined(separator: ", ") + "]"
  }
}
