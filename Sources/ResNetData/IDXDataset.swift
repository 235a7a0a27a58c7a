import Glibc
import ResNet

/// Images and labels from two IDX files, the format of MNIST and of many datasets that were made to
/// take its place.
///
/// It never changes, so any number of threads and trainers may use it at once.
public final class IDXDataset: StoredData, Sendable {
  let store: ImageStore

  /// Reads both files, which must not be compressed. The classes have no names.
  ///
  /// - Parameters:
  ///   - images: Path of a file of unsigned bytes, count x rows x columns or count x channels x
  ///     rows x columns.
  ///   - labels: Path of a file of as many unsigned bytes, in `0..<classes`.
  ///   - classes: 0 for one more than the largest label.
  /// - Throws: `notFound` if a file is missing, `inputOutput` if it cannot be read, `badFormat` if
  ///   one is not as its header says, if their counts differ or if a label is out of range,
  ///   `invalidArgument` if `classes` is.
  public init(images: String, labels: String, classes: Int = 0) throws(ResNetError) {
    guard classes >= 0, classes <= Int(Int32.max) else {
      throw ResNetError(
        .invalidArgument,
        "the number of classes must be 1 to \(Int32.max), or 0 for one more than the largest "
          + "label, got \(classes)")
    }
    let imageFile = try IDXFile(images, contents: "images", ranks: 3...4)
    let labelFile = try IDXFile(labels, contents: "labels", ranks: 1...1)
    let count = imageFile.count
    guard labelFile.count == count else {
      throw ResNetError(
        .badFormat,
        "\(labels) has \(labelFile.count) labels for the \(count) images of \(images), "
          + "expected one an image")
    }
    guard let memory = malloc(count) else {
      throw ResNetError(.outOfMemory, "could not allocate \(count) bytes for labels")
    }
    defer { free(memory) }
    let values = UnsafeMutableRawBufferPointer(start: memory, count: count)
    try labelFile.file.read(into: values)
    let found = classes > 0 ? classes : Int(values.max() ?? 0) + 1
    if let index = values.firstIndex(where: { Int($0) >= found }) {
      throw ResNetError(
        .badFormat,
        "\(labels): label \(index) is \(values[index]); with \(found) classes, labels are 0 to "
          + "\(found - 1)")
    }
    let shape = imageFile.dimensions.suffix(2)
    store = try ImageStore(
      count: count, channels: imageFile.dimensions.count == 4 ? imageFile.dimensions[1] : 1,
      extent: Extent(height: shape[shape.startIndex], width: shape[shape.startIndex + 1]),
      isBytes: true, classes: found, classNames: [])
    for (index, value) in values.enumerated() { store.labels[index] = Int32(value) }
    try imageFile.file.read(into: store.pixels)
  }
}
