import Glibc
import ResNet

/// Where a training's model is saved.
extension Train {
  /// Saves the model of a training that has ended. If that cannot be, hours of work are not lost: it is saved
  /// among the temporary files then, and the error says where.
  func save(_ model: Model) throws(ResNetError) {
    do throws(ResNetError) {
      try model.save(to: out)
    } catch {
      let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      let other = "\(folder)/resnet-\(getpid()).h5"
      guard (try? model.save(to: other)) != nil else { throw error }
      throw ResNetError(error.kind, "\(error.message); the model is in \(other) instead")
    }
  }

  /// Where the model of a training that did not come to its end is saved: in the place of no other, which may be
  /// better.
  private var unfinishedOut: String {
    var (path, number) = (out, 1)
    while access(path, F_OK) == 0 {
      path = "\(out.dropLast(3))-unfinished\(number == 1 ? "" : "-\(number)").h5"
      number += 1
    }
    return path
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
    let path = unfinishedOut
    do throws(ResNetError) {
      try trainer.model.save(to: path)
    } catch {
      throw failure ?? error
    }
    return "saved \(path)" + (path == out ? "" : ", as \(out) is there already")
      + (failure.map { ", but no checkpoint: \($0.message)" } ?? "")
  }

  /// What there is of a training that has failed, in words; nil if nothing is.
  func kept(of trainer: Trainer, _ checkpoints: Checkpoints?, after error: ResNetError) -> String? {
    switch error.kind {
    // What was computed last is ruined.
    case .notFinite:
      (try? checkpoints?.newest()).map {
        "the last checkpoint before is \($0), from which --from \($0) with a lower --lr and another folder of "
          + "--checkpoints goes on"
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
