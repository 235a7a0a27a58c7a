import ResNet

extension Model {
  /// A model from a file of another program, whose format is found from its contents; its network is
  /// found from its tensors. It takes the images that the file's network takes, unless the options say
  /// otherwise.
  ///
  /// An ONNX file may have its values in other files of its folder.
  ///
  /// The report says what was in the file besides. Without `partial`, nothing but what is of no use
  /// here may be. The file need not be trusted.
  ///
  /// Throws `notFound` and `inputOutput` as ``load(from:)`` does, `badFormat` for a file that is not
  /// understood, naming the tensor, `shapeMismatch` if tensors are missing, unexpected or of other
  /// shapes, `notFinite`, and `invalidArgument` if preprocessing is asked for of a network without 3
  /// channels or with its own, or an option contradicts a graph.
  public static func importing(
    _ path: String, options: ImportOptions = ImportOptions(), report: inout ImportReport
  ) throws(ResNetError) -> Model {
    try WeightsFile.with(path) { source throws(ResNetError) in
      try WeightsFile.model(source, options, &report)
    }
  }

  /// The same of a file's bytes in memory, which must have all values themselves.
  public static func importing(
    bytes: UnsafeRawBufferPointer, options: ImportOptions = ImportOptions(),
    report: inout ImportReport
  ) throws(ResNetError) -> Model {
    try WeightsFile.model(.memory(bytes), options, &report)
  }

  /// Sets the tensors of this model to those of a file of another program. With `partial`, those that
  /// fit; the others stay as they are, and the report names them. On failure the model is as it was.
  ///
  /// Throws as ``importing(_:options:report:)`` does.
  public func importWeights(
    from path: String, partial: Bool = false, report: inout ImportReport
  ) throws(ResNetError) {
    try WeightsFile.with(path) { source throws(ResNetError) in
      try WeightsFile.set(self, to: source, partial: partial, &report)
    }
  }

  /// The same of a file's bytes in memory.
  public func importWeights(
    bytes: UnsafeRawBufferPointer, partial: Bool = false, report: inout ImportReport
  ) throws(ResNetError) {
    try WeightsFile.set(self, to: .memory(bytes), partial: partial, &report)
  }
}
