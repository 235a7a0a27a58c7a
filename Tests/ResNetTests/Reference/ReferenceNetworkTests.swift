import Glibc
import Testing

@testable import ResNet

/// The yardstick itself: by hand where a hand can compute it, and by another framework's double
/// precision for whole networks.
@Suite struct ReferenceNetworkTests {
  private static let square = Extent(height: 3, width: 3)
  private static let ramp: [Double] = [1, 2, 3, 4, 5, 6, 7, 8, 9]

  @Test("Convolution is a correlation, padded with zeros")
  func convolution() {
    let weight: [Double] = [1, 0, 0, 0, 10, 0, 0, 0, 100]
    let same = output(.convolution(kernel: 3, stride: 1, padding: 1), weight: weight)
    #expect(same.values == [510, 620, 30, 840, 951, 62, 70, 84, 95])
    let strided = output(.convolution(kernel: 3, stride: 2, padding: 1), weight: weight)
    #expect(strided.extent == Extent(height: 2, width: 2))
    #expect(strided.values == [510, 30, 70, 95])
    let pointwise = output(.convolution(kernel: 1, stride: 2, padding: 0), weight: [2])
    #expect(pointwise.values == [2, 6, 14, 18])
  }

  @Test("The padding of max-pooling never wins")
  func maxPool() {
    let negative = Self.ramp.map { -$0 }
    let pooled = output(.maxPool(kernel: 3, stride: 2, padding: 1), input: negative)
    #expect(pooled.values == [-1, -2, -4, -5])
  }

  @Test(
    "Max-pooling that rounds up has one more window, cut at the edge, where pixels are left over")
  func maxPoolRoundsUp() {
    let pooled = output(.maxPool(kernel: 2, stride: 2, padding: 0, ceil: true))
    #expect(pooled.extent == Extent(height: 2, width: 2))
    #expect(pooled.values == [5, 6, 8, 9])
    let whole = output(.maxPool(kernel: 3, stride: 2, padding: 0, ceil: true))
    #expect(whole.values == [9])
  }

  @Test("Shortcut A takes every second pixel and puts zero channels around")
  func padShortcut() {
    let padded = output(.padShortcut(stride: 2, zerosBefore: 1), channels: 3)
    #expect(padded.values == [0, 0, 0, 0, 1, 3, 7, 9, 0, 0, 0, 0])
  }

  @Test("Global average pooling is the mean")
  func globalAveragePool() {
    #expect(output(.globalAveragePool).values == [5])
  }

  @Test("Batch normalisation uses the biased variance and reports both")
  func batchNorm() throws {
    let layers: [Graph.Layer] = [
      .init(name: "input", operation: .input, inputs: [], channels: 1),
      .init(name: "bn", operation: .batchNorm, inputs: [0], channels: 1),
    ]
    let reference = ReferenceNetwork(
      graph: Graph(layers: layers),
      tensors: [
        "bn.weight": [2], "bn.bias": [-1], "bn.running_mean": [3], "bn.running_var": [4],
      ])
    // Two images of two pixels: mean 4, variance 5.
    let images = ReferenceNetwork.Maps(
      extent: Extent(height: 1, width: 2), values: [1, 3, 5, 7])
    let batch = reference.run(images, count: 2, statistics: .batch)
    let expected = images.values.map { 2 * ($0 - 4) / (5 + 1e-5).squareRoot() - 1 }
    #expect(relativeError(batch.scores, expected) < 1e-15)
    let statistics = reference.batchStatistics(of: 1, in: batch)
    #expect(statistics.mean == [4])
    #expect(statistics.variance == [5])
    #expect(statistics.unbiasedVariance == [20.0 / 3])

    let running = reference.run(images, count: 2, statistics: .running)
    let expectedRunning = images.values.map { 2 * ($0 - 3) / (4 + 1e-5).squareRoot() - 1 }
    #expect(relativeError(running.scores, expectedRunning) < 1e-15)
  }

  @Test("The loss is the mean negative logarithm of the softmax")
  func loss() {
    #expect(ReferenceNetwork.loss([7, 7, -1, -1], labels: [0, 1]) == log(2))
    let scores = [log(1.0), log(2), log(5)]
    #expect(abs(ReferenceNetwork.loss(scores, labels: [2]) - log(8.0 / 5)) < 1e-15)
    // Large scores neither overflow nor vanish.
    #expect(ReferenceNetwork.loss([1000, 0], labels: [1]) == 1000)
  }

