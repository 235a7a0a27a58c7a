// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

@c @implementation
public func rn_model_tensor_info(
  _ model: OpaquePointer?, _ index: Int32, _ info: UnsafeMutablePointer<rn_tensor_info>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(info, "rn_tensor_info", start: "RN_TENSOR_INFO_INIT")
      let tensors = resource.model.layout.tensors
      guard tensors.indices.contains(Int(index)) else {
        throw Failure(
          RN_INVALID_ARGUMENT, "tensor index \(index) is not in 0 ... \(tensors.count - 1)")
      }
      let tensor = tensors[Int(index)]
      func dimension(_ axis: Int) -> Int64 {
        axis < tensor.shape.count ? Int64(tensor.shape[axis]) : 1
      }
      output.write(
        rn_tensor_info(
          size: 0,
          name: try resource.tensorName(Int(index)),
          trainable: tensor.kind.isTrainable ? 1 : 0,
          rank: Int32(clamping: tensor.shape.count),
          shape: (dimension(0), dimension(1), dimension(2), dimension(3)),
          count: Int64(tensor.count)))
    }
  }
}

@c @implementation
public func rn_model_get_tensor(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ values: UnsafeMutablePointer<Float>?,
  _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let tensor = try resource.model.find(try string(name, "name"))
      let values = try output(values, capacity: capacity, needed: tensor.count, "values")
      try resource.model.copy(tensor, to: values)
    }
  }
}

@c @implementation
public func rn_model_set_tensor(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ values: UnsafePointer<Float>?,
  _ count: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      try resource.model.setTensor(
        named: try string(name, "name"), to: try array(values, count: count, "values"))
    }
  }
}
