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

  /// Nil if the model does not say. Whoever wrote its file may say what they like, but not that images fill the
  /// memory.
  init?(of model: Model?) {
    guard let text = model?.metadata[Self.metadataName],
      let settings = try? Settings(text, path: ""),
      let crop = settings["crop"].flatMap({ Int($0) }),
      let resize = settings["resize"].flatMap({ Int($0) }), (1...4096).contains(crop),
      (0...4096).contains(resize)
    else { return nil }
    self.init(crop: crop, resize: resize == 0 ? nil : resize)
  }

  /// Keeps with a model how it sees these images, if they are in files.
  static func keep(of data: any TrainingData, in model: Model) throws(ResNetError) {
    let options = (data as? ImageFileDataset)?.options
    try keep(options.map { SeenSize(crop: $0.crop, resize: $0.resize) }, in: model)
  }

  /// Keeps it with a model, or that it is not known.
  static func keep(_ size: SeenSize?, in model: Model) throws(ResNetError) {
    try model.setMetadata(
      size.map { size in
        var settings = Settings()
        size.describe(in: &settings)
        return settings.text
      }, for: metadataName)
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
