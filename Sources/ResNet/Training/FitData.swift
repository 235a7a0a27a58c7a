/// What is compared of the datasets when a training is resumed: what can be told of them at once, without
/// reading their images. A checkpoint of an early version does not tell what is nil.
struct FitData {
  let images: Int
  let hasValidation: Bool
  var validationImages: Int?
  var training = Look()
  var validation = Look()

  /// One of the datasets, as the training sees it.
  struct Look {
    /// See ``TrainingData/appearance``.
    var appearance: String?
    /// See ``TrainingData/checksum(of:)`` and ``LabelMap/checksum``; nil, too, for a dataset that has none.
    var checksum: Int?
  }
}

extension FitData.Look {
  init(_ data: any TrainingData, _ labels: LabelMap) throws(ResNetError) {
    try expectMemory(
      data.count, of: 2 * MemoryLayout<Int>.stride, for: "the order of \(data.count) images")
    appearance = data.appearance
    checksum = data.checksum(of: Array(0..<data.count)).map { Int($0 ^ labels.checksum) }
  }

  /// Throws `invalidArgument`, with what differs, unless it may be what the training was begun with.
  fileprivate func validate(resumedWith new: Self, _ role: String) throws(ResNetError) {
    if let appearance, let now = new.appearance {
      try FitState.require(role + " images seen as", appearance, now)
    }
    if let checksum, let now = new.checksum, checksum != now {
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed was begun with other \(role) images: they are as many, but "
          + "labels, names or pixels differ, or their order; it must be given the same ones")
    }
  }
}

extension FitData {
  /// Throws `invalidArgument`, with what differs, unless these may be what the training was begun with.
  func validate(resumedWith new: FitData) throws(ResNetError) {
    try FitState.require(
      "training images, in number", images.description, new.images.description)
    try FitState.require(
      "validation data", hasValidation ? "given" : "none", new.hasValidation ? "given" : "none")
    if let validationImages, let now = new.validationImages {
      try FitState.require(
        "validation images, in number", validationImages.description, now.description)
    }
    try training.validate(resumedWith: new.training, "training")
    try validation.validate(resumedWith: new.validation, "validation")
  }
}
