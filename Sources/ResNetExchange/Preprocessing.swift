import ResNet

extension ImportOptions.Preprocessing {
  /// Makes the model take RGB in [0, 1], if its network was trained on images so prepared.
  func apply(to model: Model) throws(ResNetError) {
    guard self != .none else { return }
    guard model.network.inputChannels == 3 else {
      throw ResNetError(
        .invalidArgument,
        "preprocessing is for images of 3 channels, and the file's network takes "
          + "\(model.network.inputChannels)")
    }
    if self == .torch {
      try model.setNormalization(
        Normalization(
          mean: [0.485, 0.456, 0.406], scale: [1 / 0.229, 1 / 0.224, 1 / 0.225]))
      return
    }
    // 255 x - mean, of RGB now.
    try model.setNormalization(
      Normalization(
        mean: [123.68 / 255, 116.779 / 255, 103.939 / 255], scale: [255, 255, 255]))
    let stem = model.layout.tensors[0]
    let values = try model.parameters[stem]
    let area = stem.shape.count == 4 ? stem.shape[2] * stem.shape[3] : 1
    for output in 0..<stem.shape[0] {
      let first = output * 3 * area
      for index in first..<first + area { values.swapAt(index, index + 2 * area) }
    }
    try model.parameters.noteChange()
  }
}
