import Glibc
import ResNet
import ResNetData

/// What is known of a model whose training may have ruined it.
enum Soundness {
  /// Enough to tell.
  private static let images = 16

  /// Throws `notFinite` if a model makes of some images what are no numbers.
  static func require(of model: Model, on data: any TrainingData) throws(ResNetError) {
    let count = min(images, data.count)
    let some = try Subset(data, indices: (0..<count).map { $0 * data.count / count })
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

  /// Whether a training can go on from a checkpoint with a lower rate: whether the loss of its next step is less
  /// than ten times that of a guess among ten classes or more. Beyond that it is long before it is no number, and
  /// weights that large do not come back. What cannot be tried is not held against it.
  static func canGoOn(from path: String, on data: any TrainingData, _ options: FitOptions) -> Bool {
    var step = options
    step.iterations = 1
    step.batchSize = min(images, options.batchSize, data.count)
    step.workers = 0
    step.plateau = nil
    step.resumes = false
    do throws(ResNetError) {
      let trainer = try Trainer.load(from: path)
      let loss = try trainer.fit(data, options: step).first?.loss ?? .infinity
      return loss < 10 * log(Double(max(trainer.model.network.classes, 10)))
    } catch {
      return error.kind != .notFinite && error.kind != .badFormat
    }
  }
}
