import CKernels

/// Everything decided before the first image is classified: steps, kernels' blocking, layout of the
/// memory.
///
/// A plan holds for one network, input extent and batch. BN is folded into the convolutions'
/// weights, and the shortcut's addition and ReLU happen in the convolution's epilogue. Buffers
/// whose lifetimes do not overlap share memory.
final class InferencePlan {
  enum Step {
    case convolution(
      pass: ConvolutionPass, weights: FoldedWeights.Key, source: Buffer, addend: Buffer?,
      relu: Bool, statistics: Buffer?, destination: Buffer)
    case join(
      tasks: Int, blocks: Int, pixels: Int, source: Buffer, addend: Buffer?, relu: Bool,
      destination: Buffer)
    case maxPool(shape: rk_pool, tasks: Int, source: Buffer, destination: Buffer)
    case padShortcut(
      channels: (in: Int, out: Int), zerosBefore: Int, stride: Int, input: Extent, source: Buffer,
      destination: Buffer)
    case maxout(
      channels: Int, pieces: Int, pixels: Int, tasks: Int, source: Buffer, destination: Buffer)
    case gate(h: Buffer, g: Buffer, x: Buffer, pixels: Int, tasks: Int, destination: Buffer)
    case flatten(shape: rk_flatten, source: Buffer, destination: Buffer)
    case averagePool(AveragePool, source: Buffer, destination: Buffer)
    case linear(
      FullyConnected, weights: FoldedWeights.Key, source: Buffer, blocked: Buffer,
      destination: Buffer)
  }

  /// The statistics of a value's channels over the batch, which are there after a run, slot by slot as
  /// its convolution took them.
  struct Response {
    let value: Int
    let pass: ConvolutionPass
    let slots: Buffer
  }

  let batch: Int
  let steps: [Step]
  /// The units that have weights.
  let weighted: [(key: FoldedWeights.Key, pass: ConvolutionPass)]
  let input: Buffer
  /// The value of the last unit.
  let output: Buffer
  /// Of the values in `responses`, in their order.
  let responses: [Response]
  /// Of the memory that a run needs.
  let layout: ArenaLayout

  /// Ones and zeros, of as many channels as any `join` has: a factor and a bias that change nothing.
  private let ones: [Float]
  private let zeros: [Float]

