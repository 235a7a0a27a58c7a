import ResNet
import ResNetData

/// An image file as a dataset reads it, for testing and varied for training; its last bytes choose how.
func fuzzPhoto(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var choices = ByteSource(UnsafeRawBufferPointer(rebasing: bytes.suffix(16)))
  let options = ImageFileDataset.Options(&choices)
  let seed = UInt64(choices.byte())
  let folder = try ScratchFolder()
  let path = try folder.write(bytes, to: "photo")
  let files = try certain("one file") { () throws(ResNetError) in
    try ImageFiles(paths: [path], labels: [0])
  }
  guard
    let data = try refusable({ () throws(ResNetError) in
      try ImageFileDataset(files, options: options)
    })
  else { return }
  let size = data.channels * data.extent.height * data.extent.width
  var pixels = [Float](repeating: .nan, count: size)
  var label: Int32 = -1
  for augmentation in [nil, data.augmentation] {
    let outcome = pixels.withUnsafeMutableBufferPointer { pixels in
      withUnsafeMutablePointer(to: &label) { label in
        Result { () throws(ResNetError) in
          try data.read(
            [0], normalization: .identity, augmentation: augmentation, seed: seed, epoch: 1,
            images: pixels, labels: UnsafeMutableBufferPointer(start: label, count: 1))
        }
      }
    }
    guard try refusable({ () throws(ResNetError) in try outcome.get() }) != nil else { continue }
    try require(label == 0, "label \(label)")
    try require(pixels.allSatisfy(\.isFinite), "a pixel is not finite")
    guard augmentation == nil || options.variation?.colour == nil else { continue }
    try require(pixels.allSatisfy { (0...255).contains($0) }, "a pixel is not a byte's")
  }
}

extension ImageFileDataset.Options {
  fileprivate init(_ choices: inout ByteSource) {
    self.init()
    channels = choices.flag() ? 1 : 3
    crop = choices.number(1...24)
    resize = choices.flag() ? choices.number(1...40) : nil
    filter = choices.choice(ResamplingFilter.self)
    pixelLimit = 1 << 16
    scaledDecoding = choices.flag()
    damage = choices.flag() ? .skip : .fatal
    let (least, spread) = (choices.number(1...40), Int(choices.byte()))
    let (share, aspect) = (Double(choices.byte()) / 255, 0.01 + Double(choices.byte()) / 64)
    let parts = [
      ImageVariation.Part.area(share: share...max(share, 1), aspect: aspect...2 * aspect),
      .scaled(
        shorterSide:
          least...(least.addingReportingOverflow(spread).overflow ? least : least + spread)),
    ]
    guard choices.flag() else { return }
    variation = ImageVariation(
      part: parts[Int(choices.byte()) % parts.count], mirror: choices.flag(),
      colour: choices.flag() ? .imageNet : nil)
  }
}
