import ArgumentParser
import ResNet
import ResNetData

/// A trained model that training begins with, and what of it is left as it is.
struct StartOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A model file to begin with instead of random weights: its network, weights and normalisation. For \
      images of other classes, its last layer is drawn anew.
      """, valueName: "file"),
    completion: .file(extensions: ["h5"]))
  var from: String?

  @Option(
    help: ArgumentHelp(
      """
      Layers, blocks and stages of that model that are not trained, such as conv1,bn1,layer1: their \
      weights and BN statistics stay as they are.
      """, valueName: "names"))
  var freeze: NameList?

  func validate() throws {
    if freeze != nil && from == nil {
      throw ValidationError("--freeze is for a trained model: give it by --from")
    }
  }

  /// What training begins with is not to be lost.
  func requireOther(than out: String) throws(ResNetError) {
    guard let from, isSameFile(from, out) else { return }
    throw ResNetError(
      .invalidArgument,
      "--out is \(out), the model that --from begins with: give another file by --out")
  }

  /// The same where a folder's checkpoints keep the best one.
  func requireOther(thanBestIn folder: String) throws(ResNetError) {
    let best = Checkpoints.best(in: folder)
    guard let from, isSameFile(from, best) else { return }
    throw ResNetError(
      .invalidArgument,
      "--checkpoints keeps the best checkpoint as \(best), the model that --from begins with: give another folder by "
        + "--checkpoints")
  }

  /// The model in the file; nil if none is given.
  func model() throws(ResNetError) -> Model? {
    try from.map { path throws(ResNetError) in try loadModel(path) }
  }

  /// The model to train on some images: that one, or with a new classifier if its classes are others; and a
  /// line that says so.
  func adapted(_ model: Model, to data: any TrainingData, seed: UInt64) throws(ResNetError)
    -> (model: Model, note: String)
  {
    let (known, given) = (model.classNames, data.classNames)
    let areNamed = !known.isEmpty && !given.isEmpty
    let note =
      "beginning with \(from ?? "") (\(model.network.name), \(model.network.classes) classes)"
    guard areNamed ? Set(known) == Set(given) : model.network.classes == data.classes else {
      return (
        try model.replacingClassifier(classes: data.classes, seed: seed),
        "\(note); the images' \(data.classes) classes are not these, so \(model.classifierName) is drawn anew"
      )
    }
    return (
      model,
      areNamed
        ? "\(note), as the images have"
        : "\(note), without names: they are taken for the images' classes, in their order; "
          + "`resnet convert --classes` draws a new classifier"
    )
  }
}

extension Model {
  /// Of its last layer.
  fileprivate var classifierName: String {
    layout.tensors.last.map { graph.layers[$0.layer].name } ?? ""
  }
}

/// Names, separated by commas.
struct NameList: ExpressibleByArgument, CustomStringConvertible {
  let names: [String]

  var description: String { names.joined(separator: ",") }

  init?(argument: String) {
    names = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard !names.contains("") else { return nil }
  }
}
