// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

@c @implementation
public func rn_model_inference_memory(
  _ model: OpaquePointer?, _ count: Int64, _ height: Int32, _ width: Int32,
  _ memory: UnsafeMutablePointer<rn_memory>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(memory, "rn_memory", start: "RN_MEMORY_INIT")
      output.write(
        rn_memory(
          try resource.model.inferenceMemory(
            count: Int(count), height: Int(height), width: Int(width))))
    }
  }
}

@c @implementation
public func rn_model_training_memory(
  _ model: OpaquePointer?, _ batch: Int64, _ height: Int32, _ width: Int32,
  _ memory: UnsafeMutablePointer<rn_memory>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(memory, "rn_memory", start: "RN_MEMORY_INIT")
      output.write(
        rn_memory(
          try resource.model.trainingMemory(
            batch: Int(batch), height: Int(height), width: Int(width))))
    }
  }
}

extension rn_memory {
  fileprivate init(_ needs: MemoryNeeds) {
    self.init(
      size: 0, parameters: Int64(needs.parameters), packed_weights: Int64(needs.packedWeights),
      gradients: Int64(needs.gradients), momentum: Int64(needs.momentum),
      workspace: Int64(needs.workspace), total: Int64(needs.total))
  }
}