  /// A plan of what leads to the layer `output` (nil: the scores), which takes the statistics of the
  /// convolutions' BN outputs that are in `responses`.
  init(
    _ graph: Graph, layout: ParameterLayout, extent: Extent, batch: Int, target: PlanTarget,
    output: Int? = nil, responses wanted: Set<Int> = []
  ) throws(ResNetError) {
    self.batch = batch
    let last = output ?? graph.layers.count - 1
    let units = try graph.fusedUnits(to: last, keeping: wanted)
    let shapes = try PlanShapes(
      graph, extents: try graph.extents(input: extent, to: last), batch: batch)
    var planner = ArenaPlanner()
    var steps: [Step] = []
    var values: [Int: Buffer] = [:]
    var scratch = 0
    var weighted: [(key: FoldedWeights.Key, pass: ConvolutionPass)] = []
    var responses: [Response] = []
    var joinChannels = 0
    var failure: ResNetError?

    let input = planner.buffer(floats: shapes.activationFloats(0), at: 0)
    values[0] = input

    func read(_ value: Int, at time: Int) -> Buffer {
      guard let buffer = values[value] else {
        failure = shapes.notPlanned(value)
        return input
      }
      planner.use(buffer, at: time)
      return buffer
    }

    for (index, unit) in units.enumerated() {
      let time = index + 1
      let source = read(unit.input, at: time)
      let destination = planner.buffer(floats: shapes.activationFloats(unit.output), at: time)
      values[unit.output] = destination
      switch unit.operation {
      case .convolution(let convolution):
        let pass = shapes.forwardPass(target, unit: unit, convolution)
        scratch = max(scratch, pass.scratchFloats)
        let key = FoldedWeights.Key(layer: convolution.layer, batchNorm: convolution.batchNorm)
        var statistics: Buffer?
        if wanted.contains(unit.output) {
          pass.countSlots()
          let slots = planner.buffer(floats: pass.statisticsFloats, at: time)
          planner.use(slots, at: units.count + 1)
          responses.append(Response(value: unit.output, pass: pass, slots: slots))
          statistics = slots
        }
        steps.append(
          .convolution(
            pass: pass, weights: key, source: source,
            addend: convolution.addend.map { read($0, at: time) }, relu: convolution.relu,
            statistics: statistics, destination: destination))
        weighted.append((key, pass))
      case .join(let addend, let relu):
        joinChannels = max(joinChannels, shapes.paddedChannels(unit.output))
        steps.append(
          .join(
            tasks: shapes.tasks(unit.output), blocks: shapes.blocks(unit.output),
            pixels: shapes.pixels(unit.output),
            source: source, addend: addend.map { read($0, at: time) }, relu: relu,
            destination: destination))
      case .maxPool(let kernel, let stride, let padding):
        steps.append(
          .maxPool(
            shape: shapes.pool(unit, kernel: kernel, stride: stride, padding: padding),
            tasks: shapes.tasks(unit.input), source: source, destination: destination))
      case .padShortcut(let stride, let zerosBefore):
        steps.append(
          .padShortcut(
            channels: (in: shapes.channels(unit.input), out: shapes.channels(unit.output)),
            zerosBefore: zerosBefore, stride: stride, input: shapes.extent(unit.input),
            source: source, destination: destination))
      case .maxout(let pieces):
        steps.append(
          .maxout(
            channels: shapes.channels(unit.output), pieces: pieces,
            pixels: shapes.pixels(unit.output), tasks: shapes.tasks(unit.output), source: source,
            destination: destination))
      case .gate(let g, let x):
        steps.append(
          .gate(
            h: source, g: read(g, at: time), x: read(x, at: time),
            pixels: shapes.pixels(unit.output), tasks: shapes.tasks(unit.output),
            destination: destination))
      case .flatten(let window):
        steps.append(
          .flatten(
            shape: shapes.flatten(unit, window: window), source: source, destination: destination))
      case .averagePool:
        steps.append(
          .averagePool(shapes.averagePool(unit), source: source, destination: destination))
      case .linear(let layer):
        let linear = shapes.fullyConnected(target, layout, unit: unit, layer: layer)
        let key = FoldedWeights.Key(layer: layer, batchNorm: nil)
        scratch = max(scratch, linear.forward.scratchFloats)
        steps.append(
          .linear(
            linear, weights: key, source: source,
            blocked: planner.buffer(floats: shapes.activationFloats(unit.output), at: time),
            destination: destination))
        weighted.append((key, linear.forward))
      }
    }
    self.output = read(last, at: units.count + 1)
    if let failure { throw failure }
    self.steps = steps
    self.weighted = weighted
    self.responses = responses
    self.input = input
    ones = [Float](repeating: 1, count: joinChannels)
    zeros = [Float](repeating: 0, count: joinChannels)
    self.layout = ArenaLayout(planner, scratchFloats: scratch, workers: target.workers)
  }

