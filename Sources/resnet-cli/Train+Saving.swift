import ResNet

/// What there is of a training that did not come to its end.
extension Train {
  /// Saves what was learned until a signal came.
  func finish(_ trainer: Trainer, _ checkpoints: Checkpoints?) throws {
    let stopped = "stopped by \(Interruption.cause)"
    if trainer.iterations == 0 {
      printError("\(stopped) before the first step; nothing was saved")
    } else {
      printError(
        "\(stopped) after \(trainer.iterations) steps, \(try save(trainer, checkpoints))")
    }
  }

  /// Saves what was learned before the training has ended, and says where: in a checkpoint, if it has those and
  /// one can be written, or else as a model.
  private func save(_ trainer: Trainer, _ checkpoints: Checkpoints?) throws(ResNetError) -> String {
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
      try trainer.model.save(to: out)
    } catch {
      throw failure ?? error
    }
    return "saved \(out)" + (failure.map { ", but no checkpoint: \($0.message)" } ?? "")
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
      (try? save(trainer, checkpoints)).map { "after \(trainer.iterations) steps, \($0)" }
    }
  }
}
