// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

extension ImagesView {
  /// The caller's images, where they lie.
  init(_ images: UnsafePointer<rn_images>?) throws {
    let images = try structure(images, "rn_images", start: "RN_IMAGES_F32 or RN_IMAGES_U8")
    guard let pixels = images.pixels else {
      throw Failure(RN_INVALID_ARGUMENT, "the pixels of rn_images are NULL")
    }
    switch images.type {
    case RN_UINT8: break
    case RN_FLOAT32: try checkAlignment(pixels, of: Float.self, "the address of float pixels")
    default: throw unknown("type", images.type.rawValue, expected: "RN_FLOAT32 or RN_UINT8")
    }
    let (channels, height, width) = (Int(images.channels), Int(images.height), Int(images.width))
    _ = try ImagesView.pixelCount(
      count: Int(images.count), channels: channels, height: height, width: width)
    self.init(
      pixels: pixels, isBytes: images.type == RN_UINT8, count: Int(images.count),
      channels: channels, extent: Extent(height: height, width: width))
  }
}

@c @implementation
public func rn_model_logits(
  _ model: OpaquePointer?, _ images: UnsafePointer<rn_images>?,
  _ scores: UnsafeMutablePointer<Float>?, _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let images = try ImagesView(images)
      try resource.model.logits(
        images, into: try resource.output(scores, capacity: capacity, for: images, "scores"))
    }
  }
}

@c @implementation
public func rn_model_probabilities(
  _ model: OpaquePointer?, _ images: UnsafePointer<rn_images>?,
  _ probabilities: UnsafeMutablePointer<Float>?, _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let images = try ImagesView(images)
      try resource.model.probabilities(
        images,
        into: try resource.output(probabilities, capacity: capacity, for: images, "probabilities"))
    }
  }
}

@c @implementation
public func rn_model_predict(
  _ model: OpaquePointer?, _ images: UnsafePointer<rn_images>?,
  _ labels: UnsafeMutablePointer<Int32>?, _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let images = try ImagesView(images)
      try resource.model.predict(
        images, into: try output(labels, capacity: capacity, needed: images.count, "labels"))
    }
  }
}

extension ModelResource {
  /// Room for one score per image and class.
  func output(
    _ scores: UnsafeMutablePointer<Float>?, capacity: Int, for images: ImagesView, _ name: String
  ) throws -> UnsafeMutableBufferPointer<Float> {
    let (needed, overflow) = images.count.multipliedReportingOverflow(by: model.network.classes)
    guard !overflow else {
      throw Failure(
        RN_SHAPE_MISMATCH,
        "\(images.count) images times \(model.network.classes) classes are too many scores")
    }
    return try ResNetC.output(scores, capacity: capacity, needed: needed, name)
  }
}
