import Glibc

@testable import ResNet

/// Interprets a ``Graph`` in double precision, one plain loop nest per operation, written from the
/// definitions alone. It shares nothing with the engine but the graph and the tensors' values, so
/// agreement of the two is evidence for both.
struct ReferenceNetwork {
  /// Whose mean and variance batch normalisation uses.
  enum Statistics { case running, batch }

  /// `count * channels * height * width` values in NCHW order.
  struct Maps {
    var extent: Extent
    var values: [Double]
  }

  /// Per channel, over all images and positions of a batch.
  struct BatchStatistics {
    var mean: [Double]
    /// Divided by n: what training normalises with.
    var variance: [Double]
    /// Divided by n - 1: what the running variance is updated with.
    var unbiasedVariance: [Double]
  }

  /// Every layer's output, so that a run can be resumed from any layer.
  struct Run {
    let count: Int
    let statistics: Statistics
    var outputs: [Maps]

    /// Row-major (image, class).
    var scores: [Double] { outputs[outputs.count - 1].values }
  }

  static let epsilon = 1e-5

  let graph: Graph
  /// By canonical name.
  var tensors: [String: [Double]]
  /// BN layers that take their running statistics in any case.
  var frozen: Set<String> = []

  init(_ model: Model) throws {
    graph = model.graph
    tensors = [:]
    for tensor in model.layout.tensors {
      tensors[tensor.name] = try model.tensor(named: tensor.name).map(Double.init)
    }
  }

  init(graph: Graph, tensors: [String: [Double]]) {
    self.graph = graph
    self.tensors = tensors
  }

  /// All layers' outputs for images that are already normalised.
  func run(_ images: Maps, count: Int, statistics: Statistics) -> Run {
    let blank = Maps(extent: images.extent, values: [])
    var run = Run(
      count: count, statistics: statistics,
      outputs: [Maps](repeating: blank, count: graph.layers.count))
    run.outputs[0] = images
    return rerun(run, from: 1)
  }

  /// The run with the outputs of `layer` and all later ones computed anew, after a change of that
  /// layer's tensors.
  func rerun(_ run: Run, from layer: Int) -> Run {
    var run = run
    for index in layer..<graph.layers.count {
      run.outputs[index] = output(of: index, in: run)
    }
    return run
  }

  /// Mean and variances of a layer's input, for a batch-normalisation layer.
  func batchStatistics(of layer: Int, in run: Run) -> BatchStatistics {
    let source = graph.layers[layer].inputs[0]
    return batchStatistics(run.outputs[source], run.count, graph.layers[source].channels)
  }

  /// Mean over the batch of -log softmax(scores)[label].
  static func loss(_ scores: [Double], labels: [Int]) -> Double {
    let classes = scores.count / labels.count
    var sum = 0.0
    for (image, label) in labels.enumerated() {
      let row = scores[image * classes..<(image + 1) * classes]
      let largest = row.max() ?? 0
      let total = row.reduce(0) { $0 + exp($1 - largest) }
      sum += log(total) - (row[row.startIndex + label] - largest)
    }
    return sum / Double(labels.count)
  }

  /// The class of the largest score of every image.
  static func predictions(_ scores: [Double], count: Int) -> [Int] {
    let classes = scores.count / count
    return (0..<count).map { image in
      (0..<classes).max { scores[image * classes + $0] < scores[image * classes + $1] } ?? 0
    }
  }

  // MARK: - One layer

  private func output(of index: Int, in run: Run) -> Maps {
    let layer = graph.layers[index]
    let input = run.outputs[layer.inputs[0]]
    let inputs = graph.layers[layer.inputs[0]].channels
    switch layer.operation {
    case .input:
      return input
    case .convolution(let kernel, let stride, let padding, let bias):
      let weight = tensors["\(layer.name).weight"]!
      let maps = convolution(
        input, run.count, inputs, layer.channels, weight, kernel, stride, padding)
      return bias ? added(tensors["\(layer.name).bias"]!, to: maps, layer.channels) : maps
    case .batchNorm:
      return batchNorm(
        input, run.count, inputs, layer.name,
        frozen.contains(layer.name) ? .running : run.statistics)
    case .relu:
      return Maps(extent: input.extent, values: input.values.map { $0 > 0 ? $0 : 0 })
    case .add:
      let other = run.outputs[layer.inputs[1]].values
      return Maps(extent: input.extent, values: zip(input.values, other).map { $0 + $1 })
    case .maxPool(let kernel, let stride, let padding, let ceil):
      return maxPool(input, run.count * inputs, kernel, stride, padding, ceil)
    case .padShortcut(let stride, let zerosBefore):
      return padShortcut(input, run.count, inputs, layer.channels, stride, zerosBefore)
    case .globalAveragePool:
      let pixels = input.extent.height * input.extent.width
      let means = (0..<run.count * inputs).map { map in
        input.values[map * pixels..<(map + 1) * pixels].reduce(0, +) / Double(pixels)
      }
      return Maps(extent: Extent(height: 1, width: 1), values: means)
    case .maxout(let pieces):
      return maxout(input, run.count, layer.channels, pieces)
    case .gate:
      let (gates, carried) = (
        run.outputs[layer.inputs[1]].values, run.outputs[layer.inputs[2]].values
      )
      let joined = input.values.indices.map { index in
        let transform = 1 / (1 + exp(-gates[index]))
        return input.values[index] * transform + carried[index] * (1 - transform)
      }
      return Maps(extent: input.extent, values: joined)
    case .flatten(let window):
      return flatten(input, run.count, inputs, window)
    case .linear(let bias):
      // At every position, a fully connected layer is a 1x1 convolution.
      let maps = convolution(
        input, run.count, inputs, layer.channels, tensors["\(layer.name).weight"]!, 1, 1, 0)
      return bias ? added(tensors["\(layer.name).bias"]!, to: maps, layer.channels) : maps
    }
  }

