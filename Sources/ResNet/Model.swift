/// A network with its weights, its input normalisation and its class names.
///
/// A model may be used from any thread, by one thread at a time.
public final class Model {
  public let network: Network
  public let graph: Graph
  /// The names, shapes and order of its tensors.
  public let layout: ParameterLayout
  let weights: Weights
  public private(set) var normalization = Normalization.identity
  /// One name per class, or none at all.
  public private(set) var classNames: [String] = []
  /// What else is to be kept with the model, by name: such as its author, its licence or how it was trained.
  /// Names that begin with `resnet.` are the library's own.
  public private(set) var metadata: [String: String] = [:]
  var inference = InferenceCache()

  /// A model with fresh weights (He's method, normal with variance 2/fan-in, or less before maxout
  /// units; BN scale 1, biases 0, but those of gates -2). The same seed gives the same weights.
  public convenience init(_ network: Network, seed: UInt64 = 0) throws(ResNetError) {
    try self.init(unset: network)
    try initializeWeights(seed: seed)
  }

  /// A model whose tensors are all zero.
  package convenience init(zeros network: Network) throws(ResNetError) {
    try self.init(network, zeroed: true)
  }

  /// A model whose tensors' values are undefined, for a reader to set them all.
  package convenience init(unset network: Network) throws(ResNetError) {
    try self.init(network, zeroed: false)
  }

  private init(_ network: Network, zeroed: Bool) throws(ResNetError) {
    self.network = network
    graph = try Graph(network)
    layout = ParameterLayout(graph)
    weights = .memory(try ParameterStore(layout, zeroed: zeroed))
  }

  /// A model whose tensors stay in their file.
  init(_ network: Network, in file: StoredParameters) throws(ResNetError) {
    self.network = network
    graph = try Graph(network)
    layout = ParameterLayout(graph)
    weights = .file(file)
  }

  /// Sets how pixels become network inputs; see ``Normalization/validate(channels:)``.
  public func setNormalization(_ new: Normalization) throws(ResNetError) {
    try new.validate(channels: network.inputChannels)
    normalization = new
  }

  /// Sets the class names: one per class, or none.
  public func setClassNames(_ names: [String]) throws(ResNetError) {
    guard names.isEmpty || names.count == network.classes else {
      throw ResNetError(
        .shapeMismatch, "got \(names.count) class names for \(network.classes) classes")
    }
    classNames = names
  }

  /// The names of ``metadata`` have at most so many bytes of UTF-8.
  public static let maximumMetadataName = 255
  /// The values of ``metadata`` have at most so many bytes of UTF-8.
  public static let maximumMetadataValue = 32_768
  /// There are at most so many.
  public static let maximumMetadataCount = 256

  /// Sets or, by nil, removes a value of ``metadata``.
  ///
  /// Throws `invalidArgument` if a text is too long or contains a zero byte, the name is empty, or there
  /// are too many.
  public func setMetadata(_ value: String?, for name: String) throws(ResNetError) {
    let length = name.utf8.count
    guard (1...Self.maximumMetadataName).contains(length), !name.utf8.contains(0) else {
      throw ResNetError(
        .invalidArgument,
        "the name of metadata has \(length) bytes\(name.utf8.contains(0) ? ", zero among them" : ""), "
          + "expected 1 to \(Self.maximumMetadataName) that are not zero")
    }
    guard let value else {
      metadata[name] = nil
      return
    }
    guard value.utf8.count <= Self.maximumMetadataValue, !value.utf8.contains(0) else {
      throw ResNetError(
        .invalidArgument,
        "the metadata \(name) has \(value.utf8.count) bytes"
          + (value.utf8.contains(0) ? ", zero among them" : "")
          + ", expected at most \(Self.maximumMetadataValue) that are not zero")
    }
    guard metadata[name] != nil || metadata.count < Self.maximumMetadataCount else {
      throw ResNetError(
        .invalidArgument,
        "with \(name) there are more metadata than the \(Self.maximumMetadataCount) that a model may have"
      )
    }
    metadata[name] = value
  }

  /// The values of a tensor, row-major; `layout` has its shape.
  public func tensor(named name: String) throws(ResNetError) -> [Float] {
    let tensor = try find(name)
    var values = [Float](repeating: 0, count: tensor.count)
    let outcome = values.withUnsafeMutableBufferPointer { buffer in
      Result { () throws(ResNetError) in try copy(tensor, to: buffer) }
    }
    try outcome.get()
    return values
  }

  /// Replaces the values of a tensor. They must be exactly as many, finite and, of variances, not negative.
  public func setTensor(named name: String, to values: [Float]) throws(ResNetError) {
    let outcome = values.withUnsafeBufferPointer { buffer in
      Result { () throws(ResNetError) in try setTensor(named: name, to: buffer) }
    }
    try outcome.get()
  }

  package func setTensor(named name: String, to values: UnsafeBufferPointer<Float>)
    throws(ResNetError)
  {
    let tensor = try find(name)
    guard values.count == tensor.count else {
      throw ResNetError(
        .shapeMismatch,
        "tensor \(name) has shape \(tensor.shape), that is \(tensor.count) values; "
          + "got \(values.count)")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw ResNetError(.notFinite, "tensor \(name) was given a value that is not finite")
    }
    guard tensor.kind != .runningVariance || values.allSatisfy({ $0 >= 0 }) else {
      throw ResNetError(
        .invalidArgument, "tensor \(name) is of variances, and was given a negative one")
    }
    let store = try parameters
    _ = store[tensor].update(fromContentsOf: values)
    store.noteChange()
  }

  package func find(_ name: String) throws(ResNetError) -> ParameterLayout.Tensor {
    guard let tensor = layout.tensor(named: name) else {
      throw ResNetError(
        .notFound,
        "\(network.name) has no tensor \"\(name)\"; the first of its "
          + "\(layout.tensors.count) is \"\(layout.tensors[0].name)\"")
    }
    return tensor
  }
}
