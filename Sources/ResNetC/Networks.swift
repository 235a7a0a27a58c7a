import CResNet
import ResNet

// Networks from the C API's options and descriptions. Members of C enums can hold any number.

extension Network {
  /// The preset `name` with the changes of `options`, if any.
  static func preset(_ name: String, options: rn_model_options?) throws -> Network {
    guard let options else { return try preset(name) }
    func changed(_ value: Int32) -> Int? { value == RN_DEFAULT ? nil : Int(value) }
    return try preset(
      name,
      family: try family(options.family),
      classes: changed(options.classes),
      inputChannels: changed(options.input_channels),
      baseWidth: changed(options.base_width),
      stem: try stem(options.stem),
      stemPool: try stemPool(options.stem_pool),
      shortcut: try shortcut(options.shortcut),
      bottleneckStride: try bottleneckStride(options.stride_on),
      zeroChannels: try zeroChannels(options.zero_channels))
  }

  /// The network that a description describes.
  init(_ description: rn_description) throws {
    guard let stem = try Network.stem(description.stem) else {
      throw unknown("stem", description.stem.rawValue, expected: "RN_STEM_IMAGENET to _NONE")
    }
    guard let shortcut = try Network.shortcut(description.shortcut) else {
      throw unknown("shortcut", description.shortcut.rawValue, expected: "RN_SHORTCUT_A to _GATE")
    }
    let stages = try array(description.stages, count: Int(description.stage_count), "stages")
    self.init(
      name: try description.name.map { try string($0, "name") } ?? "custom",
      inputChannels: Int(description.input_channels),
      stem: stem, stemWidth: Int(description.stem_width),
      stemPool: try Network.stemPool(description.stem_pool) ?? .padded,
      block: try Network.block(description),
      stages: stages.map {
        Stage(
          blocks: Int($0.blocks), width: Int($0.width), stride: Int($0.stride),
          maxPool: Int($0.max_pool))
      },
      shortcut: shortcut,
      bottleneckStride: try Network.bottleneckStride(description.stride_on),
      zeroChannels: try Network.zeroChannels(description.zero_channels),
      affine: try Network.affine(description.affine),
      activation: description.maxout == 0 ? .relu : .maxout(pieces: Int(description.maxout)),
      window: description.window == 0 ? 1 : Int(description.window),
      hidden: try array(description.hidden, count: Int(description.hidden_count), "hidden")
        .map { Int($0) },
      classes: Int(description.classes))
  }

  private static func family(_ value: rn_family) throws -> Family? {
    switch value {
    case RN_FAMILY_AUTO: nil
    case RN_FAMILY_IMAGENET: .imageNet
    case RN_FAMILY_CIFAR: .cifar
    default: throw unknown("family", value.rawValue, expected: "RN_FAMILY_AUTO to _CIFAR")
    }
  }

  private static func stem(_ value: rn_stem) throws -> Stem? {
    switch value {
    case RN_STEM_DEFAULT: nil
    case RN_STEM_IMAGENET: .imageNet
    case RN_STEM_CIFAR: .cifar
    case RN_STEM_VECTOR: .vector
    case RN_STEM_NONE: Stem.none
    default: throw unknown("stem", value.rawValue, expected: "RN_STEM_DEFAULT to _NONE")
    }
  }

  /// Nil: the default of what asks.
  static func stemPool(_ value: rn_stem_pool) throws -> StemPool? {
    switch value {
    case RN_STEM_POOL_DEFAULT: nil
    case RN_STEM_POOL_PADDED: .padded
    case RN_STEM_POOL_CEIL: .ceil
    default:
      throw unknown("stem_pool", value.rawValue, expected: "RN_STEM_POOL_DEFAULT to _CEIL")
    }
  }

  private static func block(_ description: rn_description) throws -> Block {
    let layers = try array(description.layers, count: Int(description.layer_count), "layers")
    guard layers.isEmpty || description.block == RN_BLOCK_LAYERS else {
      throw Failure(
        RN_INVALID_ARGUMENT,
        "there are layers, but block is not RN_BLOCK_LAYERS; set it, or "
          + "layer_count to 0")
    }
    switch description.block {
    case RN_BLOCK_BASIC: return .basic
    case RN_BLOCK_BOTTLENECK: return .bottleneck
    case RN_BLOCK_LAYERS:
      return Block(
        layers.map { Block.Layer(kernel: Int($0.kernel), widthMultiple: Int($0.width_multiple)) },
        strideOn: Int(description.stride_layer))
    default:
      throw unknown("block", description.block.rawValue, expected: "RN_BLOCK_BASIC to _LAYERS")
    }
  }

  private static func affine(_ value: rn_affine) throws -> Affine {
    switch value {
    case RN_AFFINE_BN: .batchNorm
    case RN_AFFINE_BIAS: .bias
    case RN_AFFINE_BIAS_AND_BN: .biasAndBatchNorm
    default: throw unknown("affine", value.rawValue, expected: "RN_AFFINE_BN to _BIAS_AND_BN")
    }
  }

  private static func shortcut(_ value: rn_shortcut) throws -> Shortcut? {
    switch value {
    case RN_SHORTCUT_DEFAULT: nil
    case RN_SHORTCUT_A: .a
    case RN_SHORTCUT_B: .b
    case RN_SHORTCUT_C: .c
    case RN_SHORTCUT_NONE: Shortcut.none
    case RN_SHORTCUT_GATE: .gate
    default: throw unknown("shortcut", value.rawValue, expected: "RN_SHORTCUT_DEFAULT to _GATE")
    }
  }

  static func bottleneckStride(_ value: rn_stride_on) throws -> BottleneckStride {
    switch value {
    case RN_STRIDE_DEFAULT, RN_STRIDE_ON_1X1: .conv1x1
    case RN_STRIDE_ON_3X3: .conv3x3
    default: throw unknown("stride_on", value.rawValue, expected: "RN_STRIDE_DEFAULT to _ON_3X3")
    }
  }

  static func zeroChannels(_ value: rn_zero_channels) throws -> ZeroChannels {
    switch value {
    case RN_ZEROS_AFTER: .after
    case RN_ZEROS_SPLIT: .split
    default: throw unknown("zero_channels", value.rawValue, expected: "RN_ZEROS_AFTER or _SPLIT")
    }
  }
}
