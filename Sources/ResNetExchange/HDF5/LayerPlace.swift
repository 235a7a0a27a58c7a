/// Which convolution of a residual network a layer of Keras or Caffe is, or belongs to.
struct LayerPlace {
  enum Part {
    case convolution, batchNorm
    /// Caffe has BN's gamma and beta in a layer of their own.
    case scale
  }

  /// The canonical name of the convolution, or of the classifier.
  let convolution: String
  /// That of its BN.
  let batchNorm: String

  static let classifier = LayerPlace(convolution: "fc", batchNorm: "")
  static let stem = LayerPlace(convolution: "conv1", batchNorm: "bn1")

  private init(convolution: String, batchNorm: String) {
    (self.convolution, self.batchNorm) = (convolution, batchNorm)
  }

  /// Of a block, counted from 0 as its stage; `index` is 0 for the shortcut's projection.
  init(stage: Int, block: Int, index: Int) {
    let prefix = "layer\(stage + 1).\(block)."
    convolution = prefix + (index == 0 ? "downsample.0" : "conv\(index)")
    batchNorm = prefix + (index == 0 ? "downsample.1" : "bn\(index)")
  }

  // MARK: - Names in files

  /// From the name that `keras.applications` gives since 2018, as `conv2_block1_0_bn`.
  static func keras(_ name: String) -> (LayerPlace, Part)? {
    switch name {
    case "conv1_conv": return (.stem, .convolution)
    case "conv1_bn": return (.stem, .batchNorm)
    case "predictions": return (.classifier, .convolution)
    default: break
    }
    var rest = name.utf8[...]
    guard take("conv", &rest), let stage = number(&rest), stage >= 2, take("_block", &rest),
      let block = number(&rest), block >= 1, take("_", &rest), let index = number(&rest),
      take("_", &rest)
    else { return nil }
    let place = LayerPlace(stage: stage - 2, block: block - 1, index: index)
    if rest.elementsEqual("conv".utf8) { return (place, .convolution) }
    return rest.elementsEqual("bn".utf8) ? (place, .batchNorm) : nil
  }

  /// From the name in the networks that the paper's authors published, as `bn4b12_branch2a`, which Keras
  /// had before 2018 as well.
  static func caffe(_ name: String) -> (LayerPlace, Part)? {
    switch name {
    case "conv1": return (.stem, .convolution)
    case "bn_conv1": return (.stem, .batchNorm)
    case "scale_conv1": return (.stem, .scale)
    default: break
    }
    var rest = name.utf8[...]
    if take("fc", &rest) {
      return number(&rest) != nil && rest.isEmpty ? (.classifier, .convolution) : nil
    }
    let part: Part
    if take("res", &rest) {
      part = .convolution
    } else if take("bn", &rest) {
      part = .batchNorm
    } else if take("scale", &rest) {
      part = .scale
    } else {
      return nil
    }
    guard let stage = number(&rest), stage >= 2, let letter = rest.popFirst(),
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter)
    else { return nil }
    // a, b, c, ..., or a, b1, b2, ....
    var block = Int(letter) - 97
    if let count = number(&rest) {
      guard letter == UInt8(ascii: "b"), count >= 1 else { return nil }
      block = count
    }
    guard take("_branch", &rest), let branch = rest.popFirst() else { return nil }
    var index = 0
    if branch == UInt8(ascii: "2") {
      guard let layer = rest.popFirst(), layer >= 97, layer <= 122 else { return nil }
      index = Int(layer) - 96
    } else if branch != UInt8(ascii: "1") {
      return nil
    }
    guard rest.isEmpty else { return nil }
    return (LayerPlace(stage: stage - 2, block: block, index: index), part)
  }

  private static func take(_ text: String, _ rest: inout Substring.UTF8View) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  /// Of four digits at most, without leading zeros.
  private static func number(_ rest: inout Substring.UTF8View) -> Int? {
    let digits = rest.prefix { $0 >= 48 && $0 <= 57 }
    guard (1...4).contains(digits.count), digits.count == 1 || digits.first != 48 else {
      return nil
    }
    rest = rest.dropFirst(digits.count)
    return digits.reduce(0) { 10 * $0 + Int($1) - 48 }
  }
}
