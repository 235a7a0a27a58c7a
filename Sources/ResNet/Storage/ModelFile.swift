/// The names in a model file; docs/FORMAT.md describes the format in full.
package enum ModelFile {
  package static let format = "libresnet model"
  /// Raised whenever an older library could misread a newer file.
  package static let version = 1

  enum Root {
    static let format = "format"
    static let formatVersion = "format_version"
    static let libraryVersion = "library_version"
    static let network = "network"
    static let parameters = "parameters"
    static let normalization = "normalization"
    static let classNames = "class_names"
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
  }

  enum NormalizationDataset {
    static let mean = "mean"
    static let scale = "scale"
  }

  /// Throws unless `path` can be handed to the operating system.
  static func validate(path: String) throws(ResNetError) {
    guard !path.isEmpty else { throw ResNetError(.invalidArgument, "the path is empty") }
    guard !path.utf8.contains(0) else {
      throw ResNetError(.invalidArgument, "the path contains a zero byte")
    }
  }
}
