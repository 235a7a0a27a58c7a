extension ModelFile {
  /// Extensions of the files that other programs keep weights in. `.h5` is Keras's and this library's, and
  /// `.keras` is read only.
  static let foreignExtensions = [
    ".pth", ".pt", ".safetensors", ".onnx", ".keras", ".weights.h5", ".caffemodel.h5",
  ]

  private static func foreignExtension(of path: String) -> String? {
    foreignExtensions.first { path.hasSuffix($0) }
  }

  /// Throws unless a model may be saved to `path`: a file with the extension of another program's would be
  /// taken for one.
  package static func validate(savingTo path: String) throws(ResNetError) {
    try validate(path: path)
    guard let other = foreignExtension(of: path) else { return }
    throw ResNetError(
      .invalidArgument,
      "\(other) is the extension of another program's files, and a model of libresnet is HDF5: call it .h5; or "
        + "export it (Model.export, rn_model_export, resnet convert) for the other program"
        + (other == ".keras" ? ", as .weights.h5" : ""))
  }

  /// What is to be said of a file with the extension of another program's, besides that it is no model.
  static func importAdvice(_ path: String) -> String {
    guard let other = foreignExtension(of: path) else { return "" }
    return
      "; \(other) is the extension of another program's files: import it (Model.importing in Swift, "
      + "import_model in Python, rn_model_import in C, resnet convert)"
  }
}
