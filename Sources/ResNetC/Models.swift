// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import Glibc
import ResNet
import ResNetExchange

final class ModelResource: Resource {
  let model: Model
  private var names: [UnsafeMutablePointer<CChar>] = []

  /// Of the last import into the model.
  private(set) var imported: ImportNotes?

  init(_ model: Model, _ imported: ImportNotes? = nil) {
    self.model = model
    self.imported = imported
  }

  deinit {
    for name in names { free(name) }
  }

  /// Imports into the model, and keeps the report, whether it succeeds or not.
  func reporting(_ body: (inout ImportReport) throws(ResNetError) -> Void) throws {
    var report = ImportReport()
    defer { imported = ImportNotes(report) }
    try body(&report)
  }

  /// The name of tensor `index` as a C string that lives as long as the model.
  func tensorName(_ index: Int) throws -> UnsafePointer<CChar> {
    if names.isEmpty {
      let copies = model.layout.tensors.map { strdup($0.name) }
      names = copies.compactMap(\.self)
      if names.count < copies.count {
        for name in names { free(name) }
        names = []
        throw Failure(RN_OUT_OF_MEMORY, "could not allocate the names of the tensors")
      }
    }
    return UnsafePointer(names[index])
  }
}

@c @implementation
public func rn_model_create(
  _ preset: UnsafePointer<CChar>?, _ options: UnsafePointer<rn_model_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    let name = try string(preset, "preset")
    let options = try options.map {
      try structure($0, "rn_model_options", start: "RN_MODEL_OPTIONS_INIT")
    }
    let network = try Network.preset(name, options: options)
    model.pointee = try makeHandle(
      ModelResource(try Model(network, seed: options?.seed ?? 0)))
  }
}

@c @implementation
public func rn_model_create_described(
  _ description: UnsafePointer<rn_description>?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    let description = try structure(
      description, "rn_description", start: "RN_DESCRIPTION_INIT")
    let network = try Network(description)
    model.pointee = try makeHandle(ModelResource(try Model(network, seed: description.seed)))
  }
}

@c @implementation
public func rn_model_replace_classifier(
  _ model: OpaquePointer?, _ classes: Int32, _ seed: UInt64,
  _ replaced: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let replaced = try required(replaced, "replaced")
      replaced.pointee = try makeHandle(
        ModelResource(try resource.model.replacingClassifier(classes: Int(classes), seed: seed)))
    }
  }
}

@c @implementation
public func rn_model_free(_ model: OpaquePointer?) -> rn_status {
  guarded(isFreeing: true) { try freeHandle(model, as: ModelResource.self) }
}

@c @implementation
public func rn_model_save(_ model: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      try resource.model.save(to: try string(path, "path"))
    }
  }
}

@c @implementation
public func rn_model_load(
  _ path: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    let path = try string(path, "path")
    model.pointee = try makeHandle(ModelResource(try Model.load(from: path)))
  }
}

@c @implementation
public func rn_model_open(
  _ path: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    let path = try string(path, "path")
    model.pointee = try makeHandle(ModelResource(try Model.open(path)))
  }
}

@c @implementation
public func rn_model_get_info(
  _ model: OpaquePointer?, _ info: UnsafeMutablePointer<rn_model_info>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(info, "rn_model_info", start: "RN_MODEL_INFO_INIT")
      let (network, graph) = (resource.model.network, resource.model.graph)
      let extent = network.publishedExtent
      output.write(
        rn_model_info(
          size: 0,
          classes: Int32(clamping: network.classes),
          input_channels: Int32(clamping: network.inputChannels),
          input_height: Int32(clamping: extent.height),
          input_width: Int32(clamping: extent.width),
          weighted_layers: Int32(clamping: graph.weightedLayers),
          tensors: Int32(clamping: resource.model.layout.tensors.count),
          parameters: Int64(graph.parameterCount),
          multiply_adds: Int64(try graph.multiplyAdds(input: extent)),
          layers: Int32(clamping: graph.layers.count)))
    }
  }
}

@c @implementation
public func rn_model_summary(
  _ model: OpaquePointer?, _ height: Int32, _ width: Int32, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let network = resource.model.network
      let extent =
        height == 0 && width == 0
        ? network.publishedExtent : Extent(height: Int(height), width: Int(width))
      let summary = try resource.model.graph.summary(name: network.name, input: extent)
      try write(summary, to: text, capacity: capacity, needed: needed)
    }
  }
}

@c @implementation
public func rn_model_name(
  _ model: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      try write(resource.model.network.name, to: text, capacity: capacity, needed: needed)
    }
  }
}
