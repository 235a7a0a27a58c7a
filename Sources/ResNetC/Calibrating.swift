// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

@c @implementation
public func rn_dataset_class_name(
  _ dataset: OpaquePointer?, _ index: Int32, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in
      let (classes, names) = (resource.data.classes, resource.data.classNames)
      guard (0..<classes).contains(Int(index)) else {
        throw Failure(RN_INVALID_ARGUMENT, "class index \(index) is not in 0 ... \(classes - 1)")
      }
      try write(
        names.isEmpty ? "" : names[Int(index)], to: text, capacity: capacity, needed: needed)
    }
  }
}

@c @implementation
public func rn_dataset_calibrate(
  _ dataset: OpaquePointer?, _ images: Int64, _ seed: UInt64,
  _ calibration: UnsafeMutablePointer<rn_calibration>?
) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in
      let output = try OutputStructure(calibration, "rn_calibration", start: "RN_CALIBRATION_INIT")
      guard var result = calibration?.pointee else { return }
      let data = resource.data
      // Whether all finds room, before hours of computing.
      let (channels, extent) = (data.channels, data.extent)
      let mean = try result.mean.map {
        try ResNetC.output($0, capacity: result.channel_capacity, needed: channels, "mean")
      }
      let deviation = try result.standard_deviation.map {
        try ResNetC.output(
          $0, capacity: result.channel_capacity, needed: channels, "standard_deviation")
      }
      let perPixelMean = try result.per_pixel_mean.map {
        try ResNetC.output(
          $0, capacity: result.pixel_capacity, needed: channels * extent.height * extent.width,
          "per_pixel_mean")
      }
      let computed = try Calibration(
        of: data, sample: images == 0 ? nil : Int(images), seed: seed)
      _ = mean?.update(fromContentsOf: computed.mean)
      _ = deviation?.update(fromContentsOf: computed.standardDeviation)
      _ = perPixelMean?.update(fromContentsOf: computed.perPixelMean)
      result.count = Int64(computed.count)
      result.has_colour = computed.colour == nil ? 0 : 1
      if let colour = computed.colour {
        copy(colour.eigenvalues, to: &result.eigenvalues)
        copy(colour.eigenvectors.flatMap { $0 }, to: &result.eigenvectors)
      }
      output.write(result)
    }
  }
}
