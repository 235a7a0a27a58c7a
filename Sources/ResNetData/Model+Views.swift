import Glibc
import ResNet

extension Model {
  /// Mean loss, top-1 and top-5 accuracy on whole images, by the averages over their views: the
  /// paper's protocols for testing. In inference mode, with the model's normalisation, whose mean per
  /// pixel must be of the views' size; but whole images that are resized get its mean per channel.
  /// Where both have class names, labels are matched by name as by ``evaluate(_:)``.
  ///
  /// The loss is that of the averaged probabilities, or of the softmax of the averaged scores. Damaged
  /// images that the source leaves out are not counted.
  ///
  /// Throws `invalidArgument` or `shapeMismatch` if the images, the views and the model do not fit
  /// together, and what the source's own reading throws.
  public func evaluate(_ source: any ImageSource, views: Views) throws(ResNetError) -> Metrics {
    try evaluate(source, views: views) { _, _ in }
  }

  /// The same, and which classes were taken for which. Throws `invalidArgument` for a model with
  /// more classes than ``ConfusionMatrix/maximumClasses``, too.
  public func evaluateByClass(_ source: any ImageSource, views: Views)
    throws(ResNetError) -> (metrics: Metrics, confusion: ConfusionMatrix)
  {
    var confusion = try ConfusionMatrix(of: self)
    let metrics = try evaluate(source, views: views) { confusion.add($0, takenFor: $1) }
    return (metrics, confusion)
  }

  /// The averages of the probabilities over the views of each image, or the softmax of the averages
  /// of the scores: `images.count * network.classes` values.
  public func probabilities(_ images: [SourceImage], views: Views) throws(ResNetError) -> [Float] {
    var probabilities: [Float] = []
    probabilities.reserveCapacity(images.count * network.classes)
    try average(scoring(images, views)) { _, row in probabilities += row.map { Float($0) } }
    return probabilities
  }

  /// The same of images that all have one size.
  public func probabilities(_ images: Images, views: Views) throws(ResNetError) -> [Float] {
    var probabilities: [Float] = []
    probabilities.reserveCapacity(images.count * network.classes)
    try images.withView { (images) throws(ResNetError) in
      try average(scoring(images, views)) { _, row in probabilities += row.map { Float($0) } }
    }
    return probabilities
  }

  package func probabilities(
    _ images: ImagesView, views: Views, into probabilities: UnsafeMutableBufferPointer<Float>
  ) throws(ResNetError) {
    let classes = network.classes
    try average(scoring(images, views)) { index, row in
      for label in 0..<classes { probabilities[index * classes + label] = Float(row[label]) }
    }
  }

  /// The class of each image whose average is the highest (the first of equals).
  public func predict(_ images: [SourceImage], views: Views) throws(ResNetError) -> [Int] {
    var labels: [Int] = []
    try average(scoring(images, views)) { _, row in
      labels.append(Softmax.indexOfMaximum(row, classes: row.count))
    }
    return labels
  }

  /// The same of images that all have one size.
  public func predict(_ images: Images, views: Views) throws(ResNetError) -> [Int] {
    var labels: [Int] = []
    try images.withView { (images) throws(ResNetError) in
      try average(scoring(images, views)) { _, row in
        labels.append(Softmax.indexOfMaximum(row, classes: row.count))
      }
    }
    return labels
  }

  private func scoring(_ images: [SourceImage], _ views: Views) -> ViewScoring {
    ViewScoring(model: self, views: views, count: images.count) {
      index throws(ResNetError) in try images[index].finite(index)
    }
  }

  private func scoring(_ images: ImagesView, _ views: Views) throws(ResNetError) -> ViewScoring {
    try images.validate(channels: network.inputChannels, normalization: .identity)
    return ViewScoring(model: self, views: views, count: images.count) {
      index throws(ResNetError) in try SourceImage(images, index).finite(index)
    }
  }

  /// Hands over the averaged probabilities of each image.
  private func average(
    _ scoring: ViewScoring, _ body: (_ index: Int, _ probabilities: [Double]) -> Void
  ) throws(ResNetError) {
    let classes = network.classes
    try scoring.run { index, averages in
      switch scoring.views.average {
      case .probabilities: body(index, Array(UnsafeBufferPointer(start: averages, count: classes)))
      case .scores:
        var row = [Double](repeating: 0, count: classes)
        row.withUnsafeMutableBufferPointer { row in
          if let row = row.baseAddress { Softmax.add(averages, classes: classes, to: row) }
        }
        body(index, row)
      }
    }
  }

  /// Hands every image's class and the one it was taken for to `body`.
  private func evaluate(
    _ source: any ImageSource, views: Views,
    _ body: (_ label: Int, _ predicted: Int) -> Void
  ) throws(ResNetError) -> Metrics {
    guard source.count >= 1 else {
      throw ResNetError(.invalidArgument, "the evaluation data has no images")
    }
    let labels = try labels(of: source.classNames, role: "evaluation")
    guard source.classes <= network.classes else {
      throw ResNetError(
        .shapeMismatch,
        "the evaluation data has \(source.classes) classes, \(network.name) has "
          + "\(network.classes)")
    }
    let classes = network.classes
    // Of a single view the scores say the same, and nothing underflows.
    var views = views
    if views.count == 1 { views.average = .scores }
    try expectMemory(
      source.count, of: 2 * MemoryLayout<Int>.stride, for: "the numbers of \(source.count) images")
    let indices = try (source as? any TrainingData)?.readable() ?? Array(0..<source.count)
    var metrics = Metrics(loss: 0, accuracy: 0, top5Accuracy: 0, count: indices.count)
    let scoring = ViewScoring(model: self, views: views, count: indices.count) {
      index throws(ResNetError) in try source.image(indices[index])
    }
    try scoring.run { index, averages throws(ResNetError) in
      let label = try labels(source.label(indices[index]))
      switch views.average {
      // A probability below the least number is not 0.
      case .probabilities: metrics.loss -= log(max(averages[label], .leastNormalMagnitude))
      case .scores: metrics.loss += Softmax.loss(of: label, averages, classes: classes)
      }
      let rank = Softmax.rank(of: label, averages, classes: classes)
      if rank == 0 { metrics.accuracy += 1 }
      if rank < 5 { metrics.top5Accuracy += 1 }
      body(label, Softmax.indexOfMaximum(averages, classes: classes))
    }
    let count = Double(indices.count)
    metrics.loss /= count
    metrics.accuracy /= count
    metrics.top5Accuracy /= count
    return metrics
  }
}

extension SourceImage {
  /// The image, unless a pixel is NaN or infinite.
  fileprivate func finite(_ index: Int) throws(ResNetError) -> SourceImage {
    if case .floats(let image) = self, !image.pixels.allSatisfy(\.isFinite) {
      throw ResNetError(.notFinite, "image \(index) has a pixel that is NaN or infinite")
    }
    return self
  }
}
