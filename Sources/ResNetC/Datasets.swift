// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

final class DatasetResource: Resource {
  let data: any TrainingData

  init(_ data: any TrainingData) { self.data = data }
}

@c @implementation
public func rn_dataset_create(
  _ images: UnsafePointer<rn_images>?, _ labels: UnsafePointer<Int32>?, _ classes: Int32,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let dataset = try required(dataset, "dataset")
    let images = try ImagesView(images)
    let labels = try array(labels, count: images.count, "labels")
    let data = try ImageDataset(images, labels: labels, classes: Int(classes))
    dataset.pointee = try makeHandle(DatasetResource(data))
  }
}

@c @implementation
public func rn_dataset_split(
  _ dataset: OpaquePointer?, _ count: Int64, _ seed: UInt64,
  _ training: UnsafeMutablePointer<OpaquePointer?>?,
  _ validation: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in
      let training = try required(training, "training")
      let validation = try required(validation, "validation")
      let parts = try resource.data.split(validation: Int(count), seed: seed)
      let first = try makeHandle(DatasetResource(parts.training))
      do {
        validation.pointee = try makeHandle(DatasetResource(parts.validation))
      } catch {
        try freeHandle(first, as: DatasetResource.self)
        throw error
      }
      training.pointee = first
    }
  }
}

@c @implementation
public func rn_dataset_free(_ dataset: OpaquePointer?) -> rn_status {
  guarded(isFreeing: true) { try freeHandle(dataset, as: DatasetResource.self) }
}

@c @implementation
public func rn_dataset_get_info(
  _ dataset: OpaquePointer?, _ info: UnsafeMutablePointer<rn_dataset_info>?
) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in
      let output = try OutputStructure(info, "rn_dataset_info", start: "RN_DATASET_INFO_INIT")
      let data = resource.data
      output.write(
        rn_dataset_info(
          size: 0,
          count: Int64(data.count),
          channels: Int32(clamping: data.channels),
          height: Int32(clamping: data.extent.height),
          width: Int32(clamping: data.extent.width),
          classes: Int32(clamping: data.classes)))
    }
  }
}

@c @implementation
public func rn_dataset_read(
  _ dataset: OpaquePointer?, _ first: Int64, _ count: Int64,
  _ pixels: UnsafeMutablePointer<Float>?, _ pixelCapacity: Int,
  _ labels: UnsafeMutablePointer<Int32>?, _ labelCapacity: Int
) -> rn_status {
  read(dataset, first, count, pixels, pixelCapacity, labels, labelCapacity, variedBy: nil)
}

@c @implementation
public func rn_dataset_read_varied(
  _ dataset: OpaquePointer?, _ first: Int64, _ count: Int64, _ seed: UInt64, _ epoch: Int32,
  _ pixels: UnsafeMutablePointer<Float>?, _ pixelCapacity: Int,
  _ labels: UnsafeMutablePointer<Int32>?, _ labelCapacity: Int
) -> rn_status {
  read(
    dataset, first, count, pixels, pixelCapacity, labels, labelCapacity,
    variedBy: (seed, Int(epoch)))
}

private func read(
  _ dataset: OpaquePointer?, _ first: Int64, _ count: Int64,
  _ pixels: UnsafeMutablePointer<Float>?, _ pixelCapacity: Int,
  _ labels: UnsafeMutablePointer<Int32>?, _ labelCapacity: Int,
  variedBy variation: (seed: UInt64, epoch: Int)?
) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in
      let data = resource.data
      guard first >= 0, first <= data.count, count >= 0, count <= Int64(data.count) - first else {
        throw Failure(
          RN_INVALID_ARGUMENT,
          "\(count) images from \(first) on are not all in 0 ... \(data.count - 1)")
      }
      let imageSize = data.channels * data.extent.height * data.extent.width
      let range = Int(first)..<Int(first + count)
      let pixels = try pixels.map {
        try output($0, capacity: pixelCapacity, needed: range.count * imageSize, "pixels")
      }
      let labels = try labels.map {
        try output($0, capacity: labelCapacity, needed: range.count, "labels")
      }
      try data.read(
        range, variation, imageSize: imageSize, pixels: pixels, labels: labels)
    }
  }
}

