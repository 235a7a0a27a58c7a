import ResNet

/// CIFAR-10 (Krizhevsky, 2009) from its binary files: 32x32 RGB images of ten classes, 50,000 for
/// training and 10,000 for testing.
///
/// It never changes, so any number of threads and trainers may use it at once.
public final class CIFAR10: StoredData, Sendable {
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

  let store: ImageStore

  /// Reads the files of one split, and the class names from `batches.meta.txt` if it is there.
  ///
  /// A file is a row of records: one byte of label, then 3x32x32 bytes of pixels. Files may hold
  /// fewer records than the published 10,000.
  ///
  /// - Throws: `notFound` if a file is missing, `inputOutput` if it cannot be read, `badFormat` if
  ///   its size or a label is not as it should be.
  public init(directory: String, split: Split) throws(ResNetError) {
    let records = CIFARRecords(
      dataset: "CIFAR-10", files: "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
      labels: [.init(name: "label", classes: CIFAR10.publishedNames.count)], label: 0)
    store = try records.read(
      split.files, in: directory,
      classNames: try readClassNames(
        "\(directory)/batches.meta.txt", published: CIFAR10.publishedNames))
  }

  private static let publishedNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
}
