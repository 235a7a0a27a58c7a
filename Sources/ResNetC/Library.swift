// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import Glibc
import ResNet

@c @implementation
public func rn_version() -> UnsafePointer<CChar>? { constant(versionLiteral) }

@c @implementation
public func rn_set_threads(_ threads: Int32) -> rn_status {
  guarded { try Engine.setThreads(Int(threads)) }
}

@c @implementation
public func rn_get_threads(_ threads: UnsafeMutablePointer<Int32>?) -> rn_status {
  guarded { try required(threads, "threads").pointee = Int32(clamping: Engine.threads) }
}

@c @implementation
public func rn_set_winograd(_ allowed: Int32) -> rn_status {
  guarded {
    guard allowed == 0 || allowed == 1 else {
      throw ResNetError(.invalidArgument, "allowed is \(allowed), expected 0 or 1")
    }
    Engine.winograd = allowed == 1
  }
}

@c @implementation
public func rn_get_winograd(_ allowed: UnsafeMutablePointer<Int32>?) -> rn_status {
  guarded { try required(allowed, "allowed").pointee = Engine.winograd ? 1 : 0 }
}

@c @implementation
public func rn_get_isa(_ isa: UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> rn_status {
  guarded {
    let isa = try required(isa, "isa")
    isa.pointee = try instructionSetName.get()
  }
}

/// The engine settles its instruction set once, so its name is one string for the whole process.
private nonisolated(unsafe) let instructionSetName: Result<UnsafePointer<CChar>, any Error> =
  Result {
    guard let name = strdup(try Engine.instructionSet()) else {
      throw Failure(RN_OUT_OF_MEMORY, "could not allocate a string")
    }
    return UnsafePointer(name)
  }
