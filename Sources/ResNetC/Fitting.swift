// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

@c @implementation
public func rn_trainer_fit(
  _ trainer: OpaquePointer?, _ dataset: OpaquePointer?, _ validation: OpaquePointer?,
  _ options: UnsafePointer<rn_fit_options>?
) -> rn_status {
  guarded {
    try using(trainer) { (trainer: TrainerResource) in
      try trainer.trainer.announced {
        try using(dataset) { (dataset: DatasetResource) in
          let options = try options.map {
            try structure($0, "rn_fit_options", start: "RN_FIT_OPTIONS_INIT")
          }
          let fitOptions = try options.map(FitOptions.init) ?? FitOptions()
          let progress = options.flatMap(reporter)
          func fit(validation: (any TrainingData)?) throws {
            try trainer.train {
              try trainer.trainer.fit(
                dataset.data, validation: validation, options: fitOptions, progress: progress)
            }
          }
          if validation == nil {
            try fit(validation: nil)
          } else {
            try using(validation) { (validation: DatasetResource) in
              try fit(validation: validation.data)
            }
          }
        }
      }
    }
  }
}

@c @implementation
public func rn_trainer_history(
  _ trainer: OpaquePointer?, _ callback: rn_progress_callback?, _ user: UnsafeMutableRawPointer?
) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      guard let callback else { throw Failure(RN_INVALID_ARGUMENT, "callback is NULL") }
      for epoch in resource.trainer.epochReports where !report(epoch, to: callback, user) {
        throw Failure(RN_CANCELLED, "the callback stopped after epoch \(epoch.epoch)")
      }
    }
  }
}

extension FitOptions {
  fileprivate init(_ options: rn_fit_options) throws {
    self.init()
    epochs = Int(options.epochs)
    batchSize = Int(options.batch_size)
    if options.pad != 0 || options.mirror != 0 {
      augmentation = Augmentation(padding: Int(options.pad), mirror: options.mirror != 0)
    }
    switch options.normalize {
    case RN_NORMALIZE_AUTO: normalize = .automatic
    case RN_NORMALIZE_KEEP: normalize = .keep
    case RN_NORMALIZE_CHANNELS: normalize = .perChannel
    default:
      throw unknown(
        "normalize", options.normalize.rawValue, expected: "RN_NORMALIZE_AUTO to _CHANNELS")
    }
    let milestones = try array(
      options.milestones, count: Int(options.milestone_count), "milestones")
    schedule = StepSchedule(milestones: milestones.map { Int($0) }, gamma: options.gamma)
    if options.warm_up_rate != 0 || options.warm_up_error != 0 {
      warmUp = WarmUp(rate: options.warm_up_rate, untilError: Double(options.warm_up_error))
    }
    if options.scaled_batch != 0 || options.scaling_steps != 0 {
      scaling = LinearScaling(
        batchSize: Int(options.scaled_batch), warmUpSteps: Int(options.scaling_steps))
    }
    if options.plateau_patience != 0 || options.plateau_threshold != 0 {
      plateau = Plateau(
        patience: Int(options.plateau_patience), threshold: Double(options.plateau_threshold))
    }
    seed = options.seed
    if options.iterations != 0 { iterations = Int(options.iterations) }
    if options.workers != RN_DEFAULT { workers = Int(options.workers) }
    prefetch = Int(options.prefetch)
    resumes = options.resume != 0
  }
}

/// The caller's progress callback as the trainer calls it, if there is one.
private func reporter(_ options: rn_fit_options) -> ((Progress) -> Bool)? {
  options.progress.map { callback in { report($0, to: callback, options.user) } }
}

/// Returns whether to go on.
private func report(
  _ progress: Progress, to callback: rn_progress_callback, _ user: UnsafeMutableRawPointer?
) -> Bool {
  var report = rn_progress(
    size: MemoryLayout<rn_progress>.size,
    epoch: Int32(clamping: progress.epoch),
    epochs: Int32(clamping: progress.epochs),
    step: Int64(progress.step),
    steps: Int64(progress.steps),
    iteration: Int64(progress.iteration),
    loss: progress.loss,
    accuracy: progress.accuracy,
    images_per_second: progress.imagesPerSecond,
    learning_rate: progress.learningRate,
    epoch_ended: progress.epochEnded ? 1 : 0,
    has_validation: progress.validation == nil ? 0 : 1,
    validation_loss: progress.validation?.loss ?? 0,
    validation_accuracy: progress.validation?.accuracy ?? 0)
  return FloatMode.hosts { callback(&report, user) } == 0
}
