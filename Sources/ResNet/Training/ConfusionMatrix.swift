/// How often images of each class were taken for each class.
public struct ConfusionMatrix: Hashable, Sendable {
  /// So that a matrix takes no more than 2 GiB.
  public static let maximumClasses = 16_384

  public let classes: Int
  /// Row by row: `counts[true * classes + predicted]` images.
  public private(set) var counts: [Int]

  init(classes: Int) {
    self.classes = classes
    counts = [Int](repeating: 0, count: classes * classes)
  }

  /// Of counts, row by row. Throws `shapeMismatch` unless there are as many rows as columns,
  /// `invalidArgument` for a negative count.
  public init(counts: [Int]) throws(ResNetError) {
    let classes = Int(Double(counts.count).squareRoot().rounded())
    guard classes >= 1, classes * classes == counts.count else {
      throw ResNetError(
        .shapeMismatch, "\(counts.count) counts are no matrix of as many rows as columns")
    }
    self.classes = classes
    if let index = counts.firstIndex(where: { $0 < 0 }) {
      throw ResNetError(
        .invalidArgument, "count \(index) is \(counts[index]); expected 0 or more")
    }
    self.counts = counts
  }

  /// For a model's classes. Throws `invalidArgument` if they are too many.
  package init(of model: Model) throws(ResNetError) {
    let network = model.network
    guard network.classes <= Self.maximumClasses else {
      throw ResNetError(
        .invalidArgument,
        "\(network.name) has \(network.classes) classes; a confusion matrix is made for at most "
          + "\(Self.maximumClasses)")
    }
    // And a copy of it for the caller.
    try expectMemory(
      network.classes * network.classes, of: 2 * MemoryLayout<Int>.stride, for: "a confusion matrix"
    )
    self.init(classes: network.classes)
  }

  package mutating func add(_ actual: Int, takenFor predicted: Int) {
    counts[actual * classes + predicted] += 1
  }

  /// Images of class `actual` whose highest score was that of class `predicted`.
  public subscript(actual: Int, predicted: Int) -> Int { counts[actual * classes + predicted] }

  /// The share of a class's images that were recognised; NaN for a class without images.
  public func recall(of label: Int) -> Double {
    let images = (0..<classes).reduce(0.0) { $0 + Double(self[label, $1]) }
    return Double(self[label, label]) / images
  }

  /// The share of the images taken for a class that are of it; NaN if none was.
  public func precision(of label: Int) -> Double {
    let images = (0..<classes).reduce(0.0) { $0 + Double(self[$1, label]) }
    return Double(self[label, label]) / images
  }
}
