// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

@c @implementation
public func rn_recipe_get(
  _ name: UnsafePointer<CChar>?, _ trainer: UnsafeMutablePointer<rn_trainer_options>?,
  _ fit: UnsafeMutablePointer<rn_fit_options>?, _ validationImages: UnsafeMutablePointer<Int64>?
) -> rn_status {
  guarded {
    let recipe = try Recipe.named(try string(name, "name"))
    let trainerOutput = try trainer.map {
      try OutputStructure($0, "rn_trainer_options", start: "RN_TRAINER_OPTIONS_INIT")
    }
    let fitOutput = try fit.map {
      try OutputStructure($0, "rn_fit_options", start: "RN_FIT_OPTIONS_INIT")
    }
    if let validationImages {
      try required(validationImages, "validation_images").pointee = Int64(recipe.validationImages)
    }
    trainerOutput?.write(rn_trainer_options(recipe.sgd))
    fitOutput?.write(rn_fit_options(recipe))
  }
}

@c @implementation
public func rn_recipe_describe(
  _ name: UnsafePointer<CChar>?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    let recipe = try Recipe.named(try string(name, "name"))
    try write("\(recipe)", to: text, capacity: capacity, needed: needed)
  }
}

extension rn_trainer_options {
  fileprivate init(_ options: SGDOptions) {
    self.init(
      size: 0, learning_rate: options.learningRate, momentum: options.momentum,
      weight_decay: options.weightDecay,
      spare_bn_and_biases: options.spareBatchNormAndBiases ? 1 : 0)
  }
}

extension rn_fit_options {
  fileprivate init(_ recipe: Recipe) {
    let options = recipe.fit
    let milestones = milestonesInMemory[recipe.name]
    self.init(
      size: 0, epochs: Int32(clamping: options.epochs),
      batch_size: Int32(clamping: options.batchSize),
      pad: Int32(clamping: options.augmentation?.padding ?? 0),
      mirror: options.augmentation?.mirror == true ? 1 : 0,
      normalize: options.normalize == .keep ? RN_NORMALIZE_KEEP : RN_NORMALIZE_AUTO,
      milestones: milestones?.baseAddress, milestone_count: Int32(clamping: milestones?.count ?? 0),
      gamma: options.schedule.gamma, seed: options.seed, progress: nil, user: nil,
      warm_up_rate: options.warmUp?.rate ?? 0,
      warm_up_error: Float(options.warmUp?.untilError ?? 0),
      plateau_patience: Int32(clamping: options.plateau?.patience ?? 0),
      plateau_threshold: Float(options.plateau?.threshold ?? 0),
      iterations: Int64(options.iterations ?? 0),
      workers: options.workers.map { Int32(clamping: $0) } ?? RN_DEFAULT,
      prefetch: Int32(clamping: options.prefetch))
  }
}

/// The milestones of each recipe, where callers may point to them for ever.
private nonisolated(unsafe) let milestonesInMemory = Dictionary(
  uniqueKeysWithValues: Recipe.all.map { recipe in
    let values = UnsafeMutableBufferPointer<Int64>.allocate(
      capacity: recipe.fit.schedule.milestones.count)
    _ = values.initialize(from: recipe.fit.schedule.milestones.map(Int64.init))
    return (recipe.name, UnsafeBufferPointer(values))
  })
