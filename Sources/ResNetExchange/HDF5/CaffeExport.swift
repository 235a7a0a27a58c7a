import ResNet

/// A model as a snapshot of Caffe's, with the layers' names of the published networks. Without BN, as
/// where it was folded into the convolutions, these have biases, and their BatchNorm and Scale layers
/// are missing.
enum CaffeExport {
  static func contents(of model: Model) throws(ResNetError) -> HDF5Contents {
    let network = try PublishedNetwork(
      model, for: "Caffe", stemPool: .ceil, affines: [.batchNorm, .bias], order: [0, 1, 2, 3])
    // The published ResNet-50 has letters alone, and a bias in its first convolution.
    let isDeep = model.network.stages.contains { $0.blocks > 6 }
    guard isDeep || model.network.stages.allSatisfy({ $0.blocks <= 26 }) else {
      throw ResNetError(.invalidArgument, "Caffe's ResNets have at most 26 blocks in a stage")
    }
    var data = HDF5Contents()
    func add(_ name: String, _ blobs: [(shape: [Int], values: [Float])]) throws(ResNetError) {
      var layer = HDF5Contents()
      for (index, blob) in blobs.enumerated() {
        try layer.add("\(index)", blob.values, shape: blob.shape)
      }
      data.add(name, layer)
    }
    func convolution(
      _ name: String, _ suffix: String, _ place: LayerPlace, hasBias: Bool = false
    ) throws(ResNetError) {
      let weight = "\(place.convolution).weight"
      let shape = try network.shape(weight)
      let count = [shape[0]]
      var blobs = [(shape, try network.values(weight))]
      guard model.network.affine == .batchNorm else {
        try add(name, blobs + [(count, try network.values("\(place.convolution).bias"))])
        return
      }
      if hasBias { blobs.append((count, [Float](repeating: 0, count: shape[0]))) }
      try add(name, blobs)
      try add(
        "bn\(suffix)",
        [
          (count, try network.values("\(place.batchNorm).running_mean")),
          (count, try network.values("\(place.batchNorm).running_var")), ([1], [1]),
        ])
      try add(
        "scale\(suffix)",
        [
          (count, try network.values("\(place.batchNorm).weight")),
          (count, try network.values("\(place.batchNorm).bias")),
        ])
    }
    try convolution("conv1", "_conv1", .stem, hasBias: !isDeep)
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    for (stage, block, index) in network.positions {
      let isLettered = !isDeep || model.network.stages[stage].blocks <= 3 || block == 0
      let label = isLettered ? "\(letters[block])" : "b\(block)"
      let branch = index == 0 ? "1" : "2\(letters[index - 1])"
      let suffix = "\(stage + 2)\(label)_branch\(branch)"
      try convolution(
        "res\(suffix)", suffix, LayerPlace(stage: stage, block: block, index: index))
    }
    try add(
      "fc\(model.network.classes)",
      [
        (try network.shape("fc.weight"), try network.values("fc.weight")),
        ([model.network.classes], try network.values("fc.bias")),
      ])
    var root = HDF5Contents()
    root.add("data", data)
    return root
  }
}
