// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet

// What the library tells its host while it works.

@c @implementation
public func rn_set_step_callback(
  _ callback: rn_step_callback?, _ user: UnsafeMutableRawPointer?
) -> rn_status {
  guarded {
    try StepWatcher.setCurrent(
      callback.map { callback in
        { step in
          var report = rn_step(
            size: MemoryLayout<rn_step>.size, what: constant(step.activity.name),
            done: Int64(step.done), total: Int64(step.total))
          return FloatMode.hosts { callback(&report, user) } == 0
        }
      })
  }
}

extension Step.Activity {
  fileprivate var name: StaticString {
    switch self {
    case .training: "training"
    case .evaluating: "evaluating"
    case .testing: "testing"
    case .responses: "responses"
    case .statistics: "statistics"
    case .reading: "reading"
    case .verifying: "verifying"
    case .running: "running"
    }
  }
}

@c @implementation
public func rn_set_log(
  _ level: rn_log_level, _ callback: rn_log_callback?, _ user: UnsafeMutableRawPointer?
) -> rn_status {
  guarded {
    guard let callback else { return try Log.set(.warning, nil) }
    guard let known = Log.Level(rawValue: Int(level.rawValue)) else {
      throw unknown(
        "level", level.rawValue, expected: "RN_LOG_WARNING, RN_LOG_INFO or RN_LOG_DEBUG")
    }
    // The header says on which threads it is called; what it points to is the caller's.
    nonisolated(unsafe) let user = user
    try Log.set(known) { level, message in
      message.withCString { text in
        FloatMode.hosts { callback(rn_log_level(UInt32(level.rawValue)), text, user) }
      }
    }
  }
}
