import ResNet

/// A model as files of Keras's, for `keras.applications`' ResNet50, 101 and 152, or those of other widths
/// and depths made of the same blocks.
struct KerasExport {
  private let network: PublishedNetwork

  init(_ model: Model) throws(ResNetError) {
    // In the order of a Keras model's layers.
    network = try PublishedNetwork(
      model, for: "Keras", stemPool: .padded, affines: [.batchNorm], order: [1, 2, 0, 3])
  }

  private typealias Variable = (name: String, shape: [Int], values: [Float])

  /// Calls `body` with each layer's name and variables, in the order of the model's layers.
  private func forEachLayer(
    _ body: (_ name: String, _ kind: Int, [Variable]) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    func convolution(_ name: String, _ place: LayerPlace) throws(ResNetError) {
      let weight = "\(place.convolution).weight"
      let shape = try network.shape(weight)
      let kernel = try ForeignLayers.toKeras(
        try network.values(weight), outputs: shape[0], inputs: shape[1], area: shape[2] * shape[3])
      try body(
        name, 0,
        [
          ("kernel", [shape[2], shape[3], shape[1], shape[0]], kernel),
          ("bias", [shape[0]], [Float](repeating: 0, count: shape[0])),
        ])
    }
    func batchNorm(_ name: String, _ place: LayerPlace) throws(ResNetError) {
      let shape = try network.shape("\(place.batchNorm).weight")
      // Keras's BN has the epsilon 1.001e-5.
      let variance = try network.values("\(place.batchNorm).running_var").map {
        Float(Double($0) - (1.001e-5 - 1e-5))
      }
      try body(
        name, 1,
        [
          ("gamma", shape, try network.values("\(place.batchNorm).weight")),
          ("beta", shape, try network.values("\(place.batchNorm).bias")),
          ("moving_mean", shape, try network.values("\(place.batchNorm).running_mean")),
          ("moving_variance", shape, variance),
        ])
    }
    try convolution("conv1_conv", .stem)
    try batchNorm("conv1_bn", .stem)
    for (stage, block, index) in network.positions {
      let place = LayerPlace(stage: stage, block: block, index: index)
      let prefix = "conv\(stage + 2)_block\(block + 1)_"
      try convolution("\(prefix)\(index)_conv", place)
      // Keras orders layers by their distance from the sum: the projection's BN is beside the last one.
      if index == 3, block == 0 {
        try batchNorm("\(prefix)0_bn", LayerPlace(stage: stage, block: block, index: 0))
      }
      if index > 0 { try batchNorm("\(prefix)\(index)_bn", place) }
    }
    let shape = try network.shape("fc.weight")
    let kernel = try ForeignLayers.toKeras(
      try network.values("fc.weight"), outputs: shape[0], inputs: shape[1], area: 1)
    try body(
      "predictions", 2,
      [
        ("kernel", [shape[1], shape[0]], kernel),
        ("bias", [shape[0]], try network.values("fc.bias")),
      ])
  }

  /// As Keras 2 writes weights.
  func legacy() throws(ResNetError) -> HDF5Contents {
    var root = HDF5Contents()
    var names: [String] = []
    try forEachLayer { name, _, variables throws(ResNetError) in
      var inner = HDF5Contents()
      for variable in variables {
        try inner.add("\(variable.name):0", variable.values, shape: variable.shape)
      }
      var outer = HDF5Contents()
      outer.set("weight_names", pieces: variables.map { "\(name)/\($0.name):0" })
      outer.add(name, inner)
      root.add(name, outer)
      names.append(name)
    }
    root.set("layer_names", pieces: names)
    root.set("backend", "tensorflow")
    // Of the layout, from which Keras knows how to read it.
    root.set("keras_version", "2.15.0")
    return root
  }

  /// As Keras 3 writes weights.
  func weights() throws(ResNetError) -> HDF5Contents {
    let classes = ["conv2d", "batch_normalization", "dense"]
    var counts = [0, 0, 0]
    var layers = HDF5Contents()
    try forEachLayer { name, kind, variables throws(ResNetError) in
      var vars = HDF5Contents()
      for (index, variable) in variables.enumerated() {
        try vars.add("\(index)", variable.values, shape: variable.shape)
      }
      vars.set("name", name)
      var layer = HDF5Contents()
      layer.add("vars", vars)
      layers.add(counts[kind] == 0 ? classes[kind] : "\(classes[kind])_\(counts[kind])", layer)
      counts[kind] += 1
    }
    var root = HDF5Contents()
    root.add("layers", layers)
    root.add("vars", HDF5Contents())
    return root
  }
}
