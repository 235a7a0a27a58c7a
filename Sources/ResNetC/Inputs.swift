// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

// How a model reads its inputs and names its outputs.

@c @implementation
public func rn_model_set_normalization(
  _ model: OpaquePointer?, _ mean: UnsafePointer<Float>?, _ meanCount: Int, _ height: Int32,
  _ width: Int32, _ scale: UnsafePointer<Float>?, _ scaleCount: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let perPixel = height != 0 || width != 0
      guard !perPixel || height > 0 && width > 0 else {
        throw Failure(
          RN_INVALID_ARGUMENT,
          "height and width are \(height) and \(width), expected both 0 or both positive")
      }
      guard mean != nil || meanCount == 0 && !perPixel else {
        throw Failure(
          RN_INVALID_ARGUMENT, "mean is NULL, so mean_count, height and width must be 0")
      }
      // The counts are settled before that many values are read.
      let channels = resource.model.network.inputChannels
      if mean != nil {
        let pixels = perPixel ? Int(height) * Int(width) : 1
        let (expected, overflow) = pixels.multipliedReportingOverflow(by: channels)
        guard !overflow, meanCount == expected else {
          throw Failure(
            RN_SHAPE_MISMATCH,
            "the mean has \(meanCount) values, expected \(channels) (one per channel)"
              + (perPixel ? " x \(height) x \(width)" : ""))
        }
      }
      guard scaleCount == (scale == nil ? 0 : channels) else {
        throw Failure(
          scale == nil ? RN_INVALID_ARGUMENT : RN_SHAPE_MISMATCH,
          "the scale has \(scaleCount) values, expected one per channel (\(channels)), or none and NULL"
        )
      }
      try expectMemory(meanCount, of: MemoryLayout<Float>.stride, for: "the means")
      try resource.model.setNormalization(
        Normalization(
          mean: Array(try array(mean, count: meanCount, "mean")),
          meanExtent: perPixel ? Extent(height: Int(height), width: Int(width)) : nil,
          scale: Array(try array(scale, count: scaleCount, "scale"))))
    }
  }
}

@c @implementation
public func rn_model_get_normalization(
  _ model: OpaquePointer?, _ mean: UnsafeMutablePointer<Float>?, _ meanCapacity: Int,
  _ meanCount: UnsafeMutablePointer<Int>?, _ height: UnsafeMutablePointer<Int32>?,
  _ width: UnsafeMutablePointer<Int32>?, _ scale: UnsafeMutablePointer<Float>?,
  _ scaleCapacity: Int, _ scaleCount: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let normalization = resource.model.normalization
      let meanCount = try required(meanCount, "mean_count")
      let height = try required(height, "height")
      let width = try required(width, "width")
      let scaleCount = try required(scaleCount, "scale_count")
      let means = try mean.map {
        try output($0, capacity: meanCapacity, needed: normalization.mean.count, "mean")
      }
      let scales = try scale.map {
        try output($0, capacity: scaleCapacity, needed: normalization.scale.count, "scale")
      }
      _ = means?.update(fromContentsOf: normalization.mean)
      _ = scales?.update(fromContentsOf: normalization.scale)
      meanCount.pointee = normalization.mean.count
      height.pointee = Int32(clamping: normalization.meanExtent?.height ?? 0)
      width.pointee = Int32(clamping: normalization.meanExtent?.width ?? 0)
      scaleCount.pointee = normalization.scale.count
    }
  }
}

@c @implementation
public func rn_model_set_class_names(
  _ model: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int32
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let classes = resource.model.network.classes
      guard count == 0 || count == classes else {
        throw Failure(
          RN_SHAPE_MISMATCH, "got \(count) class names for \(classes) classes, expected as many")
      }
      let names = try array(names, count: Int(count), "names")
      try resource.model.setClassNames(
        try names.enumerated().map { try string($1, "names[\($0)]") })
    }
  }
}

@c @implementation
public func rn_model_class_name(
  _ model: OpaquePointer?, _ index: Int32, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let classes = resource.model.network.classes
      guard (0..<classes).contains(Int(index)) else {
        throw Failure(RN_INVALID_ARGUMENT, "class index \(index) is not in 0 ... \(classes - 1)")
      }
      let names = resource.model.classNames
      try write(
        names.isEmpty ? "" : names[Int(index)], to: text, capacity: capacity, needed: needed)
    }
  }
}
