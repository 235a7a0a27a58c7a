import ResNet

/// Weights as Keras 3 writes them: `layers/CLASS_NUMBER/vars/INDEX`. The layer's own name is an attribute
/// of `vars`; earlier versions had none, and there the order of the layers says what they are.
enum KerasWeightsFile {
  private struct Layer {
    let number: Int
    let name: String?
    let tensors: [HDF5Tensor]
  }

  private static let classes: [(prefix: String, values: [ForeignLayers.Value])] = [
    ("conv2d", [.kernel, .bias]),
    ("batch_normalization", [.gamma, .beta, .mean, .variance]),
    ("dense", [.kernel, .bias]),
  ]

  /// Of a file of weights alone, epsilon and strides are those of the networks with its layers' names.
  static func read(_ root: HDF5Folder, config: KerasConfig? = nil) throws(ResNetError)
    -> ImportedWeights
  {
    var weights = ImportedWeights(.kerasWeights)
    weights.bottleneckStride = config?.bottleneckStride ?? .conv1x1
    var found: [[Layer]] = classes.map { _ in [] }
    for name in root.names {
      let folder = try root.folder(name)
      guard folder.has("vars") else {
        if !folder.names.isEmpty {
          weights.notes.append(.init(.unexpected, folder.path, "it is a model within the model"))
        }
        continue
      }
      let variables = try folder.folder("vars")
      guard !variables.names.isEmpty else { continue }
      guard let kind = classes.firstIndex(where: { number(name, $0.prefix) != nil }),
        let number = number(name, classes[kind].prefix),
        variables.names.count <= classes[kind].values.count
      else {
        weights.notes.append(.init(.unexpected, folder.path, "no layer of Keras's ResNets is this"))
        continue
      }
      var tensors: [HDF5Tensor] = []
      for index in variables.names.indices { tensors.append(try variables.tensor("\(index)")) }
      let layer = Layer(
        number: number, name: try variables.texts("name")?.first, tensors: tensors)
      found[kind].append(layer)
    }
    for kind in found.indices { found[kind].sort { $0.number < $1.number } }
    let order = places(found[0])
    var layers = ForeignLayers()
    for (kind, list) in found.enumerated() {
      for (index, layer) in list.enumerated() {
        var place: LayerPlace?
        if let name = layer.name {
          if name.hasSuffix("_preact_bn") || name == "post_bn" {
            throw ResNetError(
              .badFormat,
              "\(layer.tensors[0].path) is of a ResNet V2: BN before the convolutions is not in the library"
            )
          }
          place = (LayerPlace.keras(name) ?? LayerPlace.caffe(name))?.0
        } else if kind == 2 {
          place = list.count == 1 ? .classifier : nil
        } else {
          place = index < order.count ? order[index] : nil
        }
        guard let place else {
          weights.notes.append(
            .init(
              .unexpected, layer.tensors[0].path,
              "no layer of Keras's ResNets is called \(layer.name ?? "so")"))
          continue
        }
        for (value, tensor) in zip(classes[kind].values, layer.tensors) {
          try layers.set(value, of: place, to: tensor)
        }
      }
    }
    try layers.add(to: &weights, isKeras: true, epsilon: config?.epsilon ?? 1.001e-5)
    return weights
  }

  /// Of `conv2d` (0) or `conv2d_12`.
  private static func number(_ name: String, _ prefix: String) -> Int? {
    if name == prefix { return 0 }
    guard name.hasPrefix(prefix + "_"), name.utf8.count < prefix.utf8.count + 8 else { return nil }
    return Int(name.dropFirst(prefix.count + 1))
  }

  /// What the convolutions are if they are in Keras's order: the stem, and for each block 1x1, 3x3, the
  /// projection if there is one, and 1x1. A stage begins where there is a projection.
  private static func places(_ convolutions: [Layer]) -> [LayerPlace] {
    /// Extents of a kernel: its side, inputs and outputs.
    func kernel(_ index: Int) -> (side: Int, inputs: Int, outputs: Int)? {
      guard index < convolutions.count, let shape = convolutions[index].tensors.first?.shape,
        shape.count == 4
      else { return nil }
      return (shape[0], shape[2], shape[3])
    }
    var places = [LayerPlace.stem]
    var (stage, block) = (-1, 0)
    while let first = kernel(places.count), kernel(places.count + 1) != nil,
      kernel(places.count + 2) != nil
    {
      // A projection stands before the block's last convolution, which reads the block's width.
      let last = kernel(places.count + 3)
      let hasProjection = last.map { $0.side == 1 && $0.inputs == first.outputs } ?? false
      if hasProjection || stage < 0 { (stage, block) = (stage + 1, 0) }
      for index in hasProjection ? [1, 2, 0, 3] : [1, 2, 3] {
        places.append(LayerPlace(stage: stage, block: block, index: index))
      }
      block += 1
    }
    return places
  }
}
