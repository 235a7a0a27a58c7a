import CKernels

/// How strong a layer's response is: the standard deviation of its output after BN and before the
/// nonlinearity or the addition (section 4.2, "Analysis of Layer Responses", Figure 7).
public struct LayerResponse: Hashable, Sendable {
  /// Of the BN layer, such as `layer1.0.bn2`.
  public let name: String
  /// The side of the convolution's kernel before it: the figure has the 3x3 layers.
  public let kernel: Int
  /// Over all images, channels and positions.
  public let standardDeviation: Double
}

extension Model {
  /// The response of every convolution with BN to a dataset, in inference mode: BN on its running
  /// statistics, the images normalised and not augmented. In the order of the graph's layers,
  /// projection shortcuts included.
  ///
  /// Throws as ``evaluate(_:)``, and `invalidArgument` for a network without BN.
  public func responses(_ data: any TrainingData) throws(ResNetError) -> [LayerResponse] {
    try validate(data, normalization: normalization, role: "evaluation")
    let layers = graph.responseLayers
    guard !layers.isEmpty else {
      throw ResNetError(
        .invalidArgument, "\(network.name) has no convolution with BN, so it has no responses")
    }
    let target = try PlanTarget.current()
    let indices = try data.readable()
    let size = min(evaluationBatch(data), indices.count, try imagesPerPlan(data.extent))
    let loader = try BatchLoader(
      .init(data: data, normalization: normalization), batchSize: size,
      requests: SequentialBatches(indices, batchSize: size))
    var totals = [Moments](repeating: Moments(), count: layers.count)
    var current: (plan: InferencePlan, arena: Arena)?
    var steps = Steps(.responses, of: indices.count)
    while let batch = try loader.next() {
      if current?.plan.batch != batch.count {
        current = nil
        let plan = try InferencePlan(
          graph, layout: layout, extent: data.extent, batch: batch.count, target: target,
          responses: Set(layers.map(\.batchNorm)))
        current = (plan, try Arena(plan.layout))
      }
      guard let (plan, arena) = current else { continue }
      let pool = ThreadPool.shared
      let weights = inference.currentWeights(self)
      try weights.prepare(plan, target: target, pool: pool)
      try batch.view.load(
        normalization: .identity, into: arena[plan.input], pool: pool, workers: arena.workers)
      try plan.run(weights, in: arena, target: target, pool: pool)
      weights.keep()
      let moments = plan.moments(graph, in: arena, pool: pool)
      for index in totals.indices { totals[index].add(moments[index]) }
      try steps.advance(by: batch.count)
    }
    return zip(layers, totals).map { layer, total in
      LayerResponse(
        name: graph.layers[layer.batchNorm].name, kernel: layer.kernel,
        standardDeviation: total.variance.squareRoot())
    }
  }
}

extension Graph {
  /// The BN layers that follow convolutions, whose outputs ``Model/responses(_:)`` measures, and those
  /// convolutions' kernels.
  package var responseLayers: [(batchNorm: Int, kernel: Int)] {
    layers.indices.compactMap { index in
      guard layers[index].operation == .batchNorm else { return nil }
      return switch layers[layers[index].inputs[0]].operation {
      case .convolution(let kernel, _, _, _): (index, kernel)
      case .linear: (index, 1)
      default: nil
      }
    }
  }
}

extension InferencePlan {
  /// Those of all values of each of the responses, in the order of the graph's layers.
  fileprivate func moments(_ graph: Graph, in arena: Arena, pool: ThreadPool) -> [Moments] {
    let responses = responses.sorted { $0.value < $1.value }
    var moments = [Moments](repeating: Moments(), count: responses.count)
    moments.withUnsafeMutableBufferPointer { moments in
      pool.run(responses.count, workers: arena.workers) { index, _ in
        let response = responses[index]
        let counts = response.pass.slotCounts
        let values = counts.reduce(0, +)
        let padded = Int64(response.pass.conv.pointee.out_blocks) * Int64(RK_LANES)
        for channel in 0..<graph.layers[response.value].channels {
          var mean = 0.0
          var variance = 0.0
          rk_merge_statistics(
            arena[response.slots], Int64(counts.count), counts, padded, Int64(channel), &mean,
            &variance)
          moments[index].add(
            Moments(mean: mean, variance: variance, values: Int(values)))
        }
      }
    }
    return moments
  }
}