  private func outputExtent(_ input: Extent, _ kernel: Int, _ stride: Int, _ padding: Int)
    -> Extent
  {
    Extent(
      height: (input.height + 2 * padding - kernel) / stride + 1,
      width: (input.width + 2 * padding - kernel) / stride + 1)
  }

  private func convolution(
    _ input: Maps, _ count: Int, _ inputs: Int, _ outputs: Int, _ weight: [Double],
    _ kernel: Int, _ stride: Int, _ padding: Int
  ) -> Maps {
    let (height, width) = (input.extent.height, input.extent.width)
    let extent = outputExtent(input.extent, kernel, stride, padding)
    var values: [Double] = []
    values.reserveCapacity(count * outputs * extent.height * extent.width)
    for image in 0..<count {
      for output in 0..<outputs {
        for row in 0..<extent.height {
          for column in 0..<extent.width {
            var sum = 0.0
            for channel in 0..<inputs {
              for kh in 0..<kernel {
                let y = row * stride + kh - padding
                guard y >= 0, y < height else { continue }
                for kw in 0..<kernel {
                  let x = column * stride + kw - padding
                  guard x >= 0, x < width else { continue }
                  sum +=
                    weight[((output * inputs + channel) * kernel + kh) * kernel + kw]
                    * input.values[((image * inputs + channel) * height + y) * width + x]
                }
              }
            }
            values.append(sum)
          }
        }
      }
    }
    return Maps(extent: extent, values: values)
  }

  private func batchStatistics(_ input: Maps, _ count: Int, _ channels: Int) -> BatchStatistics {
    let pixels = input.extent.height * input.extent.width
    let total = Double(count * pixels)
    var result = BatchStatistics(mean: [], variance: [], unbiasedVariance: [])
    for channel in 0..<channels {
      var (sum, squares) = (0.0, 0.0)
      for image in 0..<count {
        let start = (image * channels + channel) * pixels
        for pixel in start..<start + pixels { sum += input.values[pixel] }
      }
      let mean = sum / total
      for image in 0..<count {
        let start = (image * channels + channel) * pixels
        for pixel in start..<start + pixels {
          squares += (input.values[pixel] - mean) * (input.values[pixel] - mean)
        }
      }
      result.mean.append(mean)
      result.variance.append(squares / total)
      result.unbiasedVariance.append(squares / (total - 1))
    }
    return result
  }

  private func batchNorm(
    _ input: Maps, _ count: Int, _ channels: Int, _ name: String, _ statistics: Statistics
  ) -> Maps {
    let pixels = input.extent.height * input.extent.width
    let (weight, bias) = (tensors["\(name).weight"]!, tensors["\(name).bias"]!)
    var (mean, variance) = (tensors["\(name).running_mean"]!, tensors["\(name).running_var"]!)
    if statistics == .batch {
      let batch = batchStatistics(input, count, channels)
      (mean, variance) = (batch.mean, batch.variance)
    }
    var values = input.values
    for image in 0..<count {
      for channel in 0..<channels {
        let deviation = (variance[channel] + Self.epsilon).squareRoot()
        let start = (image * channels + channel) * pixels
        for pixel in start..<start + pixels {
          let normalized = (values[pixel] - mean[channel]) / deviation
          values[pixel] = weight[channel] * normalized + bias[channel]
        }
      }
    }
    return Maps(extent: input.extent, values: values)
  }

  private func maxPool(
    _ input: Maps, _ maps: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ ceil: Bool
  ) -> Maps {
    let (height, width) = (input.extent.height, input.extent.width)
    let extent =
      if ceil {
        // As Caffe's code has it.
        Extent(
          height: Int((Double(height + 2 * padding - kernel) / Double(stride)).rounded(.up)) + 1,
          width: Int((Double(width + 2 * padding - kernel) / Double(stride)).rounded(.up)) + 1)
      } else {
        outputExtent(input.extent, kernel, stride, padding)
      }
    var values: [Double] = []
    for map in 0..<maps {
      for row in 0..<extent.height {
        for column in 0..<extent.width {
          var largest = -Double.infinity
          for y in row * stride - padding..<row * stride - padding + kernel {
            for x in column * stride - padding..<column * stride - padding + kernel {
              guard y >= 0, y < height, x >= 0, x < width else { continue }
              largest = max(largest, input.values[(map * height + y) * width + x])
            }
          }
          values.append(largest)
        }
      }
    }
    return Maps(extent: extent, values: values)
  }

  private func padShortcut(
    _ input: Maps, _ count: Int, _ inputs: Int, _ outputs: Int, _ stride: Int, _ before: Int
  ) -> Maps {
    let (height, width) = (input.extent.height, input.extent.width)
    let extent = outputExtent(input.extent, 1, stride, 0)
    var values: [Double] = []
    for image in 0..<count {
      for output in 0..<outputs {
        for row in 0..<extent.height {
          for column in 0..<extent.width {
            let channel = output - before
            guard channel >= 0, channel < inputs else {
              values.append(0)
              continue
            }
            let map = (image * inputs + channel) * height
            values.append(input.values[(map + row * stride) * width + column * stride])
          }
        }
      }
    }
    return Maps(extent: extent, values: values)
  }
}
