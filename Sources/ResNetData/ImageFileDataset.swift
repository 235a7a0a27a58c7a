import CKernels
import ResNet

/// Images in JPEG and PNG files, decoded whenever they are read. Any number of threads and trainers
/// may use it at once.
///
/// Read without augmentation, as for evaluation, an image is resized so that its shorter side has
/// ``Options/resize`` pixels, and cropped in the middle. Training on it, where the options of training
/// name no other augmentation, varies images by ``Options/variation``, if there is one: drawn from
/// (seed, epoch, index) alone.
///
/// With ``Damage/skip``, training takes another image instead of a damaged one, drawn from (seed, epoch,
/// index); an evaluation leaves it out, for which each file is decoded once more before the first one.
public final class ImageFileDataset: TrainingData, ImageSource {
  /// What happens where a file is missing, damaged, or something else than an image.
  public enum Damage: Hashable, Sendable {
    /// Reading it throws, with its name.
    case fatal
    /// It is left out, and named in ``ImageFileDataset/damagedFiles``.
    case skip
  }

  public struct Options: Hashable, Sendable {
    /// 3 (RGB) or 1 (grey), to which files are converted.
    public var channels = 3
    /// Height and width of what is read.
    public var crop = 224
    /// The shorter side of which the middle is cropped, or nil for an image's own.
    public var resize: Int? = 256
    public var filter = ResamplingFilter.bilinear
    /// Of training, or nil for none.
    public var variation: ImageVariation?
    public var damage = Damage.fatal
    /// The most pixels that a file may have; more are damage.
    public var pixelLimit = Raster.defaultPixelLimit
    /// Whether varied images may be decoded at 1/2, 1/4 or 1/8 of their size where that is still as
    /// large as needed. It is faster, and pixels differ a little. Only JPEG files, and never without
    /// augmentation.
    public var scaledDecoding = true

    public init() {}

    func validate() throws(ResNetError) {
      try Raster.checkChannels(channels)
      try Raster.checkPixelLimit(pixelLimit)
      guard (1...65_500).contains(crop) else {
        throw ResNetError(.invalidArgument, "the crop must be 1 to 65500, got \(crop)")
      }
      if let resize, !(crop...65_500).contains(resize) {
        throw ResNetError(
          .invalidArgument,
          "the shorter side must be at least the crop's \(crop), and at most 65500; got \(resize)")
      }
      try variation?.resolved(resize: resize).validate(crop: crop, channels: channels)
    }
  }

  public let files: ImageFiles
  public let options: Options
  private let damage: DamageList
  /// Of training, in numbers.
  private let variation: ImageVariation?

  /// - Throws: `invalidArgument` if an option is out of range. No file is opened.
  public init(_ files: ImageFiles, options: Options = Options()) throws(ResNetError) {
    try options.validate()
    self.files = files
    self.options = options
    variation = options.variation?.resolved(resize: options.resize)
    damage = DamageList(count: files.count)
  }

  public var count: Int { files.count }
  public var channels: Int { options.channels }
  public var extent: Extent { Extent(height: options.crop, width: options.crop) }
  public var classNames: [String] { files.classNames }
  public var classes: Int { files.classes }
  public var unitScale: Float { 1 / 255 }
  /// Training on files that may be damaged says so even where it varies nothing: it has others take
  /// their place.
  public var augmentation: Augmentation? {
    options.variation == nil && options.damage == .fatal ? nil : .own
  }

  /// Whether damaged files are left out is no part of it: a training that one of them stopped may go on
  /// without.
  public var appearance: String {
    let size = "\(channels)x\(options.crop)x\(options.crop)"
    let part =
      if let variation {
        variation.text + (options.scaledDecoding ? ", decoded at a scale" : "")
      } else {
        options.resize.map { "the middle of a shorter side of \($0)" } ?? "the middle"
      }
    return "\(size), \(part), \(options.filter.rawValue)"
  }

  /// Of labels and names of files, without the folders that they are in. No file is opened.
  public func checksum(of indices: [Int]) -> UInt32? {
    var checksum = CRC32()
    for index in indices {
      checksum.add(files.label(index))
      checksum.add(files.name(index))
    }
    return checksum.value
  }

  /// Decodes every file: minutes for a large dataset. A ``Calibration`` of a sample is faster.
  public func perPixelMean() throws(ResNetError) -> [Float] {
    try Calibration(of: self).perPixelMean
  }

  /// The files that could not be read so far, and why, in the order in which they
  /// were found.
  public var damagedFiles: [DamagedFile] { damage.files(of: files) }

  /// How many ``damagedFiles`` there are, and one of them; nil beyond the last.
  package var damagedCount: Int { damage.count }
  package func damagedFile(_ position: Int) -> DamagedFile? { damage.file(position, of: files) }

