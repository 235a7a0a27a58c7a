// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetCommunicator

@c @implementation
public func rn_trainer_distribute(
  _ trainer: OpaquePointer?, _ communicator: UnsafePointer<rn_communicator>?,
  _ options: UnsafePointer<rn_distributed_options>?
) -> rn_status {
  guarded {
    try using(trainer) { (resource: TrainerResource) in
      var distributed = DistributedOptions()
      if options != nil {
        let options = try structure(
          options, "rn_distributed_options", start: "RN_DISTRIBUTED_OPTIONS_INIT")
        distributed.synchronizesBatchNorm = options.synchronize_bn != 0
        distributed.checkInterval = Int(options.check_interval)
        distributed.bucketBytes = Int(options.bucket_bytes)
      }
      let ranks = try communicator.map {
        try CallbackCommunicator(
          try structure($0, "rn_communicator", start: "RN_COMMUNICATOR_INIT"),
          enter: { FloatMode.hosts($0) })
      }
      try resource.train { try resource.trainer.distribute(over: ranks, options: distributed) }
    }
  }
}
