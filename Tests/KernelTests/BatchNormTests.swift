import CKernels
import Testing

/// How the ReLU behind a batch normalisation is known to the backward pass.
private enum MaskKind: CaseIterable {
  case none, activation, affine
}

@Suite struct BatchNormTests {
  static let shapes = [(1, 1, 1, 1), (2, 3, 1, 3), (1, 10, 3, 3), (3, 17, 5, 7), (2, 40, 8, 8)]

  @Test(arguments: InstructionSet.available)
  func applyMatchesDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (n, c, h, w) in Self.shapes {
      for addendLoad in [nil] + Load.allCases.map(Optional.some) {
        for relu in [false, true] {
          var random = Random(1)
          let y = Tensor(n, c, h, w, random: &random)
          let scale = PerChannel(c, in: -2...2, random: &random)
          let shift = PerChannel(c, in: -1...1, random: &random)
          let shortcut = addendLoad.map {
            Source(Tensor(n, c, h, w, random: &random), load: $0, random: &random)
          }
          var expected = Tensor(n, c, h, w)
          for i in expected.values.indices {
            let channel = i / y.pixels % c
            let value =
              y.values[i] * scale.values[channel] + shift.values[channel]
              + (shortcut?.seen.values[i] ?? 0)
            expected.values[i] = relu ? max(0, value) : value
          }
          let (input, out) = (y.blocked, Buffer(y.blockedCount))
          func run(_ addend: UnsafePointer<rk_source>?) {
            forEachTask(Int64(n * y.blocks)) { task in
              kernels.apply_run(
                input.pointer, scale.pointer, shift.pointer, addend, relu ? 1 : 0, out.pointer,
                Int32(y.blocks), Int64(y.pixels), task)
            }
          }
          if let shortcut {
            shortcut.withSource { source in withUnsafePointer(to: source) { run($0) } }
          } else {
            run(nil)
          }
          #expect(
            expected.mismatch(out) { _ in 2e-6 } == nil,
            "\((n, c, h, w)) \(String(describing: addendLoad)) relu \(relu)")
        }
      }
    }
  }

  /// A gradient, what it belongs to, and where it passes the ReLU.
  private struct Backward {
    let y: Tensor, gradient: Tensor
    let mean: PerChannel, inverseStd: PerChannel, scale: PerChannel, shift: PerChannel
    let activation: Tensor
    let kind: MaskKind
    let dz: [Double]

    init(_ n: Int, _ c: Int, _ h: Int, _ w: Int, _ kind: MaskKind) {
      var random = Random(2)
      self.kind = kind
      y = Tensor(n, c, h, w, random: &random)
      gradient = Tensor(n, c, h, w, random: &random)
      mean = PerChannel(c, in: -1...1, random: &random)
      inverseStd = PerChannel(c, in: 0.5...2, random: &random)
      scale = PerChannel(c, in: -2...2, random: &random)
      shift = PerChannel(c, in: -1...1, random: &random)
      var activation = Tensor(n, c, h, w, random: &random)
      for i in activation.values.indices { activation.values[i] = max(0, activation.values[i]) }
      self.activation = activation
      var dz = gradient.values
      for i in dz.indices {
        let channel = i / y.pixels % c
        let passes =
          switch kind {
          case .none: true
          case .activation: activation.values[i] > 0
          case .affine: y.values[i] * scale.values[channel] + shift.values[channel] > 0
          }
        if !passes { dz[i] = 0 }
      }
      self.dz = dz
    }

    func withMask(_ body: (UnsafePointer<rk_mask>) -> Void) {
      let stored = activation.blocked
      var mask = rk_mask()
      mask.relu = kind == .none ? 0 : 1
      if kind == .activation { mask.activation = UnsafePointer(stored.pointer) }
      mask.scale = scale.pointer
      mask.shift = shift.pointer
      withExtendedLifetime((self, stored)) { body(&mask) }
    }
  }

  @Test(arguments: InstructionSet.available)
  func backwardSumsMatchDefinition(_ isa: InstructionSet) throws {
    let kernels = try isa.kernels
    for (n, c, h, w) in Self.shapes {
      for kind in MaskKind.allCases {
        let pass = Backward(n, c, h, w, kind)
        let (gradient, y, blocks) = (pass.gradient.blocked, pass.y.blocked, pass.y.blocks)
        let sums = Buffer(n * 2 * blocks * 16)
        pass.withMask { mask in
          forEachTask(Int64(n * blocks)) { task in
            kernels.bn_backward_sums(
              gradient.pointer, y.pointer, mask, pass.mean.pointer, pass.inverseStd.pointer,
              sums.pointer, Int32(blocks), Int64(pass.y.pixels), task)
          }
        }
        #expect(sums.isIntact)
        for image in 0..<n {
          for channel in 0..<(blocks * 16) {
            var (sum, product) = (0.0, 0.0)
            if channel < c {
              for pixel in 0..<pass.y.pixels {
                let i = (image * c + channel) * pass.y.pixels + pixel
                sum += pass.dz[i]
                product +=
                  pass.dz[i] * (pass.y.values[i] - pass.mean.values[channel])
                  * pass.inverseStd.values[channel]
              }
            }
            let at = image * 2 * blocks * 16 + channel
            let tolerance = 1e-6 * Double(pass.y.pixels)
            #expect(abs(Double(sums.pointer[at]) - sum) <= tolerance)
            #expect(abs(Double(sums.pointer[at + blocks * 16]) - product) <= 4 * tolerance)
          }
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available, [false, true])
  func backwardApplyMatchesDefinition(_ isa: InstructionSet, inPlace: Bool) throws {
    let kernels = try isa.kernels
    for (n, c, h, w) in Self.shapes {
      for kind in MaskKind.allCases {
        for keep in [false, true] {
          let pass = Backward(n, c, h, w, kind)
          let (gradient, y, blocks) = (pass.gradient.blocked, pass.y.blocked, pass.y.blocks)
          var random = Random(3)
          let factors = (0..<3).map { _ in PerChannel(c, in: -1...1, random: &random) }
          let coefficients = Buffer(factors.flatMap(\.buffer.values))
          // In place: dz over the gradient if it is kept, dy over it otherwise.
          let dy = inPlace && !keep ? gradient : Buffer(y.count)
          let dz = keep ? (inPlace ? gradient : Buffer(y.count)) : nil
          pass.withMask { mask in
            forEachTask(Int64(n * blocks)) { task in
              kernels.bn_backward_apply(
                gradient.pointer, y.pointer, mask, coefficients.pointer, dy.pointer, dz?.pointer,
                Int32(blocks), Int64(pass.y.pixels), task)
            }
          }
          var expected = pass.y
          for i in expected.values.indices {
            let channel = i / pass.y.pixels % c
            expected.values[i] =
              factors[0].values[channel] * pass.dz[i]
              + factors[1].values[channel] * pass.y.values[i] + factors[2].values[channel]
          }
          #expect(expected.mismatch(dy) { _ in 1e-6 } == nil, "\((n, c, h, w)) \(kind)")
          if let dz {
            expected.values = pass.dz
            #expect(expected.mismatch(dz) { _ in 0 } == nil, "\((n, c, h, w)) \(kind)")
          }
        }
      }
    }
  }
}