  /// Decodes every file whole, on all threads, and returns those that cannot be read, which are in
  /// ``damagedFiles`` from then on. Throws only what is not a file's fault, such as want of memory, or
  /// `cancelled` if a step watcher stopped it; what was found until then is known.
  @discardableResult
  public func verify() throws(ResNetError) -> [DamagedFile] {
    try expectMemory(count, of: 3 * MemoryLayout<Int>.stride, for: "the numbers of \(count) files")
    _ = try undamaged(Array(0..<count))
    return damagedFiles
  }

  public func readable(_ indices: [Int]) throws(ResNetError) -> [Int] {
    guard options.damage == .skip else { return indices }
    return try undamaged(indices)
  }

  /// Those of these files that can be decoded.
  private func undamaged(_ indices: [Int]) throws(ResNetError) -> [Int] {
    for index in indices { try checkIndex(index) }
    let unknown = damage.unverified(indices)
    // Some files a task: a scratch serves all of them.
    let portion = 16
    var steps = Steps(.verifying, of: unknown.count)
    // And some tasks for each thread between two steps.
    let stride = 4 * portion * Engine.threads
    for first in Swift.stride(from: 0, to: unknown.count, by: stride) {
      let files = unknown[first..<min(first + stride, unknown.count)]
      try concurrently((files.count + portion - 1) / portion) { task throws(ResNetError) in
        let scratch = ImageScratch()
        for index in files.dropFirst(task * portion).prefix(portion) {
          do throws(ResNetError) {
            try decode(index, scratch: scratch)
            damage.noteVerified(index)
          } catch {
            guard error.isDamage else { throw error }
            damage.note(index, error.message)
          }
        }
      }
      try steps.advance(by: files.count)
    }
    return damage.withoutDamaged(indices)
  }

  private func decode(_ index: Int, scratch: ImageScratch) throws(ResNetError) {
    let path = files.path(index)
    let image = try EncodedImage(
      scratch.read(path), name: path, pixelLimit: options.pixelLimit)
    let target = try scratch.decoded.reserve(image.extent.height * image.extent.width * channels)
    try image.decode(
      Region(whole: image.extent), channels: channels, into: target, scratch: scratch.stored)
    // Whether the view of an evaluation can be had.
    _ = try resampling(of: image, path, centre(image.extent), denominator: 1)
  }

  fileprivate func checkIndex(_ index: Int) throws(ResNetError) {
    guard (0..<count).contains(index) else {
      throw ResNetError(
        .invalidArgument, "image \(index) was asked for; the dataset has \(count), from 0")
    }
  }
}

// MARK: - Whole images

extension ImageFileDataset {
  public func label(_ index: Int) throws(ResNetError) -> Int {
    try checkIndex(index)
    return files.label(index)
  }

  public func image(_ index: Int) throws(ResNetError) -> SourceImage {
    try checkIndex(index)
    do throws(ResNetError) {
      return .bytes(
        try Raster(
          contentsOf: files.path(index), channels: channels, pixelLimit: options.pixelLimit))
    } catch {
      if error.isDamage { damage.note(index, error.message) }
      throw error
    }
  }
}

// MARK: - Batches

