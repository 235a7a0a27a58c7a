import Glibc
import ResNet

/// Memory that is used again and again, and grows to what was needed most.
final class Scratch<Value: BitwiseCopyable> {
  private var memory: UnsafeMutablePointer<Value>?
  private var capacity = 0

  deinit { free(memory) }

  /// Room for `count` values, whatever they were.
  func reserve(_ count: Int) throws(ResNetError) -> UnsafeMutablePointer<Value> {
    if let memory, count <= capacity { return memory }
    free(memory)
    memory = nil
    capacity = 0
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(
      by: MemoryLayout<Value>.stride)
    guard !overflow, let block = malloc(bytes) else {
      throw ResNetError(.outOfMemory, "could not allocate \(count) values for an image")
    }
    let typed = block.bindMemory(to: Value.self, capacity: count)
    memory = typed
    capacity = count
    return typed
  }
}
