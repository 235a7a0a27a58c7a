import ArgumentParser
import ResNet
import ResNetData

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compute means, deviations and the principal colours of training images.",
    discussion: """
      Means and deviations are those of pixels from 0 to 255; eigenvalues and eigenvectors are of the \
      covariance of red, green and blue from 0 to 1, as training's variation of colours takes them.
      """)

  @Argument(help: "A folder of classes (CLASS/*.jpg or *.png), or a text file that lists files.")
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The folder that train takes, with images in train/CLASS.", valueName: "directory"))
  var folder: String?

  @Flag(help: "Leave damaged files out, and name them, instead of stopping.")
  var skipDamaged = false

  @Option(help: "How many images, drawn at random. (default: all)")
  var images: Int?

  @Option(help: "Seed of that choice.")
  var seed: UInt64 = 0

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup
  var options: ImageOptions

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func validate() throws {
    if (data == nil) == (folder == nil) {
      throw ValidationError("give the images once: a folder of classes, a list, or --folder")
    }
  }

  func run() throws {
    try engine.apply()
    let data =
      if let folder { try trainingFolder(in: folder) } else { self.data ?? "" }
    let dataset = try imageFiles(
      data.hasSuffix(".txt") ? ImageFiles(list: data) : ImageFiles(folder: data), options.options(),
      skipDamaged: skipDamaged)
    let result = try advisingOnDamage(of: [dataset]) {
      try Calibration(of: dataset, sample: images, seed: seed)
    }
    printDamage(of: dataset)
    var rows = [
      ("mean", text(result.mean)), ("standard_deviation", text(result.standardDeviation)),
    ]
    if let colour = result.colour {
      rows.append(("eigenvalues", text(colour.eigenvalues)))
      rows.append(
        ("eigenvectors", "[" + colour.eigenvectors.map(text).joined(separator: ", ") + "]"))
    }
    if json {
      let members = rows.map { "\"\($0.0)\": \($0.1)" }
      print("{" + (["\"images\": \(result.count)"] + members).joined(separator: ", ") + "}")
    } else {
      print("images: \(result.count)")
      for (name, value) in rows { print("\(name): \(value)") }
    }
  }

  private func text(_ values: [Double]) -> String {
    "[" + values.map { fixed($0, decimals: 6) }.joined(separator: ", ") + "]"
  }
}
