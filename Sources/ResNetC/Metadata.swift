// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

@c @implementation
public func rn_model_set_metadata(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      try resource.model.setMetadata(
        try value.map { try string($0, "value") }, for: try string(name, "name"))
    }
  }
}

@c @implementation
public func rn_model_metadata(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let name = try string(name, "name")
      guard let value = resource.model.metadata[name] else {
        throw Failure(RN_NOT_FOUND, "the model has no metadata \"\(name)\"")
      }
      try write(value, to: text, capacity: capacity, needed: needed)
    }
  }
}

@c @implementation
public func rn_model_metadata_count(
  _ model: OpaquePointer?, _ count: UnsafeMutablePointer<Int32>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      try required(count, "count").pointee = Int32(resource.model.metadata.count)
    }
  }
}

@c @implementation
public func rn_model_metadata_name(
  _ model: OpaquePointer?, _ index: Int32, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let names = resource.model.metadata.keys.sorted()
      guard names.indices.contains(Int(index)) else {
        throw Failure(
          RN_INVALID_ARGUMENT, "index \(index) is not one of the model's \(names.count) metadata")
      }
      try write(names[Int(index)], to: text, capacity: capacity, needed: needed)
    }
  }
}
