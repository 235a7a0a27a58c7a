import ResNet

extension ImportOptions.Preprocessing {
  /// Makes the model take RGB pixels from 0 to 255, if its network was trained on images so prepared.
  func apply(to model: Model) throws(ResNetError) {
    guard self != .none else { return }
    guard model.network.inputChannels == 3 else {
      throw ResNetError(
        .invalidArgument,
        "preprocessing is for images of 3 channels, and the file's network takes "
          + "\(model.network.inputChannels)")
    }
    guard model.normalization == .identity else {
      throw ResNetError(
        .invalidArgument,
        "preprocessing was asked for, and the file's network normalises its input already; import it "
          + "without preprocessing")
    }
    if self == .torch {
      try model.setNormalization(
        Normalization(
          mean: [123.675, 116.28, 103.53], scale: [1 / 58.395, 1 / 57.12, 1 / 57.375]))
      return
    }
    // Of RGB now.
    try model.setNormalization(Normalization(mean: [123.68, 116.779, 103.939]))
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
