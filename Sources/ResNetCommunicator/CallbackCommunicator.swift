import CResNet
import ResNet

/// A communicator that a program filled in as resnet.h has it.
package final class CallbackCommunicator: Communicator {
  private let callbacks: rn_communicator
  /// Runs a callback in the mode of floating-point arithmetic that the program has.
  private let enter: (() -> Int32) -> Int32

  package var rank: Int { Int(callbacks.rank) }
  package var ranks: Int { Int(callbacks.ranks) }

  /// Throws `invalidArgument` if a callback is missing.
  package init(_ callbacks: rn_communicator, enter: @escaping (() -> Int32) -> Int32)
    throws(ResNetError)
  {
    let missing = [
      ("start_sum", callbacks.start_sum == nil), ("wait", callbacks.wait == nil),
      ("broadcast", callbacks.broadcast == nil), ("barrier", callbacks.barrier == nil),
    ].filter(\.1)
    if let (name, _) = missing.first {
      throw ResNetError(
        .invalidArgument, "the communicator's \(name) is NULL; all of its functions are needed")
    }
    self.callbacks = callbacks
    self.enter = enter
  }

  package func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws(ResNetError)
    -> UnsafeMutableRawPointer?
  { try start(UnsafeMutableRawBufferPointer(values), values.count, RN_SUM_FLOAT) }

  package func startSum(_ values: UnsafeMutableBufferPointer<Double>) throws(ResNetError)
    -> UnsafeMutableRawPointer?
  { try start(UnsafeMutableRawBufferPointer(values), values.count, RN_SUM_DOUBLE) }

  private func start(_ values: UnsafeMutableRawBufferPointer, _ count: Int, _ type: rn_sum_type)
    throws(ResNetError) -> UnsafeMutableRawPointer?
  {
    var sum: UnsafeMutableRawPointer?
    try call("start a sum of \(count) values") {
      callbacks.start_sum(callbacks.user, values.baseAddress, count, type, &sum)
    }
    return sum
  }

  package func wait(for sum: UnsafeMutableRawPointer?) throws(ResNetError) {
    try call("wait for a sum") { callbacks.wait(callbacks.user, sum) }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int)
    throws(ResNetError)
  {
    try call("hand out \(bytes.count) bytes") {
      callbacks.broadcast(callbacks.user, bytes.baseAddress, bytes.count, Int32(root))
    }
  }

  package func barrier() throws(ResNetError) {
    try call("wait for all ranks") { callbacks.barrier(callbacks.user) }
  }

  private func call(_ what: @autoclosure () -> String, _ body: () -> Int32) throws(ResNetError) {
    let status = enter(body)
    guard status != 0 else { return }
    let reason = callbacks.error?(callbacks.user).map { String(cString: $0) } ?? "status \(status)"
    throw ResNetError(
      .communication, "rank \(rank) of \(ranks) could not \(what()): \(reason)")
  }
}
