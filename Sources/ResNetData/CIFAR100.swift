import ResNet

/// CIFAR-100 (Krizhevsky, 2009) from its binary files: 32x32 RGB images of 100 classes in 20
/// groups, 50,000 for training and 10,000 for testing.
///
/// It never changes, so any number of threads and trainers may use it at once.
public final class CIFAR100: StoredData, Sendable {
  public enum Split: Sendable {
    /// `train.bin`.
    case train
    /// `test.bin`.
    case test
  }

  /// What an image's class is.
  public enum Labels: Sendable {
    /// One of 100, such as `maple_tree`.
    case fine
    /// One of 20 groups of five, such as `trees`.
    case coarse
  }

  let store: ImageStore

  /// Reads the file of one split, and the class names from `fine_label_names.txt` or
  /// `coarse_label_names.txt` if it is there.
  ///
  /// A file is a row of records: a byte of coarse label, a byte of fine label, then 3x32x32 bytes
  /// of pixels. It may hold fewer records than were published.
  ///
  /// - Throws: `notFound` if the file is missing, `inputOutput` if it cannot be read, `badFormat`
  ///   if its size or a label of either kind is not as it should be.
  public init(directory: String, split: Split, labels: Labels = .fine) throws(ResNetError) {
    let records = CIFARRecords(
      dataset: "CIFAR-100", files: "train.bin and test.bin",
      labels: [
        .init(name: "coarse label", classes: CIFAR100.coarseNames.count),
        .init(name: "fine label", classes: CIFAR100.fineNames.count),
      ],
      label: labels == .coarse ? 0 : 1)
    let names =
      labels == .coarse
      ? try readClassNames(
        "\(directory)/coarse_label_names.txt", published: CIFAR100.coarseNames)
      : try readClassNames("\(directory)/fine_label_names.txt", published: CIFAR100.fineNames)
    store = try records.read(
      [split == .train ? "train.bin" : "test.bin"], in: directory, classNames: names)
  }
}
