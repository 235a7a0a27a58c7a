import ResNet

extension Model {
  /// Writes the model's weights to a file for another program: in `format` or, if nil, in that of the
  /// path's extension. Input normalisation and class names are written where the format has a place for
  /// them.
  ///
  /// The file is written whole or not at all, as ``save(to:)`` does. Throws `invalidArgument` if the
  /// format cannot be told or cannot hold the model, `notFinite` and `inputOutput`.
  public func export(to path: String, format: FileFormat? = nil) throws(ResNetError) {
    do throws(ResNetError) {
      try ModelFile.validate(path: path)
      guard let format = format ?? FileFormat(extensionOf: path) else {
        throw ResNetError(
          .invalidArgument,
          "its extension does not say the format: use "
            + FileFormat.extensions.map(\.0).joined(separator: ", ") + ", or give the format")
      }
      try withExtendedLifetime(try parameters) { () throws(ResNetError) in
        for tensor in layout.tensors {
          guard try parameters[tensor].allSatisfy(\.isFinite) else {
            throw ResNetError(
              .notFinite, "tensor \(tensor.name) holds a value that is not finite")
          }
        }
        switch format {
        case .safetensors: try SafetensorsFile.write(self, to: path)
        case .onnx: try ONNXExport.write(self, to: path)
        case .torch: try TorchArchive.write(self, to: path)
        case .keras: try KerasExport(self).legacy().write(to: path)
        case .kerasWeights: try KerasExport(self).weights().write(to: path)
        case .caffe: try CaffeExport.contents(of: self).write(to: path)
        }
      }
    } catch {
      throw ResNetError(error.kind, "cannot export \(path): \(error.message)")
    }
  }
}
