/// What is compared of the datasets when a training is resumed: what can be told of them at once, without
/// reading their images. A checkpoint of an early version does not tell what is nil.
struct FitData {
  let images: Int
  let hasValidation: Bool
  var validationImages: Int?
  /// See ``TrainingData/appearance``.
  var appearance: String?
  /// See ``TrainingData/checksum(of:)``; nil, too, for a dataset that has none.
  var checksum: Int?
}

extension FitData {
  init(_ data: any TrainingData, validation: (any TrainingData)?) {
    images = data.count
    hasValidation = validation != nil
    validationImages = validation?.count
    appearance = data.appearance
    checksum = data.checksum(of: Array(0..<data.count)).map { Int($0) }
  }

  /// Throws `invalidArgument`, with what differs, unless these may be what the training was begun with.
  func validate(resumedWith new: FitData) throws(ResNetError) {
    try FitState.require("training images, in number", "\(images)", "\(new.images)")
    try FitState.require(
      "validation data", hasValidation ? "given" : "none", new.hasValidation ? "given" : "none")
    if let validationImages, let now = new.validationImages {
      try FitState.require("validation images, in number", "\(validationImages)", "\(now)")
    }
    if let appearance, let now = new.appearance {
      try FitState.require("images seen as", appearance, now)
    }
    if let checksum, let now = new.checksum, checksum != now {
      throw ResNetError(
        .invalidArgument,
        "the training that is to be resumed was begun with other training images: they are as many, but "
          + "labels, names or pixels differ, or their order; it must be given the same ones")
    }
  }
}
