import CPeak
import Glibc
import ResNet

/// Multiply-adds in registers that touch no memory.
enum Peak {
  /// Operations a second, on all threads, with whatever else the machine does meanwhile.
  static func rate(_ isa: String, seconds: Double) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var flop = 0.0
    repeat { flop += run(isa).flop } while (clock.now - start) / .seconds(1) < seconds
    return flop / ((clock.now - start) / .seconds(1))
  }

  /// The same as if the machine did nothing else: by the time that the threads were running.
  static func undisturbedRate(_ isa: String) -> Double {
    var (flop, seconds) = (0.0, 0.0)
    while seconds < 0.1 {
      let part = run(isa)
      flop += part.flop
      seconds += part.threadSeconds
    }
    return flop / seconds * min(Double(Engine.threads), ThreadPool.availableProcessors())
  }

  private static func run(_ isa: String) -> (flop: Double, threadSeconds: Double) {
    let rounds: Int64 = 20_000
    let threads = Engine.threads
    // More parts than threads, so that none idles for another for long.
    let parts = 16 * threads
    var done = [(flop: Double, seconds: Double)](repeating: (0, 0), count: parts)
    done.withUnsafeMutableBufferPointer { done in
      ThreadPool.shared.run(parts, workers: threads) { part, _ in
        let start = threadSeconds()
        done[part] = (peak_run(isa, rounds), 0)
        done[part].seconds = threadSeconds() - start
      }
    }
    return done.reduce((0, 0)) { ($0.0 + $1.flop, $0.1 + $1.seconds) }
  }

  /// For how long the calling thread has been running.
  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
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
