import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on images and save it.",
    discussion: """
      The defaults are those of section 4.2 of the paper: momentum 0.9, weight decay 0.0001, crops \
      out of images padded by 4 pixels, mirror images, and a learning rate that drops to a tenth \
      at one half and at three quarters of the steps. The paper trains for 164 epochs.
      """)

  @OptionGroup(title: "Images")
  var data: DataOptions

  @Option(help: "A preset: resnetN or plainN with N = 6n+2, or an ImageNet network.")
  var network = "resnet20"

  @Option(help: "How often every training image is drawn.")
  var epochs = 10

  @Option(help: "Images of a step.")
  var batchSize = 128

  @Option(name: .customLong("lr"), help: "Learning rate of the first step.")
  var learningRate: Float = 0.1

  @Option(help: "Momentum of SGD.")
  var momentum: Float = 0.9

  @Option(help: "Weight decay.")
  var weightDecay: Float = 1e-4

  @Option(
    help: ArgumentHelp(
      "Steps after which the learning rate drops to a tenth, such as 32000,48000.",
      valueName: "steps"))
  var milestones: Milestones?

  @Option(help: "Seed of the weights, of the order of the images and of their augmentation.")
  var seed: UInt64 = 0

  @Flag(help: "Train on CIFAR-10's images as they are.")
  var noAugmentation = false

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  @Option(help: ArgumentHelp("The file to save the model to.", valueName: "file"))
  var out = "model.h5"

  @OptionGroup(title: "Changes to the preset")
  var changes: NetworkOptions

  func run() throws {
    try requireWritableDirectory(of: out)
    try engine.apply()
    let training = try data.training()
    let test = try data.test()

    let described = try changes.network(network, defaultClasses: training.classes)
    let model = try Model(described, seed: seed)
    let trainer = try Trainer(
      model,
      options: SGDOptions(
        learningRate: learningRate, momentum: momentum, weightDecay: weightDecay))

    let progressLine = ProgressLine()
    let history = try trainer.fit(
      training, validation: test, options: fitOptions(imageCount: training.count)
    ) { progress in
      progressLine.show(progress)
      return true
    }
    try model.save(to: out)
    for data in [training, test] { printDamage(of: data) }
    if let result = history.last?.validation {
      print("test accuracy \(percent(result.accuracy)) of \(result.count) images, saved \(out)")
    }
  }

  private func fitOptions(imageCount: Int) -> FitOptions {
    // What is out of range here is refused by `fit`.
    let steps = max(epochs, 0).multipliedReportingOverflow(by: imageCount / max(batchSize, 1))
    let published = [steps.partialValue / 2, steps.partialValue / 4 * 3]
      .filter { !steps.overflow && $0 > 0 }
    return FitOptions(
      epochs: epochs, batchSize: batchSize,
      augmentation: noAugmentation || data.folder != nil ? nil : .cifar,
      schedule: StepSchedule(milestones: milestones?.steps ?? published), seed: seed)
  }
}

/// Step numbers, separated by commas.
struct Milestones: ExpressibleByArgument {
  let steps: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    steps = parts.compactMap { Int($0) }
    guard steps.count == parts.count else { return nil }
  }
}

/// Hours of training must not end with a file that cannot be written.
private func requireWritableDirectory(of path: String) throws(ResNetError) {
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  guard access(directory, W_OK) == 0 else {
    throw ResNetError(
      .inputOutput, "cannot write to \(path): \(directory): \(String(cString: strerror(errno)))")
  }
}
