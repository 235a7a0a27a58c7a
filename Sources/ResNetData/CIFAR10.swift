import Glibc
import ResNet

/// CIFAR-10 (Krizhevsky, 2009) from its binary files: 32x32 RGB images of ten classes, 50,000 for
/// training and 10,000 for testing.
///
/// It never changes, so any number of threads and trainers may use it at once.
public final class CIFAR10: TrainingData, Sendable {
  public enum Split: Sendable {
    /// `data_batch_1.bin` to `data_batch_5.bin`.
    case train
    /// `test_batch.bin`.
    case test

    fileprivate var files: [String] {
      switch self {
      case .train: (1...5).map { "data_batch_\($0).bin" }
      case .test: ["test_batch.bin"]
      }
    }
  }

  private let store: ImageStore

  /// Reads the files of one split, and the class names from `batches.meta.txt` if it is there.
  ///
  /// A file is a row of records: one byte of label, then 3x32x32 bytes of pixels. Files may hold
  /// fewer records than the published 10,000.
  ///
  /// - Throws: `notFound` if a file is missing, `inputOutput` if it cannot be read, `badFormat` if
  ///   its size or a label is not as it should be.
  public init(directory: String, split: Split) throws(ResNetError) {
    var files: [InputFile] = []
    for name in split.files {
      do throws(ResNetError) {
        files.append(try InputFile("\(directory)/\(name)"))
      } catch {
        guard error.kind == .notFound else { throw error }
        throw ResNetError(
          .notFound,
          "\(error.message); the directory should hold the binary version of CIFAR-10: "
            + "data_batch_1.bin to data_batch_5.bin and test_batch.bin")
      }
    }
    var records = 0
    for file in files { records += try CIFAR10.records(in: file) }
    store = try ImageStore(
      count: records, channels: 3, extent: Extent(height: 32, width: 32), isBytes: true,
      classes: CIFAR10.publishedNames.count,
      classNames: try CIFAR10.classNames(in: directory))
    var first = 0
    for file in files {
      try CIFAR10.read(file, into: store, first: first)
      first += file.size / CIFAR10.recordBytes
    }
  }

  public var count: Int { store.count }
  public var channels: Int { store.channels }
  public var extent: Extent { store.extent }
  public var classes: Int { store.classes }
  public var classNames: [String] { store.classNames }
  public var unitScale: Float { store.unitScale }

  public func perPixelMean() -> [Float] { store.perPixelMean() }

  public func read(
    _ indices: ArraySlice<Int>, normalization: Normalization, augmentation: Augmentation?,
    seed: UInt64, epoch: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws(ResNetError) {
    try store.read(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch,
      images: images, labels: labels)
  }

  // MARK: - Files

  private static let imageBytes = 3 * 32 * 32
  private static let recordBytes = 1 + imageBytes
  private static let publishedNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  private static func records(in file: InputFile) throws(ResNetError) -> Int {
    guard file.size > 0, file.size % recordBytes == 0 else {
      throw ResNetError(
        .badFormat,
        "\(file.path) has \(file.size) bytes; a CIFAR-10 file is a row of records of "
          + "\(recordBytes) bytes, so it is truncated or something else")
    }
    return file.size / recordBytes
  }

  /// Takes the labels out from between the images.
  private static func read(_ file: InputFile, into store: ImageStore, first: Int)
    throws(ResNetError)
  {
    let count = file.size / recordBytes
    // Some 1 MB at a time.
    let chunk = min(count, 341)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: chunk * recordBytes, alignment: 64)
    defer { memory.deallocate() }
    for start in stride(from: 0, to: count, by: chunk) {
      let records = min(chunk, count - start)
      try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: memory[..<(records * recordBytes)]))
      for record in 0..<records {
        let offset = record * recordBytes
        let label = memory[offset]
        guard Int(label) < publishedNames.count else {
          throw ResNetError(
            .badFormat,
            "\(file.path): record \(start + record) has label \(label); CIFAR-10's are 0 to "
              + "\(publishedNames.count - 1)")
        }
        let image = first + start + record
        store.labels[image] = Int32(label)
        UnsafeMutableRawBufferPointer(
          rebasing: store.pixels[image * imageBytes..<(image + 1) * imageBytes]
        ).copyBytes(from: memory[(offset + 1)..<(offset + recordBytes)])
      }
    }
  }

  /// The lines of `batches.meta.txt`, or the published names if there is no such file.
  private static func classNames(in directory: String) throws(ResNetError) -> [String] {
    let file: InputFile
    do throws(ResNetError) {
      file = try InputFile("\(directory)/batches.meta.txt")
    } catch {
      guard error.kind == .notFound else { throw error }
      return publishedNames
    }
    let limit = 64 * 1024
    var bytes = [UInt8](repeating: 0, count: min(file.size, limit))
    let outcome = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(ResNetError) in try file.read(into: buffer) }
    }
    try outcome.get()
    let names = String(validating: bytes, as: UTF8.self)?
      .split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
      .map(String.init)
    guard file.size <= limit, let names, names.count == publishedNames.count else {
      throw ResNetError(
        .badFormat,
        "\(file.path) should hold \(publishedNames.count) class names, one a line, in UTF-8; it "
          + (names.map { "has \($0.count)" } ?? "is not text"))
    }
    return names
  }
}
