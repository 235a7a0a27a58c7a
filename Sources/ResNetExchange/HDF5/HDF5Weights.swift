import ResNet

/// HDF5 files of other programs: which one wrote it is found from its groups and attributes.
package enum HDF5Weights {
  static func matches(_ head: [UInt8]) -> Bool { head.starts(with: HDF5Folder.signature) }

  /// Without verification checksums may be wrong, as for fuzzing.
  package static func read(_ source: FileSource, verifyingChecksums: Bool = true)
    throws(ResNetError) -> ImportedWeights
  {
    let root = try HDF5Folder(source, verifyingChecksums: verifyingChecksums)
    if root.has("model_weights") {
      let config = try root.texts("model_config")?.first.map { text throws(ResNetError) in
        try KerasConfig(text)
      }
      return try KerasFile.read(root.folder("model_weights"), config: config)
    }
    for group in ["layers", "_layer_checkpoint_dependencies"] where root.has(group) {
      return try KerasWeightsFile.read(root.folder(group))
    }
    if try root.texts("layer_names") != nil { return try KerasFile.read(root) }
    if root.has("data") { return try CaffeFile.read(root.folder("data")) }
    if try root.texts("format")?.first == ModelFile.format {
      throw ResNetError(.badFormat, "it is a model of this library's own: load it")
    }
    throw ResNetError(
      .badFormat,
      "it is an HDF5 file of neither Keras (layer_names, model_weights or layers) nor Caffe (data)")
  }
}
