import ResNet
import ResNetData

/// How a model sees image files, in pixels: kept with it, in its metadata, as its normalisation does not say it.
struct SeenSize {
  private static let metadataName = "resnet.images"

  /// Height and width.
  let crop: Int
  /// The shorter side before the crop; nil for a file's own.
  let resize: Int?

  init(crop: Int, resize: Int?) { (self.crop, self.resize) = (crop, resize) }

  /// Nil if a model does not say.
  init?(of model: Model?) { self.init(in: model?.metadata ?? [:]) }

  /// The same of a model's metadata. Whoever wrote them may say what they like, but not that images fill the
  /// memory.
  init?(in metadata: [String: String]) {
    guard let text = metadata[Self.metadataName],
      let settings = try? Settings(text, path: ""),
      let crop = settings["crop"].flatMap({ Int($0) }),
      let resize = settings["resize"].flatMap({ Int($0) }), (1...4096).contains(crop),
      (0...4096).contains(resize)
    else { return nil }
    self.init(crop: crop, resize: resize == 0 ? nil : resize)
  }

  /// Nil for images that are not in files.
  init?(of data: any TrainingData) {
    guard let options = (data as? ImageFileDataset)?.options else { return nil }
    self.init(crop: options.crop, resize: options.resize)
  }

  /// Keeps with a model how the files of its images are seen. If they are in none, nothing is kept: what the model
  /// says is of images that it had before.
  static func keep(of data: any TrainingData, in model: Model) throws(ResNetError) {
    guard let seen = SeenSize(of: data) else {
      try model.setMetadata(nil, for: metadataName)
      return
    }
    try seen.keep(in: model)
  }

  /// Keeps it with a model.
  func keep(in model: Model) throws(ResNetError) {
    var settings = Settings()
    describe(in: &settings)
    try model.setMetadata(settings.text, for: Self.metadataName)
  }

  /// As options say it.
  func describe(in settings: inout Settings) {
    settings.set("crop", crop)
    settings.set("resize", resize ?? 0)
  }

  var text: String {
    (resize.map { "resized to a shorter side of \($0), " } ?? "")
      + "the middle \(crop)x\(crop) of them"
  }

  var json: JSON {
    JSON.object([
      ("crop", .number(crop)), ("resize", resize.map { JSON.number($0) } ?? .null),
    ])
  }
}
