import ResNet
import ResNetData

/// The length of the file of labels, that file, and the file of images.
func fuzzIDX(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var source = ByteSource(bytes)
  let classes = source.number(0...12)
  let length = Int(source.word())
  let folder = try ScratchFolder()
  let labels = try folder.write(source.take(length), to: "labels")
  let images = try folder.write(source.remainder(), to: "images")
  let dataset = try refusable { () throws(ResNetError) in
    try IDXDataset(images: images, labels: labels, classes: classes)
  }
  if let dataset { try read(dataset) }
}

/// Which dataset, the length of the file of names, that file, and the file of records.
func fuzzCIFAR(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var source = ByteSource(bytes)
  let (isLarge, isCoarse) = (source.flag(), source.flag())
  let length = Int(source.word())
  let folder = try ScratchFolder()
  let names = source.take(length)
  if !names.isEmpty {
    _ = try folder.write(
      names,
      to: isLarge ? (isCoarse ? "coarse" : "fine") + "_label_names.txt" : "batches.meta.txt")
  }
  _ = try folder.write(source.remainder(), to: isLarge ? "test.bin" : "test_batch.bin")
  let dataset = try refusable { () throws(ResNetError) -> any TrainingData in
    isLarge
      ? try CIFAR100(directory: folder.path, split: .test, labels: isCoarse ? .coarse : .fine)
      : try CIFAR10(directory: folder.path, split: .test)
  }
  if let dataset { try read(dataset) }
}

/// A list of files, none of which is there.
func fuzzList(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  let folder = try ScratchFolder()
  let path = try folder.write(bytes, to: "list")
  let classes = bytes.last.map { $0 < 0x20 ? Int($0) : 0 } ?? 0
  guard
    let files = try refusable({ () throws(ResNetError) in
      try ImageFiles(list: path, classes: classes)
    })
  else { return }
  try require(files.count >= 1 && files.classes >= 1, "\(files.count) files")
  for index in 0..<files.count {
    try require((0..<files.classes).contains(files.label(index)), "label \(files.label(index))")
    try require(!files.path(index).isEmpty, "a file without a name")
  }
  let data = try certain("a dataset of files") { () throws(ResNetError) in
    try ImageFileDataset(files)
  }
  try require(data.count == files.count, "\(data.count) of \(files.count) images")
}

/// Every image and label of a dataset, which must be as it says.
func read(_ data: any TrainingData) throws(Finding) {
  let size = data.channels * data.extent.height * data.extent.width
  try require(data.count >= 1 && size >= 1, "a dataset of \(data.count) images of \(size) values")
  try require(
    data.classNames.isEmpty || data.classNames.count == data.classes,
    "\(data.classNames.count) names for \(data.classes) classes")
  guard size <= 1 << 20 else { return }
  var pixels = [Float](repeating: .nan, count: size)
  var labels: [Int32] = [-1]
  for index in 0..<min(data.count, 64) {
    let outcome = pixels.withUnsafeMutableBufferPointer { pixels in
      labels.withUnsafeMutableBufferPointer { labels in
        Result { () throws(ResNetError) in
          try data.read(
            [index], normalization: .identity, augmentation: nil, seed: 0, epoch: 0,
            images: pixels, labels: labels)
        }
      }
    }
    // Images that are read as they are needed may be damaged.
    guard try refusable({ () throws(ResNetError) in try outcome.get() }) != nil else { continue }
    try require((0..<data.classes).contains(Int(labels[0])), "label \(labels[0])")
    try require(pixels.allSatisfy(\.isFinite), "a pixel of image \(index) is not finite")
  }
}
