/// The names in a model file; docs/FORMAT.md describes the format in full.
package enum ModelFile {
  package static let format = "libresnet model"
  /// The newest version that is read; raised whenever an older library could misread a newer file.
  package static let version = 3

  enum Root {
    static let format = "format"
    static let formatVersion = "format_version"
    static let libraryVersion = "library_version"
    static let network = "network"
    static let parameters = "parameters"
    static let normalization = "normalization"
    static let classNames = "class_names"
    static let metadata = "metadata"
    static let training = "training"
  }

  enum NetworkAttribute {
    static let name = "name"
    static let inputChannels = "input_channels"
    static let stem = "stem"
    static let stemWidth = "stem_width"
    static let block = "block"
    static let stageBlocks = "stage_blocks"
    static let stageWidths = "stage_widths"
    static let stageStrides = "stage_strides"
    static let shortcut = "shortcut"
    static let bottleneckStride = "bottleneck_stride"
    static let zeroChannels = "zero_channels"
    static let classes = "classes"

    // From version 2 on.
    static let blockKernels = "block_kernels"
    static let blockWidthMultiples = "block_width_multiples"
    static let blockStrideOn = "block_stride_on"
    static let stageMaxPools = "stage_max_pools"
    static let affine = "affine"
    static let maxoutPieces = "maxout_pieces"
    static let window = "window"
    static let hiddenWidths = "hidden_widths"

    // From version 3 on.
    static let stemPool = "stem_pool"
  }

  /// The attribute `block`.
  enum BlockName: String, CaseIterable {
    case basic, bottleneck
    /// The block's layers are in attributes of their own.
    case layers

    init(_ block: Network.Block) {
      switch block {
      case .basic: self = .basic
      case .bottleneck: self = .bottleneck
      default: self = .layers
      }
    }
  }

  /// The oldest version that can describe a network, in which it is written.
  static func version(of network: Network) -> Int {
    guard network.stemPool == .padded else { return 3 }
    let hasNewStem = network.stem == .vector || network.stem == .none
    let isOld =
      !hasNewStem && network.shortcut != .gate && BlockName(network.block) != .layers
      && network.stages.allSatisfy { $0.maxPool == 0 } && network.affine == .batchNorm
      && network.activation == .relu && network.window == 1 && network.hidden.isEmpty
    return isOld ? 1 : 2
  }

  enum NormalizationDataset {
    static let mean = "mean"
    static let scale = "scale"
  }

  /// Throws unless `path` can be handed to the operating system.
  package static func validate(path: String) throws(ResNetError) {
    guard !path.isEmpty else { throw ResNetError(.invalidArgument, "the path is empty") }
    guard !path.utf8.contains(0) else {
      throw ResNetError(.invalidArgument, "the path contains a zero byte")
    }
  }
}