extension TrainingData {
  /// Copies images, as they are or as training varies them, and their labels, whichever are asked for.
  fileprivate func read(
    _ range: Range<Int>, _ variation: (seed: UInt64, epoch: Int)?, imageSize: Int,
    pixels: UnsafeMutableBufferPointer<Float>?,
    labels: UnsafeMutableBufferPointer<Int32>?
  ) throws {
    guard pixels != nil || labels != nil else { return }
    // One by one where pixels are not asked for, as their reader needs room for them all the same.
    let portion = min(pixels == nil ? 1 : 256, range.count)
    if pixels == nil {
      try expectMemory(
        portion * imageSize, of: MemoryLayout<Float>.stride, for: "the pixels of an image")
    }
    var sparePixels = [Float](repeating: 0, count: pixels == nil ? portion * imageSize : 0)
    var spareLabels = [Int32](repeating: 0, count: labels == nil ? portion : 0)
    for start in stride(from: 0, to: range.count, by: max(portion, 1)) {
      let part = start..<min(start + portion, range.count)
      let indices = part.map { range.lowerBound + $0 }
      let outcome: Result<Void, any Error> = sparePixels.withUnsafeMutableBufferPointer {
        sparePixels in
        spareLabels.withUnsafeMutableBufferPointer { spareLabels in
          let ownPixels = part.lowerBound * imageSize..<part.upperBound * imageSize
          return Result {
            try read(
              indices[...], normalization: .identity,
              augmentation: variation == nil ? nil : augmentation, seed: variation?.seed ?? 0,
              epoch: variation?.epoch ?? 0,
              images: pixels.map { UnsafeMutableBufferPointer(rebasing: $0[ownPixels]) }
                ?? UnsafeMutableBufferPointer(
                  rebasing: sparePixels[..<(part.count * imageSize)]),
              labels: labels.map { UnsafeMutableBufferPointer(rebasing: $0[part]) }
                ?? UnsafeMutableBufferPointer(rebasing: spareLabels[..<part.count]))
          }
        }
      }
      try outcome.get()
    }
  }
}

@c @implementation
public func rn_model_evaluate(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ metrics: UnsafeMutablePointer<rn_metrics>?
) -> rn_status {
  guarded {
    try using(model) { (model: ModelResource) in
      try using(dataset) { (dataset: DatasetResource) in
        let output = try OutputStructure(metrics, "rn_metrics", start: "RN_METRICS_INIT")
        output.write(rn_metrics(try model.model.evaluate(dataset.data)))
      }
    }
  }
}

@c @implementation
public func rn_model_evaluate_by_class(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ metrics: UnsafeMutablePointer<rn_metrics>?,
  _ confusion: UnsafeMutablePointer<Int64>?, _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (model: ModelResource) in
      try using(dataset) { (dataset: DatasetResource) in
        let output = try OutputStructure(metrics, "rn_metrics", start: "RN_METRICS_INIT")
        let classes = model.model.network.classes
        let counts = try ResNetC.output(
          confusion, capacity: capacity, needed: classes * classes, "confusion")
        let result = try model.model.evaluateByClass(dataset.data)
        output.write(rn_metrics(result.metrics))
        for (index, count) in result.confusion.counts.enumerated() { counts[index] = Int64(count) }
      }
    }
  }
}

@c @implementation
public func rn_model_recompute_statistics(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ batchSize: Int32, _ images: Int64,
  _ seed: UInt64
) -> rn_status {
  guarded {
    try using(model) { (model: ModelResource) in
      try using(dataset) { (dataset: DatasetResource) in
        guard images >= 0 else {
          throw Failure(RN_INVALID_ARGUMENT, "images is \(images), expected 0 or more")
        }
        try model.model.recomputeStatistics(
          on: dataset.data, batchSize: batchSize == 0 ? nil : Int(batchSize),
          images: images == 0 ? nil : Int(images), seed: seed)
      }
    }
  }
}

extension rn_metrics {
  init(_ metrics: Metrics) {
    self.init(
      size: 0, loss: metrics.loss, accuracy: metrics.accuracy,
      top5_accuracy: metrics.top5Accuracy, count: Int64(metrics.count))
  }
}
