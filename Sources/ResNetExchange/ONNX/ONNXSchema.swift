/// The numbers of onnx.proto that are read and written.
enum ONNX {
  /// What a model's metadata are called in `metadata_props`, before their own names.
  static let ownMetadata = "libresnet.metadata."

  enum Model {
    static let irVersion = 1
    static let producerName = 2
    static let producerVersion = 3
    static let graph = 7
    static let opsetImport = 8
    static let metadata = 14
  }

  enum Graph {
    static let node = 1
    static let name = 2
    static let initializer = 5
    static let input = 11
    static let output = 12
    static let sparseInitializer = 15
  }

  enum Node {
    static let input = 1
    static let output = 2
    static let name = 3
    static let operation = 4
    static let attribute = 5
    static let domain = 7
  }

  enum Attribute {
    static let name = 1
    static let float = 2
    static let int = 3
    static let string = 4
    static let tensor = 5
    static let ints = 8
    static let type = 20
    /// Values of `type`.
    static let isFloat = 1
    static let isInt = 2
    static let isInts = 7
  }

  /// The fields from a ValueInfoProto to a side of its tensor: type, tensor_type, shape, dim, dim_value.
  static let sides = [2, 1, 2, 1, 1]

  enum Tensor {
    static let dims = 1
    static let dataType = 2
    static let floatData = 4
    static let int32Data = 5
    static let int64Data = 7
    static let name = 8
    static let rawData = 9
    static let doubleData = 10
    static let externalData = 13
    static let dataLocation = 14
  }

  /// Values of a tensor's `data_type`.
  enum DataType {
    static let float = 1
    static let int32 = 6
    static let int64 = 7
    static let float16 = 10
    static let double = 11
    static let bfloat16 = 16
  }

  /// What is written: the format of ONNX 1.12, and its operations.
  static let irVersion = 8
  static let opset = 17
  /// The older ones have attributes where inputs are now; of newer ones none here has changed.
  static let readOpsets = 9...100
  /// What Protocol Buffers allow.
  static let maximumBytes = Int(Int32.max)

  /// The names of what a model is given and gives.
  static let images = "images"
  static let logits = "logits"
  static let mean = "input.mean"
  static let scale = "input.scale"
}
