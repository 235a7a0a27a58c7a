import CPeak
import ResNet

/// Multiply-adds in registers that touch no memory.
enum Peak {
  /// Operations a second, on all threads.
  static func rate(_ isa: String, seconds: Double) -> Double {
    let rounds: Int64 = 20_000
    let threads = Engine.threads
    let clock = ContinuousClock()
    let start = clock.now
    var flop = 0.0
    repeat {
      // More parts than threads, so that none idles for another for long.
      let parts = 16 * threads
      var done = [Double](repeating: 0, count: parts)
      done.withUnsafeMutableBufferPointer { done in
        ThreadPool.shared.run(parts, workers: threads) { part, _ in
          done[part] = peak_run(isa, rounds)
        }
      }
      flop += done.reduce(0, +)
    } while (clock.now - start) / .seconds(1) < seconds
    return flop / ((clock.now - start) / .seconds(1))
  }
}

extension Graph {
  /// Operations to run one image, two for each multiply-add.
  func inferenceOperations(input: Extent) throws(ResNetError) -> Double {
    2 * Double(try multiplyAdds(input: input))
  }

  /// Operations of a training step per image: the same forwards, for the gradient of the inputs and for that
  /// of the weights, but for what needs none: images, and what frozen layers alone come before.
  func trainingOperations(input: Extent, frozen: Set<Int> = []) throws(ResNetError) -> Double {
    let work = multiplyAddsPerLayer(extents: try extents(input: input))
    /// Whether a layer's output depends on what is trained.
    var isLearned: [Bool] = []
    var operations = 0.0
    for (index, layer) in layers.enumerated() {
      let isTrained = parameterCount(ofLayer: index) > 0 && !frozen.contains(index)
      let hasGradient = layer.inputs.contains { isLearned[$0] }
      isLearned.append(isTrained || hasGradient)
      operations +=
        2 * Double(work[index]) * Double(1 + (isTrained ? 1 : 0) + (hasGradient ? 1 : 0))
    }
    return operations
  }
}
