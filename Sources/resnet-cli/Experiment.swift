import ArgumentParser
import ResNet
import ResNetData

/// The paper's experiments on CIFAR-10 (section 4.2): what is trained, and what the paper found.
enum Experiment: String, ExpressibleByArgument, CaseIterable {
  case degradation, depth, options, responses, table6

  /// Without a claim, which another choice of networks may not bear out.
  var title: String {
    switch self {
    case .degradation: "Degradation: plain and residual networks of 20 to 56 layers"
    case .depth: "Depth: residual networks of 20 to 110 layers"
    case .options: "Shortcuts: options A, B and C"
    case .responses: "Responses of layers: plain and residual networks"
    case .table6: "Table 6: residual networks beside the others"
    }
  }

  /// What the paper says of its networks, and where.
  var claim: String {
    switch self {
    case .degradation:
      """
      Figure 6, left and middle: with depth the training error of plain networks rises, so it is no \
      overfitting; that of residual networks falls, and their test error with it.
      """
    case .depth:
      """
      Figure 6, middle and right, and Table 6: residual networks gain from depth; the 110-layer one \
      needs a warm-up and does best.
      """
    case .options:
      """
      Table 3 compares the options on ImageNet: B is slightly better than A, C slightly better than B, \
      and the differences are small, so projections are not what cures degradation. On CIFAR-10 the \
      paper has option A alone.
      """
    case .responses:
      """
      Figure 7: the standard deviations of the outputs of 3x3 convolutions, after BN and before the \
      nonlinearity or the addition, are generally smaller in residual networks than in plain ones, and \
      smaller the deeper these are.
      """
    case .table6:
      "Table 6: test errors on CIFAR-10, with data augmentation."
    }
  }

  /// What the table of the results does not say of the paper's figures; nil if there is nothing.
  var notes: String? {
    guard self == .table6 else { return nil }
    return """
      Of several trainings the paper's table gives the best, and means: 7.72% of highway19, 6.61% of \
      ResNet-110. Its Maxout, NIN and DSN are not trained here; FitNet and highway networks are by the \
      paper's recipe, without the dropout of their own, and the widths of highway32 are this library's choice.
      """
  }

  /// What is trained, in the order of the report.
  var trials: [Trial] {
    func presets(_ names: [String]) -> [Trial] { names.map { Trial(preset: $0) } }
    switch self {
    case .degradation:
      return presets(
        ["plain", "resnet"].flatMap { kind in [20, 32, 44, 56].map { "\(kind)\($0)" } })
    case .depth: return presets([20, 32, 44, 56, 110].map { "resnet\($0)" })
    case .options:
      return ["resnet20", "resnet56"].flatMap { preset in
        [Network.Shortcut.a, .b, .c].map {
          Trial(preset: preset, shortcut: $0)
        }
      }
    case .responses: return presets(["plain20", "plain56", "resnet20", "resnet56", "resnet110"])
    case .table6:
      return presets(
        ["fitnet19", "highway19", "highway32"]
          + [20, 32, 44, 56, 110, 1202].map { "resnet\($0)" })
    }
  }

  /// The same with networks so shallow that a look takes minutes.
  var quickTrials: [Trial] {
    switch self {
    case .degradation, .responses:
      ["plain8", "plain14", "resnet8", "resnet14"].map { Trial(preset: $0) }
    // FitNet and highway networks have no such variants.
    case .depth, .table6: ["resnet8", "resnet14"].map { Trial(preset: $0) }
    case .options:
      [Network.Shortcut.a, .b, .c].map {
        Trial(preset: "resnet8", shortcut: $0)
      }
    }
  }
}

/// A network that an experiment trains.
struct Trial: Hashable {
  let preset: String
  /// Nil for the preset's own.
  var shortcut: Network.Shortcut?

  init(preset: String, shortcut: Network.Shortcut? = nil) {
    (self.preset, self.shortcut) = (preset, shortcut)
  }

  /// `resnet20`, or `resnet20-B` with another shortcut option. Throws what is wrong with the name, and which
  /// there are.
  init(named name: String) throws(ResNetError) {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    if parts.count == 2, let shortcut = Network.Shortcut(rawValue: String(parts[1])) {
      self.init(preset: String(parts[0]), shortcut: shortcut)
    } else {
      self.init(preset: name)
    }
    do throws(ResNetError) {
      _ = try network(classes: 10)
    } catch {
      throw ResNetError(
        error.kind,
        "\(error.message); -A, -B or -C after a residual one's name chooses its shortcuts")
    }
  }

  var name: String { preset + (shortcut.map { "-\($0.rawValue)" } ?? "") }

  /// Whether it is a plain network: one without shortcuts, which the preset is named for.
  var isPlain: Bool { preset.hasPrefix("plain") }

  func network(classes: Int) throws(ResNetError) -> Network {
    try Network.preset(preset, family: .cifar, classes: classes, shortcut: shortcut)
  }

  /// How it is trained over so many iterations: by the paper's recipe, with the warm-up that networks of
  /// 110 layers and more need; at a tenth of the rate if there is no BN, without which 0.1 diverges.
  func recipe(_ network: Network, iterations: Int, seed: UInt64) -> Recipe {
    let isDeep = (Int(preset.drop { !$0.isNumber }) ?? 0) >= 110
    var recipe = (isDeep ? Recipe.cifarResNet110 : .cifar).lasting(iterations: iterations)
    if network.affine != .batchNorm { recipe.sgd.learningRate /= 10 }
    recipe.validationImages = 0
    recipe.fit.seed = seed
    return recipe
  }

  /// Test error in Table 6, in percent; the best that is given.
  var publishedError: Double? {
    guard shortcut ?? .a == .a else { return nil }
    return [
      "fitnet19": 8.39, "highway19": 7.54, "highway32": 8.80, "resnet20": 8.75, "resnet32": 7.51,
      "resnet44": 7.17, "resnet56": 6.97, "resnet110": 6.43, "resnet1202": 7.93,
    ][preset]
  }
}
