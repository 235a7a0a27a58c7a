/// A format that other programs keep weights in.
public enum FileFormat: Int, Sendable, CaseIterable {
  /// Hugging Face's: a JSON header, and the tensors one after the other.
  case safetensors = 1
  /// What `torch.save` writes: pickled, in a zip archive or, by PyTorch before 1.6, in one stream.
  case torch = 2
  /// The graph of a network and its weights, of the Open Neural Network Exchange.
  case onnx = 3
  /// HDF5 as Keras 2 writes weights or whole models, and Keras 3 those that it calls legacy: `.h5`.
  case keras = 4
  /// HDF5 as Keras 3 writes weights: `.weights.h5`.
  case kerasWeights = 5
  /// Caffe's HDF5 snapshots: `.caffemodel.h5`.
  case caffe = 6

  /// How it is called in messages.
  public var title: String {
    switch self {
    case .safetensors: "safetensors"
    case .torch: "PyTorch"
    case .onnx: "ONNX"
    case .keras: "Keras"
    case .kerasWeights: "Keras 3"
    case .caffe: "Caffe"
    }
  }

  /// The extensions that say a format; of two that fit, the first does.
  package static let extensions: [(String, FileFormat)] = [
    (".safetensors", .safetensors), (".pth", .torch), (".pt", .torch), (".onnx", .onnx),
    (".caffemodel.h5", .caffe), (".weights.h5", .kerasWeights), (".h5", .keras),
  ]

  /// The format of files with the extension of `path`, if there is one.
  init?(extensionOf path: String) {
    guard let match = Self.extensions.first(where: { path.hasSuffix($0.0) }) else { return nil }
    self = match.1
  }
}
