import Glibc
import ResNet
import ResNetData

/// What is known of a model whose training may have ruined it.
enum Soundness {
  /// A step's worth of images, or fewer: enough to tell.
  private static let images = 16

  /// Throws `notFinite` if a model makes of the first images what are no numbers.
  static func require(of model: Model, on data: any TrainingData) throws(ResNetError) {
    let some = try Subset(data, indices: Array(0..<min(images, data.count)))
    // What else may be wrong with the images is no matter here.
    guard let result = try? model.evaluate(some), !result.loss.isFinite else { return }
    throw ResNetError(
      .notFinite,
      "after the last step the model's scores are not numbers, or infinite; try a lower learning rate"
    )
  }

  /// What is wrong with a model in a file whose scores are not finite.
  static func error(of path: String) -> ResNetError {
    ResNetError(
      .notFinite,
      "the scores of \(path) are not numbers, or infinite: its weights are ruined, as by a training that "
        + "diverged; train it anew with a lower learning rate")
  }

  /// Whether a training can go on from a file with a lower rate: whether the loss of some images, seen as in
  /// training, is less than ten times that of a guess. It rises beyond that well before it is no number, and weights
  /// that large do not come back.
  static func canGoOn(from path: String, on data: any TrainingData) -> Bool {
    let options = FitOptions(iterations: 1, batchSize: min(images, data.count), normalize: .keep)
    guard let model = try? Model.load(from: path),
      let trainer = try? Trainer(model, options: SGDOptions(learningRate: 0)),
      let loss = try? trainer.fit(data, options: options).first?.loss
    else { return false }
    return loss < 10 * log(Double(max(model.network.classes, 2)))
  }
}
