import ResNet
import ResNetData

/// Whether a training that is resumed is the one that was begun.
extension Train {
  /// Throws, with what differs, unless a checkpoint is of the training that the options say.
  func require(
    _ trainer: Trainer, from path: String, isOf network: Network, _ recipe: Recipe,
    _ configuration: Settings
  ) throws(ResNetError) {
    let begun = try trainer.model.metadata[Configuration.metadataName].map {
      text throws(ResNetError) in
      try Settings(text, path: path).replacing("from", with: resolvedPath)
    }
    let configuration = configuration.replacing("from", with: resolvedPath)
    let isSame = trainer.model.network == network && trainer.options == recipe.sgd
    guard
      !isSame
        || ["from", "freeze", "sync-bn", "no-winograd"].contains(where: {
          begun?[$0] != configuration[$0]
        })
    else {
      return
    }
    var message = "\(path) is of another training than the options say"
    if let begun {
      message += ": \(configuration.differences(from: begun).joined(separator: ", "))"
    }
    throw ResNetError(
      .invalidArgument, "\(message); give those with which it was begun, or choose another folder")
  }

  /// Throws what `fit` does, all of whose steps are taken, if the options or images are not those that it was
  /// begun with.
  func requireSame(
    _ trainer: Trainer, _ training: any TrainingData, _ validation: (any TrainingData)?,
    _ options: FitOptions
  ) throws(ResNetError) {
    do throws(ResNetError) {
      // What is left is to evaluate the last epoch.
      _ = try withStepWatcher(
        { _ in false },
        { () throws(ResNetError) in
          try trainer.fit(training, validation: validation, options: options)
        })
    } catch {
      guard error.kind == .cancelled else { throw error }
    }
  }

  /// Whether a file is a model with the same weights.
  func holds(_ path: String, _ model: Model) -> Bool {
    guard let saved = try? Model.load(from: path), saved.network == model.network,
      saved.normalization == model.normalization, saved.classNames == model.classNames
    else { return false }
    return model.layout.tensors.allSatisfy { tensor in
      (try? saved.tensor(named: tensor.name)) == (try? model.tensor(named: tensor.name))
    }
  }
}