  @Test("Resuming from a layer gives what a whole run gives")
  func rerun() throws {
    let test = GradientCases.imageNet[0]
    let model = try test.model()
    var reference = try ReferenceNetwork(model)
    let images = ReferenceNetwork.Maps(try test.images(), model.normalization)
    let base = reference.run(images, count: test.count, statistics: .batch)
    for tensor in model.layout.tensors where tensor.kind.isTrainable {
      reference.tensors[tensor.name]?[0] += 0.5
      let resumed = reference.rerun(base, from: tensor.layer)
      #expect(
        resumed.scores == reference.run(images, count: test.count, statistics: .batch).scores)
      #expect(resumed.scores != base.scores, "\(tensor.name) matters")
      reference.tensors[tensor.name]?[0] -= 0.5
    }
  }

  /// Computed in float64 by PyTorch 2 from torch.nn modules, on the same weights and images.
  struct Golden: Sendable, CustomTestStringConvertible {
    var test: ReferenceCase
    /// The first image's, in inference mode.
    var scores: [Double]
    var loss: Double
    /// The first four of conv1.weight, by autograd.
    var gradient: [Double]
    /// The first four of layer2.0.bn2.running_var after one training step.
    var runningVariance: [Double]

    var testDescription: String { test.testDescription }
  }

  static let golden = [
    Golden(
      test: GradientCases.basic[1],
      scores: [2.6638325392419113, 0.6500845141855104, -0.22384035614146858, -0.9082043045379726],
      loss: 1.5650022281852995,
      gradient: [
        0.08258720746228938, 0.053306416929177425, 0.060648565810394656, 0.0088464756922416,
      ],
      runningVariance: [
        0.5610588480499555, 1.6050046637010624, 1.204324521928102, 1.8941103059406248,
      ]),
    Golden(
      test: GradientCases.bottleneck[1],
      scores: [-1.54485351106639, 1.658827759106603, 0.795447259327186, 1.0120142134493193],
      loss: 1.3904873047845312,
      gradient: [
        0.039608939851676316, -0.10645463078805967, -0.08370613400432055, -0.028514572006375874,
      ],
      runningVariance: [
        0.818675424827683, 1.4768463615312846, 1.6873870414415033, 1.2987249999633452,
      ]),
    Golden(
      test: GradientCases.imageNet[0],
      scores: [-1.9544150366889674, -1.452924528278177, 0.5693374578602589, -3.0396241294015427],
      loss: 2.1250556471061772,
      gradient: [
        0.04766161611673121, 0.06765322892977443, -0.10595208651486097, -0.026713725381538517,
      ],
      runningVariance: [
        0.7477579679249048, 0.5861993650233672, 1.5438468448751888, 1.7427365118203197,
      ]),
  ]

  @Test("Whole networks agree with PyTorch in double precision", arguments: golden)
  func agreesWithPyTorch(_ golden: Golden) throws {
    let test = golden.test
    let model = try test.model()
    let labels = test.labels().map(Int.init)
    var reference = try ReferenceNetwork(model)
    let images = ReferenceNetwork.Maps(try test.images(), model.normalization)
    let inference = reference.run(images, count: test.count, statistics: .running)
    #expect(relativeError(inference.scores[..<4], golden.scores) < 1e-13)

    let training = reference.run(images, count: test.count, statistics: .batch)
    let loss = ReferenceNetwork.loss(training.scores, labels: labels)
    #expect(abs(loss - golden.loss) < 1e-13)

    let bn = try #require(model.layout.tensor(named: "layer2.0.bn2.running_var"))
    let statistics = reference.batchStatistics(of: bn.layer, in: training)
    let old = try #require(reference.tensors[bn.name])
    let moved = zip(old, statistics.unbiasedVariance).map { 0.9 * $0 + 0.1 * $1 }
    #expect(relativeError(moved[..<4], golden.runningVariance) < 1e-13)

    let conv = try #require(model.layout.tensor(named: "conv1.weight"))
    let step = GradientTests.step
    let slopes = (0..<4).map { element in
      let losses = [step, -step].map { step in
        reference.tensors[conv.name]?[element] += step
        defer { reference.tensors[conv.name]?[element] -= step }
        let run = reference.rerun(training, from: conv.layer)
        return ReferenceNetwork.loss(run.scores, labels: labels)
      }
      return (losses[0] - losses[1]) / (2 * step)
    }
    #expect(relativeError(slopes, golden.gradient) < 1e-7)
  }

  /// What one layer makes of one 3x3 map.
  private func output(
    _ operation: Graph.Operation, channels: Int = 1, weight: [Double] = [],
    input: [Double] = ramp
  ) -> ReferenceNetwork.Maps {
    let layers: [Graph.Layer] = [
      .init(name: "input", operation: .input, inputs: [], channels: 1),
      .init(name: "layer", operation: operation, inputs: [0], channels: channels),
    ]
    let reference = ReferenceNetwork(
      graph: Graph(layers: layers), tensors: ["layer.weight": weight])
    let images = ReferenceNetwork.Maps(extent: Self.square, values: input)
    return reference.run(images, count: 1, statistics: .batch).outputs[1]
  }
}
