import ResNet
import ResNetData

/// Pixels that are to be divided by their deviation, 50 to 70, and are not, come to more; other pictures than those
/// in training, and statistics of a single step, to less.
private let plausibleMagnification = 30.0

/// Warns if a model that does not normalise images gets some that are nothing like those that it was trained on,
/// as one of another program's does that was converted without saying what its pixels are to be.
///
/// Its first BN layer knows: its statistics are of what the first convolution made of the images in training.
/// Without BN, or where images cannot be read, nothing is known and nothing said.
func warnOfPixels(of data: any TrainingData, _ model: Model, _ path: String) {
  guard model.normalization == .identity,
    let times = try? model.magnification(of: data, sample: 4), times > plausibleMagnification
  else { return }
  warn(
    "\(path) does not normalise images, and pixels from 0 to 255 make the outputs of its first layer "
      + "\(fixed(times, decimals: 0)) times what they were in training; if it was made of weights alone, "
      + "convert them anew with --preprocessing torch or caffe, or have `resnet calibrate IMAGES --model "
      + "\(path) --normalize channels --out OUT`, or pixels, do it by those that they were trained on"
  )
}

extension Model {
  /// How many times as far from BN's running mean the first convolution's outputs for some of the images are as
  /// they were in training, in the middle one of its channels; nil if it has no BN.
  fileprivate func magnification(of data: any TrainingData, sample: Int) throws(ResNetError)
    -> Double?
  {
    let first = layout.tensors[0].layer
    guard let norm = graph.responseLayers.first?.batchNorm,
      graph.layers[norm].inputs.first == first
    else { return nil }
    func statistic(_ kind: ParameterLayout.Kind) throws(ResNetError) -> [Float] {
      guard let tensor = layout.tensors.first(where: { $0.layer == norm && $0.kind == kind }) else {
        return []
      }
      return try self.tensor(named: tensor.name)
    }
    let (means, variances) = (try statistic(.runningMean), try statistic(.runningVariance))
    // All are one where a model was never trained, or BN was folded into the convolution.
    guard variances.contains(where: { $0 != variances[0] }) else { return nil }
    let indices = try data.readable(Array(0..<min(sample, data.count)))
    guard !indices.isEmpty else { return nil }
    let size = data.channels * data.extent.height * data.extent.width
    var pixels: [Float] = []
    try data.forEach(indices) { pixels += UnsafeBufferPointer(start: $0, count: size) }
    let outputs = try features(
      Images(
        .float(pixels), count: indices.count, channels: data.channels, height: data.extent.height,
        width: data.extent.width),
      layer: graph.layers[first].name)
    let positions = outputs.shape.count / outputs.shape.channels
    let squares = means.indices.map { channel in
      var sum = 0.0
      for image in 0..<outputs.count {
        let begin = (image * outputs.shape.channels + channel) * positions
        for value in outputs.values[begin..<begin + positions] {
          let distance = Double(value - means[channel])
          sum += distance * distance
        }
      }
      // As BN does, with its epsilon.
      return sum / Double(outputs.count * positions) / (Double(variances[channel]) + 1e-5)
    }
    return squares.sorted()[squares.count / 2].squareRoot()
  }
}
