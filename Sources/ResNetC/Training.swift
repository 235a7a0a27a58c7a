// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

final class TrainerResource: Resource {
  let trainer: Trainer
  private let model: ModelResource
  private var isTraining = false

  init(_ trainer: Trainer, of model: ModelResource) {
    self.trainer = trainer
    self.model = model
  }

  override var parts: [Resource] { [model] }

  /// Runs a step or a fit. A progress callback cannot start another one within it.
  func train(_ body: () throws -> Void) throws {
    guard !isTraining else {
      throw Failure(RN_BUSY, "the trainer is training; a progress callback cannot train with it")
    }
    isTraining = true
    defer { isTraining = false }
    try body()
  }
}

@c @implementation
public func rn_trainer_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<rn_trainer_options>?,
  _ trainer: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let trainer = try required(trainer, "trainer")
      var sgd = SGDOptions()
      if options != nil {
        let options = try structure(
          options, "rn_trainer_options", start: "RN_TRAINER_OPTIONS_INIT")
        sgd.learningRate = options.learning_rate
        sgd.momentum = options.momentum
        sgd.weightDecay = options.weight_decay
        sgd.spareBatchNormAndBiases = options.spare_bn_and_biases != 0
      }
      trainer.pointee = try makeHandle(
        TrainerResource(try Trainer(resource.model, options: sgd), of: resource))
    }
  }
}

@c @implementation
public func rn_trainer_free(_ trainer: OpaquePointer?) -> rn_status {
  guarded(isFreeing: true) { try freeHandle(trainer, as: TrainerResource.self) }
}

@c @implementation
public func rn_trainer_save(_ trainer: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      try resource.trainer.save(to: try string(path, "path"))
    }
  }
}

@c @implementation
public func rn_trainer_load(
  _ path: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ trainer: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    let trainer = try required(trainer, "trainer")
    let loaded = try Trainer.load(from: try string(path, "path"))
    let resource = ModelResource(loaded.model)
    let handle = try makeHandle(resource)
    do {
      trainer.pointee = try makeHandle(TrainerResource(loaded, of: resource))
    } catch {
      try freeHandle(handle, as: ModelResource.self)
      throw error
    }
    model.pointee = handle
  }
}

@c @implementation
public func rn_trainer_set_learning_rate(_ trainer: OpaquePointer?, _ rate: Float) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      try resource.trainer.setLearningRate(rate)
    }
  }
}

@c @implementation
public func rn_trainer_get_learning_rate(
  _ trainer: OpaquePointer?, _ rate: UnsafeMutablePointer<Float>?
) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      try required(rate, "rate").pointee = resource.trainer.learningRate
    }
  }
}

@c @implementation
public func rn_trainer_freeze(
  _ trainer: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int32
) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      let names = try array(names, count: Int(count), "names").map { try string($0, "a name") }
      try resource.train { try resource.trainer.freeze(names) }
    }
  }
}

@c @implementation
public func rn_trainer_iterations(
  _ trainer: OpaquePointer?, _ iterations: UnsafeMutablePointer<Int64>?
) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      try required(iterations, "iterations").pointee = Int64(resource.trainer.iterations)
    }
  }
}

@c @implementation
public func rn_trainer_step(
  _ trainer: OpaquePointer?, _ images: UnsafePointer<rn_images>?, _ labels: UnsafePointer<Int32>?,
  _ loss: UnsafeMutablePointer<Double>?
) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      try resource.trainer.announced {
        let images = try ImagesView(images)
        let labels = try array(labels, count: images.count, "labels")
        let loss = try required(loss, "loss")
        try resource.train { loss.pointee = try resource.trainer.step(images, labels: labels) }
      }
    }
  }
}
