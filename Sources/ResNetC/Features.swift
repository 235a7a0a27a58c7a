// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

// What a model computes on the way to its scores.

@c @implementation
public func rn_model_layer_name(
  _ model: OpaquePointer?, _ index: Int32, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let names = resource.model.graph.layers.map(\.name)
      try write(
        element(Int(index), of: names, "layer"), to: text, capacity: capacity, needed: needed)
    }
  }
}

@c @implementation
public func rn_model_feature_shape(
  _ model: OpaquePointer?, _ layer: UnsafePointer<CChar>?, _ height: Int32, _ width: Int32,
  _ shape: UnsafeMutablePointer<rn_feature_shape>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(
        shape, "rn_feature_shape", start: "RN_FEATURE_SHAPE_INIT")
      let found = try resource.model.graph.featureShape(
        try string(layer, "layer"), input: Extent(height: Int(height), width: Int(width)))
      output.write(
        rn_feature_shape(
          size: 0, rank: found.extent == nil ? 1 : 3, channels: Int32(clamping: found.channels),
          height: Int32(clamping: found.extent?.height ?? 1),
          width: Int32(clamping: found.extent?.width ?? 1), count: Int64(found.count)))
    }
  }
}

@c @implementation
public func rn_model_features(
  _ model: OpaquePointer?, _ images: UnsafePointer<rn_images>?, _ layer: UnsafePointer<CChar>?,
  _ features: UnsafeMutablePointer<Float>?, _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let images = try ImagesView(images)
      let layer = try string(layer, "layer")
      let shape = try resource.model.graph.featureShape(layer, input: images.extent)
      let (needed, overflow) = images.count.multipliedReportingOverflow(by: shape.count)
      guard !overflow else {
        throw Failure(
          RN_SHAPE_MISMATCH,
          "\(images.count) images times \(shape.count) values are too many features")
      }
      try resource.model.features(
        images, layer: layer,
        into: try output(features, capacity: capacity, needed: needed, "features"))
    }
  }
}

@c @implementation
public func rn_model_responses(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ deviations: UnsafeMutablePointer<Double>?,
  _ capacity: Int, _ count: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (model: ModelResource) in
      try using(dataset) { (dataset: DatasetResource) in
        let needed = model.model.graph.responseLayers.count
        try required(count, "count").pointee = needed
        guard let deviations else { return }
        let values = try output(deviations, capacity: capacity, needed: needed, "deviations")
        for (index, response) in try model.model.responses(dataset.data).enumerated() {
          values[index] = response.standardDeviation
        }
      }
    }
  }
}

@c @implementation
public func rn_model_response_layer(
  _ model: OpaquePointer?, _ index: Int32, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let graph = resource.model.graph
      let names = graph.responseLayers.map { graph.layers[$0.batchNorm].name }
      try write(
        element(Int(index), of: names, "response"), to: text, capacity: capacity, needed: needed)
    }
  }
}

private func element(_ index: Int, of names: [String], _ what: String) throws -> String {
  guard names.indices.contains(index) else {
    throw Failure(
      RN_INVALID_ARGUMENT, "\(what) index \(index) is not in 0 ... \(names.count - 1)")
  }
  return names[index]
}
