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
      .invalidArgument,
      "\(message); give those with which it was begun, \(Self.elsewhere(than: path))")
  }

  /// What else can be done than to resume a checkpoint.
  private static func elsewhere(than path: String) -> String {
    "choose another folder by --checkpoints, or train its model further by --from \(path)"
  }

  /// An error that ended a training or kept it from going on; with what to do about it, if the checkpoint at `path`
  /// is of a training with other options or images.
  func advising(_ error: ResNetError, onResuming path: String?) -> ResNetError {
    guard let path, error.kind == .invalidArgument,
      error.message.hasPrefix("the training that is to be resumed")
    else { return error }
    return ResNetError(
      error.kind, "\(error.message): give it as it was, \(Self.elsewhere(than: path))")
  }

  /// Throws what `fit` does, all of whose steps are taken, if the options or images are not those that it was
  /// begun with.
  func requireSame(
    _ trainer: Trainer, from path: String, _ training: any TrainingData,
    _ validation: (any TrainingData)?, _ options: FitOptions
  ) throws(ResNetError) {
    do throws(ResNetError) {
      // What is left is to evaluate the last epoch.
      _ = try withStepWatcher(
        { _ in false },
        { () throws(ResNetError) in
          try trainer.fit(training, validation: validation, options: options)
        })
    } catch {
      guard error.kind == .cancelled else { throw advising(error, onResuming: path) }
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

/// The instruction sets that compute a training, in their order: those that it was `begun` with, if it goes on, and
/// this process's. Says so if they are several.
func instructionSets(begunWith begun: String?) throws(ResNetError) -> String {
  let now = try Engine.instructionSet()
  guard let begun, begun != now else { return now }
  warn(
    "the training was computed with \(begun) so far, and \(now) rounds otherwise: it goes on, but ends with other "
      + "bits than if it had not stopped"
      + (begun.contains("," as Character)
        ? "" : "; on a processor that has \(begun), RESNET_ISA=\(begun) keeps to it"))
  return begun.split(separator: ",").last.map(String.init) == now ? begun : "\(begun),\(now)"
}
