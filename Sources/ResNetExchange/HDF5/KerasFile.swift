import ResNet

/// Weights as Keras 2 writes them, and whole models: a group per layer, whose attribute `weight_names`
/// lists its datasets.
enum KerasFile {
  /// Of a file of weights alone, epsilon and strides are those of the networks with its layers' names.
  static func read(_ root: HDF5Folder, config: KerasConfig? = nil) throws(ResNetError)
    -> ImportedWeights
  {
    var weights = ImportedWeights(.keras)
    weights.bottleneckStride = config?.bottleneckStride ?? .conv1x1
    if try root.texts("backend")?.first == "theano" {
      throw ResNetError(
        .badFormat,
        "its kernels are Theano's, which are turned by 180 degrees: convert it to TensorFlow")
    }
    var layers = ForeignLayers()
    var isOld = false
    for layer in try root.texts("layer_names") ?? [] {
      let folder = try root.folder(layer)
      for name in try folder.texts("weight_names") ?? [] {
        let (tensor, variable) = try tensor(name, in: folder)
        // In a layer that is a model, the name's last folder is the layer.
        let parts = name.split(separator: "/")
        let owner = parts.count > 1 ? String(parts[parts.count - 2]) : layer
        if owner.hasSuffix("_preact_bn") || owner == "post_bn" {
          throw ResNetError(
            .badFormat,
            "\(tensor.path) is of a ResNet V2: BN before the convolutions is not in the library")
        }
        let new = LayerPlace.keras(owner)
        guard let (place, part) = new ?? LayerPlace.caffe(owner), part != .scale,
          let value = value(variable, owner, part)
        else {
          weights.notes.append(
            .init(.unexpected, tensor.path, "no layer of Keras's ResNets has this name"))
          continue
        }
        if new == nil { isOld = true }
        try layers.set(value, of: place, to: tensor)
      }
    }
    try layers.add(
      to: &weights, isKeras: true, epsilon: config?.epsilon ?? (isOld ? 1e-3 : 1.001e-5))
    return weights
  }

  /// The dataset that a weight's name leads to, and its last part.
  private static func tensor(_ name: String, in folder: HDF5Folder)
    throws(ResNetError) -> (HDF5Tensor, String)
  {
    let parts = name.split(separator: "/").map { String($0) }
    guard let last = parts.last, parts.count <= 16 else {
      throw ResNetError(.badFormat, "\(folder.path) has a weight without a name")
    }
    var folder = folder
    for part in parts.dropLast() { folder = try folder.folder(part) }
    return (try folder.tensor(last), last)
  }

  private static let values: [(name: String, part: LayerPlace.Part, value: ForeignLayers.Value)] = [
    ("kernel", .convolution, .kernel), ("W", .convolution, .kernel),
    ("bias", .convolution, .bias), ("b", .convolution, .bias), ("gamma", .batchNorm, .gamma),
    ("beta", .batchNorm, .beta), ("moving_mean", .batchNorm, .mean),
    ("running_mean", .batchNorm, .mean), ("moving_variance", .batchNorm, .variance),
    // It was called so, and has always been the variance.
    ("running_std", .batchNorm, .variance),
  ]

  /// Of `kernel`, `kernel:0` or, by Keras 1, `conv1_W_1:0`.
  private static func value(_ variable: String, _ layer: String, _ part: LayerPlace.Part)
    -> ForeignLayers.Value?
  {
    var name = variable[...]
    if let colon = name.lastIndex(of: ":") { name = name[..<colon] }
    if name.hasPrefix(layer + "_") {
      name = name.dropFirst(layer.count + 1)
      if name.hasSuffix("_1") { name = name.dropLast(2) }
    }
    return values.first { $0.name == name && $0.part == part }?.value
  }
}
