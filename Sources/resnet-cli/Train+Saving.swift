import Glibc
import ResNet

/// Where a training's model is saved.
extension Train {
  /// Saves the model of a training that has ended. If that cannot be, hours of work are not lost: it is saved
  /// elsewhere, and the error says where.
  func save(_ model: Model) throws(ResNetError) {
    do throws(ResNetError) {
      try model.save(to: out)
    } catch {
      guard let path = SpareFile.save(model, called: outName) else { throw error }
      throw ResNetError(error.kind, "\(error.message); the model is in \(path) instead")
    }
  }

  /// Of the file, without its folder and ".h5".
  private var outName: String {
    String(out[(out.lastIndex(of: "/").map(out.index(after:)) ?? out.startIndex)...].dropLast(3))
  }

  /// Saves what was learned until a signal came.
  func finish(_ trainer: Trainer, _ checkpoints: Checkpoints?) throws {
    let stopped = "stopped by \(Interruption.cause)"
    if trainer.iterations == 0 {
      printError("\(stopped) before the first step; nothing was saved")
    } else {
      let saved = try saveUnfinished(trainer, checkpoints)
      printError("\(stopped) after \(counted(trainer.iterations, "step")), \(saved)")
    }
  }

  /// Saves what was learned before the training has ended, and says where: in a checkpoint, if it has those and
  /// one can be written, or else as a model.
  private func saveUnfinished(_ trainer: Trainer, _ checkpoints: Checkpoints?) throws(ResNetError)
    -> String
  {
    var failure: ResNetError?
    if let checkpoints {
      do throws(ResNetError) {
        let path = try checkpoints.save(trainer)
        return "saved \(path); the same command with --resume goes on from there"
      } catch {
        failure = error
      }
    }
    do throws(ResNetError) {
      let path = try SpareFile.saveUnfinished(trainer.model, to: String(out.dropLast(3)))
      return "saved \(path)" + (path == out ? "" : ", as \(out) is there already")
        + (failure.map { ", but no checkpoint: \($0.message)" } ?? "")
        + "; --from \(path) trains it further"
        + (checkpoints == nil ? "; to go on as if it had not stopped needs --checkpoints" : "")
    } catch {
      guard let path = SpareFile.save(trainer.model, called: outName) else { throw error }
      return "saved \(path), as elsewhere it cannot be: \((failure ?? error).message)"
    }
  }

  /// What there is of a training that has failed, in words; nil if nothing is.
  func kept(
    of trainer: Trainer, on data: any TrainingData, _ options: FitOptions,
    _ checkpoints: Checkpoints?, after error: ResNetError
  ) -> String? {
    switch error.kind {
    // What was computed last is ruined.
    case .notFinite:
      checkpoints.map {
        let last = $0.newestSound(on: data, options)
        return
          (last.map { "the last good checkpoint is \($0), from which --from \($0) goes on" }
          ?? "there is no good checkpoint of before: begin anew")
          + ", with a lower --lr and another folder of --checkpoints"
      }
    // Another process has failed, which is no harm, or what is here may not be what it should.
    case .communication where trainer.parting != .stopped: nil
    default:
      (try? saveUnfinished(trainer, checkpoints)).map {
        "after \(counted(trainer.iterations, "step")), \($0)"
      }
    }
  }
}