  /// Computes `output` of the images in `input`. Throws what reading the weights does, if they
  /// stayed in a file.
  func run(_ weights: FoldedWeights, in arena: Arena, target: PlanTarget, pool: ThreadPool)
    throws(ResNetError)
  {
    let kernels = target.kernels.pointee
    let workers = arena.workers
    for step in steps {
      switch step {
      case .convolution(
        let pass, let key, let source, let addend, let relu, let statistics, let destination):
        let packed = try weights.packed(key, pass, target: target, pool: pool)
        var from = rk_source(data: arena[source], scale: nil, shift: nil, relu: 0)
        var epilogue = rk_epilogue(
          accumulate: 0, relu: relu ? 1 : 0, bias: weights.bias(key),
          addend: addend.map { UnsafePointer(arena[$0]) }, statistics: statistics.map { arena[$0] })
        withUnsafePointer(to: &from) { from in
          withUnsafePointer(to: &epilogue) { epilogue in
            pool.run(Int(pass.conv.pointee.tasks), workers: workers) { task, worker in
              kernels.conv_run(
                pass.conv, from, packed, arena[destination], epilogue, Int64(task),
                arena.scratch(worker))
            }
          }
        }
      case .join(
        let tasks, let blocks, let pixels, let source, let addend, let relu, let destination):
        join(
          arena[source], addend.map { arena[$0] }, relu: relu, into: arena[destination],
          tasks: tasks, blocks: blocks, pixels: pixels, kernels: kernels, pool: pool,
          workers: workers)
      case .maxPool(var shape, let tasks, let source, let destination):
        withUnsafePointer(to: &shape) { shape in
          pool.run(tasks, workers: workers) { task, _ in
            kernels.max_pool(shape, arena[source], arena[destination], nil, Int64(task))
          }
        }
      case .padShortcut(
        let channels, let zerosBefore, let stride, let input, let source, let destination):
        pool.run(batch * PlanShapes.blocks(channels.out), workers: workers) { task, _ in
          kernels.pad_shortcut(
            Int32(channels.in), Int32(channels.out), Int32(zerosBefore), Int32(stride),
            Int32(input.height), Int32(input.width), arena[source], arena[destination],
            Int64(task))
        }
      case .maxout(
        let channels, let pieces, let pixels, let tasks, let source, let destination):
        pool.run(tasks, workers: workers) { task, _ in
          kernels.maxout(
            Int32(channels), Int32(pieces), arena[source], arena[destination], nil, Int64(pixels),
            Int64(task))
        }
      case .gate(let h, let g, let x, let pixels, let tasks, let destination):
        pool.run(tasks, workers: workers) { task, _ in
          kernels.highway(
            arena[h], arena[g], arena[x], arena[destination], Int64(pixels), Int64(task))
        }
      case .flatten(var shape, let source, let destination):
        withUnsafePointer(to: &shape) { shape in
          pool.run(batch, workers: workers) { task, _ in
            rk_flatten_run(shape, arena[source], arena[destination], Int64(task))
          }
        }
      case .averagePool(let pooling, let source, let destination):
        pool.run(pooling.tasks, workers: workers) { task, _ in
          kernels.average_pool(
            arena[source], arena[destination], Int32(pooling.images), Int32(pooling.blocks),
            Int64(pooling.pixels), Int64(task))
        }
      case .linear(let layer, let key, let source, let blocked, let destination):
        layer.scores(
          x: arena[source],
          packed: try weights.packed(key, layer.forward, target: target, pool: pool),
          bias: weights.bias(key), blocked: arena[blocked], into: arena[destination],
          arena: arena, pool: pool)
      }
    }
  }

  /// out = relu?(source + addend)
  private func join(
    _ source: UnsafePointer<Float>, _ addend: UnsafePointer<Float>?, relu: Bool,
    into out: UnsafeMutablePointer<Float>, tasks: Int, blocks: Int, pixels: Int,
    kernels: rk_kernels,
    pool: ThreadPool, workers: Int
  ) {
    var from = rk_source(data: addend, scale: nil, shift: nil, relu: 0)
    withUnsafePointer(to: &from) { from in
      ones.withUnsafeBufferPointer { ones in
        zeros.withUnsafeBufferPointer { zeros in
          pool.run(tasks, workers: workers) { task, _ in
            kernels.apply_run(
              source, ones.baseAddress, zeros.baseAddress, addend == nil ? nil : from,
              relu ? 1 : 0, out, Int32(blocks), Int64(pixels), Int64(task))
          }
        }
      }
    }
  }
}
