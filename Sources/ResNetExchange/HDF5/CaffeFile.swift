import ResNet

/// A snapshot of Caffe's: `data/LAYER/NUMBER`, with the layers' names of the networks that the paper's
/// authors published. BN may be there as a BatchNorm layer and a Scale layer, or folded into the
/// convolution, which then has a bias.
enum CaffeFile {
  static func read(_ data: HDF5Folder) throws(ResNetError) -> ImportedWeights {
    var weights = ImportedWeights(.caffe)
    weights.bottleneckStride = .conv1x1
    weights.stemPool = .ceil
    var layers = ForeignLayers()
    for name in data.names {
      let folder = try data.folder(name)
      let blobs = folder.names
      // Layers without weights are there, too.
      guard !blobs.isEmpty else { continue }
      guard let (place, part) = LayerPlace.caffe(name) else {
        weights.notes.append(
          .init(.unexpected, folder.path, "no layer of Caffe's ResNets has this name"))
        continue
      }
      for blob in blobs {
        let tensor = try folder.tensor(blob)
        switch (part, blob) {
        case (.convolution, "0"): try layers.set(.kernel, of: place, to: tensor)
        case (.convolution, "1"): try layers.set(.bias, of: place, to: tensor)
        case (.batchNorm, "0"): try layers.set(.mean, of: place, to: tensor)
        case (.batchNorm, "1"): try layers.set(.variance, of: place, to: tensor)
        case (.batchNorm, "2"): layers.setDivisor(of: place, to: tensor)
        case (.scale, "0"): try layers.set(.gamma, of: place, to: tensor)
        case (.scale, "1"): try layers.set(.beta, of: place, to: tensor)
        default:
          weights.notes.append(.init(.unexpected, tensor.path, "its layer has no such blob"))
        }
      }
    }
    try layers.add(to: &weights, isKeras: false, epsilon: 1e-5)
    return weights
  }
}
