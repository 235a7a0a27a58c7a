import ResNet

/// A whole model as Keras 3 writes it, `.keras`: a zip archive of its description and its weights.
enum KerasArchive {
  private static let weights = "model.weights.h5"
  private static let config = "config.json"
  /// Of a description; that of ResNet-152 has half a megabyte.
  private static let longestConfig = 1 << 24

  /// Nil for other archives.
  static func read(_ archive: ZipArchive, in source: FileSource) throws(ResNetError)
    -> ImportedWeights?
  {
    guard let place = try archive.place(weights) else { return nil }
    let text = try archive.bytes(config, atMost: longestConfig)
    let root = try HDF5Folder(.part(source, place))
    return try KerasWeightsFile.read(
      root.folder("layers"), config: KerasConfig(String(decoding: text, as: UTF8.self)))
  }
}
