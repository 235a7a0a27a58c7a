import CKernels

/// What a layer makes of a batch of images, in NCHW order: so a trained network serves as a backbone.
public struct Features: Hashable, Sendable {
  /// `count * shape.count` values, image by image.
  public let values: [Float]
  /// Images.
  public let count: Int
  /// Of one image.
  public let shape: FeatureShape
}

/// The shape of a layer's output for one image.
public struct FeatureShape: Hashable, Sendable {
  public let channels: Int
  /// Nil where there is a single vector of `channels` values, as from the global average pooling on.
  public let extent: Extent?

  /// Values.
  public var count: Int { channels * (extent.map { $0.height * $0.width } ?? 1) }
}

extension Graph {
  /// The index of a layer by its name, or by that of a group, whose last layer it is: `layer3` is the
  /// output of the third stage, `layer3.1` that of its second block, both after their last ReLU.
  func layer(named name: String) throws(ResNetError) -> Int {
    let group = name + "."
    guard
      let index = layers.firstIndex(where: { $0.name == name })
        ?? layers.lastIndex(where: { $0.name.hasPrefix(group) })
    else {
      throw ResNetError(
        .notFound,
        "the network has no layer \"\(name)\"; it has \(layers.count), from "
          + "\"\(layers[0].name)\" to \"\(layers[layers.count - 1].name)\", and groups such as "
          + "\"layer1\" and \"layer1.0\"")
    }
    return index
  }

  /// The shape of a layer's output for images of that size.
  ///
  /// Throws `notFound` for a name that ``Model/features(_:layer:)`` does not know, `shapeMismatch` for
  /// images that are too small for the layer.
  public func featureShape(_ name: String, input: Extent) throws(ResNetError) -> FeatureShape {
    try featureShape(layer(named: name), input: input)
  }

  func featureShape(_ layer: Int, input: Extent) throws(ResNetError) -> FeatureShape {
    let extents = try extents(input: input, to: layer)
    let isVector = areVectors[layer] && extents[layer] == Extent(height: 1, width: 1)
    return FeatureShape(
      channels: layers[layer].channels, extent: isVector ? nil : extents[layer])
  }
}

extension Model {
  /// The output of a layer, in inference mode. Only what leads to it is computed.
  ///
  /// - Parameters:
  ///   - images: Of any size that the layers up to this one can take.
  ///   - layer: A name of the graph's layers, such as `relu` (after the first convolution),
  ///     `layer1.0.bn2`, `layer3.1.add` or `avgpool` (the pooled features, which the classifier
  ///     reads), or of a stage or block, such as `layer3` or `layer3.1`: its output, after the last
  ///     ReLU.
  /// - Throws: `notFound` if there is no such layer, `shapeMismatch` for images that the network
  ///   cannot take, `notFinite` for pixels that are NaN or infinite.
  public func features(_ images: Images, layer: String) throws(ResNetError) -> Features {
    let index = try graph.layer(named: layer)
    let shape = try graph.featureShape(index, input: images.extent)
    let values = try filled(images.count * shape.count, with: 0) {
      (features) throws(ResNetError) in
      try images.withView { (view) throws(ResNetError) in
        try self.features(view, layer: index, into: features)
      }
    }
    return Features(values: values, count: images.count, shape: shape)
  }

  package func features(
    _ images: ImagesView, layer name: String, into features: UnsafeMutableBufferPointer<Float>
  ) throws(ResNetError) {
    try self.features(images, layer: graph.layer(named: name), into: features)
  }

  private func features(
    _ images: ImagesView, layer: Int, into features: UnsafeMutableBufferPointer<Float>
  ) throws(ResNetError) {
    try images.validate(channels: network.inputChannels, normalization: normalization)
    let shape = try graph.featureShape(layer, input: images.extent)
    guard features.count >= images.count * shape.count, let base = features.baseAddress else {
      throw ResNetError(
        .shapeMismatch,
        "\(images.count) images have \(images.count * shape.count) features, but there is room for "
          + "\(features.count)")
    }
    let isScores = layer == graph.layers.count - 1
    let areVectors = graph.areVectors[layer]
    let target = try PlanTarget.current()
    try forward(images, normalization: normalization, target: target, to: layer) {
      range, output in
      let plain = base + range.lowerBound * shape.count
      if isScores {
        plain.update(from: output, count: range.count * shape.count)
      } else {
        copyMaps(
          of: output, count: range.count, shape: shape, areVectors: areVectors, to: plain,
          pool: .shared, workers: target.workers)
      }
    }
  }
}

/// Maps of `count` images, blocked as [image][block][pixel][16], or vectors as
/// [block][image][pixel][16], in NCHW order.
private func copyMaps(
  of blocked: UnsafePointer<Float>, count: Int, shape: FeatureShape, areVectors: Bool,
  to plain: UnsafeMutablePointer<Float>, pool: ThreadPool, workers: Int
) {
  let lanes = Int(RK_LANES)
  let pixels = shape.count / shape.channels
  let blocks = PlanShapes.blocks(shape.channels)
  pool.run(count * blocks, workers: workers) { task, _ in
    let (image, block) = task.quotientAndRemainder(dividingBy: blocks)
    let place = areVectors ? block * count + image : task
    let from = blocked + place * pixels * lanes
    for lane in 0..<min(lanes, shape.channels - block * lanes) {
      let to = plain + (image * shape.channels + block * lanes + lane) * pixels
      for pixel in 0..<pixels { to[pixel] = from[pixel * lanes + lane] }
    }
  }
}
