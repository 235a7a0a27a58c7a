import Testing

@testable import ResNet
@testable import ResNetData

/// Small networks and data that a trainer learns in a moment.
enum TrainingSupport {
  static let classes = 4
  static let extent = Extent(height: 8, width: 8)

  static func network(channels: Int = 3, classes: Int = classes) -> Network {
    Network(
      name: "tiny", inputChannels: channels, stem: .cifar, stemWidth: 8, block: .basic,
      stages: [
        Network.Stage(blocks: 1, width: 8, stride: 1),
        Network.Stage(blocks: 1, width: 16, stride: 2),
      ], shortcut: .a, classes: classes)
  }

  /// Noise, with one quadrant brighter: which one is the class.
  static func pixels(count: Int, seed: UInt64 = 1) -> (pixels: [UInt8], labels: [Int]) {
    var pixels: [UInt8] = []
    var labels: [Int] = []
    for image in 0..<count {
      var random = Philox(seed: seed, stream: .augmentation, index: image)
      let label = random.integer(below: classes)
      labels.append(label)
      for _ in 0..<3 {
        for row in 0..<extent.height {
          for column in 0..<extent.width {
            let quadrant = row / (extent.height / 2) * 2 + column / (extent.width / 2)
            let base = quadrant == label ? 120 : 40
            pixels.append(UInt8(base + random.integer(below: 80)))
          }
        }
      }
    }
    return (pixels, labels)
  }

  static func images(count: Int, seed: UInt64 = 1) throws -> (images: Images, labels: [Int]) {
    let (pixels, labels) = pixels(count: count, seed: seed)
    let images = try Images(
      .bytes(pixels), count: count, channels: 3, height: extent.height, width: extent.width)
    return (images, labels)
  }

  static func data(count: Int, seed: UInt64 = 1, names: [String] = []) throws -> ImageDataset {
    let (images, labels) = try images(count: count, seed: seed)
    return try ImageDataset(images, labels: labels, classes: classes, classNames: names)
  }

  /// All values of a model as bits, so that NaN equals itself.
  static func bits(_ model: Model) throws -> [UInt32] {
    let values = try model.parameters.values
    return (0..<model.layout.totalFloats).map { values[$0].bitPattern }
  }
}

/// Passes reading on to another dataset, and watches or breaks it. To be set up before it is read.
final class WatchedData: TrainingData, @unchecked Sendable {
  let base: ImageDataset
  /// Called before each reading with its indices, one call at a time.
  var onRead: (([Int], _ epoch: Int) throws(ResNetError) -> Void)?
  var claimedClasses: Int?
  var replacedLabel: Int32?
  private let watch = Guarded(())

  init(_ base: ImageDataset) { self.base = base }

  var count: Int { base.count }
  var channels: Int { base.channels }
  var extent: Extent { base.extent }
  var classNames: [String] { base.classNames }
  var classes: Int { claimedClasses ?? base.classes }
  var unitScale: Float { base.unitScale }

  func perPixelMean() throws(ResNetError) -> [Float] { try base.perPixelMean() }

  func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    try watch.withLock { (_) throws(ResNetError) in try onRead?(Array(indices), epoch) }
    try base.read(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch,
      images: images, labels: labels)
    if let replacedLabel { labels[0] = replacedLabel }
  }
}

extension Batch {
  /// Replaces the content by images of `data`, at most `capacity` of them.
  func read(
    _ indices: ArraySlice<Int>, of data: any TrainingData, normalization: Normalization,
    augmentation: Augmentation? = nil, seed: UInt64 = 0, epoch: Int = 0
  ) throws(ResNetError) {
    prepare(count: indices.count)
    try read(
      indices, at: 0, of: data, normalization: normalization, augmentation: augmentation,
      seed: seed, epoch: epoch)
  }
}

/// The error that `body` throws; records an issue if it throws none.
func thrownError<Result>(
  _ body: () throws -> Result, sourceLocation: SourceLocation = #_sourceLocation
) -> ResNetError? {
  do {
    _ = try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    return nil
  } catch {
    let known = error as? ResNetError
    #expect(known != nil, "\(error) is not a ResNetError", sourceLocation: sourceLocation)
    return known
  }
}