extension ImageFileDataset {
  public func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    try read(
      indices, replacedFrom: nil, normalization: normalization, augmentation: augmentation,
      seed: seed, epoch: epoch, images: images, labels: labels)
  }

  /// The same. In training, images that are damaged and to be skipped are replaced by others out of
  /// `replacements`: of all, if nil.
  func read(
    _ indices: ArraySlice<Int>, replacedFrom replacements: [Int]?, normalization: Normalization,
    augmentation: Augmentation?, seed: UInt64, epoch: Int,
    images: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    guard augmentation == nil || augmentation == .own else {
      throw ResNetError(
        .invalidArgument,
        "image files vary as the dataset's own options say; give training no other augmentation")
    }
    let size = channels * options.crop * options.crop
    guard images.count / size >= indices.count, labels.count >= indices.count else {
      throw ResNetError(
        .shapeMismatch,
        "\(indices.count) images of \(size) pixels were asked for, the buffers hold \(images.count) "
          + "pixels and \(labels.count) labels")
    }
    for index in indices { try checkIndex(index) }
    try normalization.validate(channels: channels)
    if let mean = normalization.meanExtent, mean != extent {
      throw ResNetError(
        .shapeMismatch,
        "the images are \(options.crop)x\(options.crop), the per-pixel mean is of \(mean.height)x"
          + "\(mean.width)")
    }
    let kernels = try Kernels.selected()
    guard let target = images.baseAddress else { return }
    let scratch = ImageScratch()
    // Pointers into it outlive what the compiler sees of its use.
    defer { withExtendedLifetime(scratch) {} }
    for (position, index) in indices.enumerated() {
      let (used, cut) = try readPixels(
        index, isTraining: augmentation != nil, replacedFrom: replacements, seed: seed,
        epoch: epoch, scratch: scratch)
      let pixels = try scratch.resampled.reserve(size)
      normalization.withKernel(channels: channels, cut) { normalize in
        kernels.pointee.batch_image(
          pixels, Int32(options.crop), Int32(options.crop), &normalize, target + position * size)
      }
      labels[position] = Int32(truncatingIfNeeded: files.label(used))
    }
  }

  /// Leaves the pixels of one image as it is to be seen in `scratch.resampled`; in training of another
  /// one, in place of a damaged one that is to be skipped. Returns which it is, and how it is seen.
  private func readPixels(
    _ index: Int, isTraining: Bool, replacedFrom pool: [Int]?, seed: UInt64, epoch: Int,
    scratch: ImageScratch
  ) throws(ResNetError) -> (index: Int, cut: ImageCut) {
    let variation = isTraining ? variation : nil
    var replacements = Philox(seed: seed, stream: .replacement, epoch: epoch, index: index)
    var used = index
    for _ in 0...DamageList.replacementLimit {
      do throws(ResNetError) {
        let cut = try readPixels(of: used, isVaried: variation != nil, scratch: scratch) { extent in
          variation?.cut(extent, crop: options.crop, seed: seed, epoch: epoch, index: index)
            ?? centre(extent)
        }
        return (used, cut)
      } catch {
        guard error.isDamage else { throw error }
        damage.note(used, error.message)
        guard isTraining, options.damage == .skip else { throw error }
        let drawn = replacements.integer(below: pool?.count ?? count)
        used = pool?[drawn] ?? drawn
      }
    }
    throw ResNetError(
      .badFormat,
      "\(DamageList.replacementLimit) images drawn one after the other in place of "
        + "\(files.path(index)) are damaged, too; see the dataset's damaged files")
  }

  private func readPixels(
    of index: Int, isVaried: Bool, scratch: ImageScratch, seenAs choose: (Extent) -> ImageCut
  ) throws(ResNetError) -> ImageCut {
    let path = files.path(index)
    let image = try EncodedImage(scratch.read(path), name: path, pixelLimit: options.pixelLimit)
    let cut = choose(image.extent)
    // A fraction of the whole at which the part is still as large as what becomes of it.
    var denominator = 1
    if options.scaledDecoding, isVaried {
      let whole = image.extent
      func side(_ whole: Int, _ size: Int, _ part: Int) -> Int { (whole * size + part - 1) / part }
      denominator = image.denominator(
        keeping: Extent(
          height: side(whole.height, cut.size.height, cut.part.extent.height),
          width: side(whole.width, cut.size.width, cut.part.extent.width)))
    }
    let resampling = try resampling(of: image, path, cut, denominator: denominator)
    let reads = resampling.reads
    let decoded = try scratch.decoded.reserve(
      reads.extent.height * reads.extent.width * channels)
    try image.decode(
      reads, denominator: denominator, channels: channels, into: decoded, scratch: scratch.stored)
    let pixels = try scratch.resampled.reserve(channels * options.crop * options.crop)
    try resampling.run(
      decoded, channels: channels, into: pixels, scratch: scratch.resampling)
    return cut
  }

  private func centre(_ extent: Extent) -> ImageCut {
    let size = options.resize.map { extent.resized(shorterSide: $0) } ?? extent
    return ImageCut(part: Region(whole: extent), size: size, window: size.centre(self.extent))
  }

  private func resampling(
    of image: EncodedImage, _ path: String, _ cut: ImageCut, denominator: Int
  ) throws(ResNetError) -> Resampling {
    do throws(ResNetError) {
      return try Resampling(
        of: cut.part, denominator: denominator, in: image.extent(denominator: denominator),
        to: cut.size, window: cut.window, filter: options.filter)
    } catch {
      let extent = image.extent
      throw ResNetError(
        .badFormat,
        "\(path) has \(extent.height)x\(extent.width) pixels, which do not suit: \(error.message)")
    }
  }
}

extension Normalization {
  /// Calls `body` with what the kernel takes for an image that is seen so.
  fileprivate func withKernel(
    channels: Int, _ cut: ImageCut, _ body: (inout rk_normalize) -> Void
  ) {
    mean.withUnsafeBufferPointer { mean in
      scale.withUnsafeBufferPointer { scale in
        cut.offset.withUnsafeBufferPointer { offset in
          var normalize = rk_normalize(
            channels: Int32(truncatingIfNeeded: channels), mirrored: cut.mirrored ? 1 : 0,
            offset: offset.isEmpty ? nil : offset.baseAddress,
            mean: mean.isEmpty ? nil : mean.baseAddress,
            mean_pixels: Int64(mean.count / channels),
            scale: scale.isEmpty ? nil : scale.baseAddress)
          body(&normalize)
        }
      }
    }
  }
}

extension ResNetError {
  /// Whether it is the fault of a file, and not of the machine or the caller.
  fileprivate var isDamage: Bool { kind == .badFormat || kind == .notFound }
}
