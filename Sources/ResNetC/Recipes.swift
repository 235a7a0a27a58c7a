// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

@c @implementation
public func rn_recipe_get(
  _ name: UnsafePointer<CChar>?, _ trainer: UnsafeMutablePointer<rn_trainer_options>?,
  _ fit: UnsafeMutablePointer<rn_fit_options>?, _ images: UnsafeMutablePointer<rn_image_options>?,
  _ validationImages: UnsafeMutablePointer<Int64>?
) -> rn_status {
  guarded {
    let recipe = try Recipe.named(try string(name, "name"))
    let trainerOutput = try trainer.map {
      try OutputStructure($0, "rn_trainer_options", start: "RN_TRAINER_OPTIONS_INIT")
    }
    let fitOutput = try fit.map {
      try OutputStructure($0, "rn_fit_options", start: "RN_FIT_OPTIONS_INIT")
    }
    let imageOutput = try images.map {
      try OutputStructure($0, "rn_image_options", start: "RN_IMAGE_OPTIONS_INIT")
    }
    if let validationImages {
      try required(validationImages, "validation_images").pointee = Int64(recipe.validationImages)
    }
    trainerOutput?.write(rn_trainer_options(recipe.sgd))
    fitOutput?.write(rn_fit_options(recipe))
    var options = ImageFileDataset.Options()
    options.variation = recipe.images
    imageOutput?.write(rn_image_options(options))
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
      normalize: rn_normalize(options.normalize),
      milestones: milestones?.baseAddress, milestone_count: Int32(clamping: milestones?.count ?? 0),
      gamma: options.schedule.gamma, seed: options.seed, progress: nil, user: nil,
      warm_up_rate: options.warmUp?.rate ?? 0,
      warm_up_error: Float(options.warmUp?.untilError ?? 0),
      plateau_patience: Int32(clamping: options.plateau?.patience ?? 0),
      plateau_threshold: Float(options.plateau?.threshold ?? 0),
      iterations: Int64(options.iterations ?? 0),
      workers: options.workers.map { Int32(clamping: $0) } ?? RN_DEFAULT,
      prefetch: Int32(clamping: options.prefetch), resume: 0,
      scaling_steps: Int64(options.scaling?.warmUpSteps ?? 0),
      scaled_batch: Int32(clamping: options.scaling?.batchSize ?? 0))
  }
}

extension rn_normalize {
  fileprivate init(_ normalize: FitOptions.Normalize) {
    switch normalize {
    case .automatic: self = RN_NORMALIZE_AUTO
    case .keep: self = RN_NORMALIZE_KEEP
    case .perChannel: self = RN_NORMALIZE_CHANNELS
    }
  }
}

extension rn_image_options {
  fileprivate init(_ options: ImageFileDataset.Options) {
    self.init()
    channels = Int32(clamping: options.channels)
    crop = Int32(clamping: options.crop)
    resize = Int32(clamping: options.resize ?? 0)
    filter = options.filter == .bilinear ? RN_BILINEAR : RN_BICUBIC
    damage = options.damage == .fatal ? RN_DAMAGE_FATAL : RN_DAMAGE_SKIP
    scaled_decoding = options.scaledDecoding ? 1 : 0
    // Of the part that is not varied, and of colours that are not, what the macros have.
    for variation in [ImageVariation.published, .common] { set(variation.part) }
    set(.imageNet)
    variation = RN_VARIATION_NONE
    mirror = 1
    colour_deviation = 0
    guard let chosen = options.variation else { return }
    set(chosen.part)
    mirror = chosen.mirror ? 1 : 0
    if let colour = chosen.colour {
      set(colour)
      colour_deviation = colour.deviation
    }
  }

  private mutating func set(_ part: ImageVariation.Part) {
    switch part {
    case .scaled(let side):
      variation = RN_VARIATION_SCALED
      least_side = Int32(clamping: side?.lowerBound ?? 0)
      most_side = Int32(clamping: side?.upperBound ?? 0)
    case .area(let share, let aspect):
      variation = RN_VARIATION_AREA
      (least_area, most_area) = (share.lowerBound, share.upperBound)
      (least_aspect, most_aspect) = (aspect.lowerBound, aspect.upperBound)
    }
  }

  private mutating func set(_ colour: ColourVariation) {
    copy(colour.eigenvalues, to: &eigenvalues)
    copy(colour.eigenvectors.flatMap(\.self), to: &eigenvectors)
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
