extension Network {
  /// The largest descriptions that are accepted. They are far beyond every published network, and
  /// keep all counts and offsets that follow from a description within 64-bit integers.
  public enum Limits {
    /// Blocks in all stages together (ResNet-1202 has 600).
    public static let blocks = 2048
    /// Width of the stem, of a stage and of a hidden layer; a bottleneck's output has four times as
    /// many channels.
    public static let width = 8192
    /// Layers of a residual function, and hidden layers of a head.
    public static let layers = 16
    /// Side of a convolution's kernel, which is odd.
    public static let kernel = 7
    /// Output channels of a block's layer, as a multiple of the stage's width.
    public static let widthMultiple = 8
    /// Channels that a maxout unit takes the largest of, at least 2.
    public static let maxoutPieces = 8
    /// Side of a stage's max-pooling, at least 2.
    public static let maxPool = 16
    /// Side of the window that the head reads.
    public static let window = 32
    public static let inputChannels = 1024
    public static let classes = 1 << 20
    /// Learned values: 8 GiB as float32.
    public static let parameters = Int(Int32.max)
    /// UTF-8 bytes of the name.
    public static let nameBytes = 255
    /// Height and width of an input, in pixels.
    public static let inputSide = 1 << 16
  }

  /// Checks that the description can be built; ``Graph/init(_:)`` and `Model` do so themselves.
  ///
  /// Throws `invalidArgument` if
  /// - a count, width or the name is outside ``Limits``, or a stride is neither 1 nor 2;
  /// - the stem's pooling is to round up (``StemPool/ceil``), and the stem has none;
  /// - a layer of a block has an even kernel, or the layer for the stride is none of them;
  /// - a network of vectors has a kernel, stride, pooling or window larger than 1;
  /// - maxout units are joined with a shortcut, which would need other numbers of channels;
  /// - shortcut A (section 3.3) would have to remove channels, or to halve an odd number of new
  ///   ones under ``ZeroChannels/split``.
  public func validate() throws(ResNetError) {
    _ = try Graph(self)
  }

  /// All checks but the one of the parameter count, which needs the layers.
  func validateDescription() throws(ResNetError) {
    try validateName()
    try check(inputChannels, "input channels", atMost: Limits.inputChannels)
    try check(classes, "classes", atMost: Limits.classes)
    if stem == .none {
      guard stemWidth == 0 else {
        throw invalid("it has no stem, but \(stemWidth) channels of the stem; expected 0")
      }
    } else {
      try check(stemWidth, "channels of the stem", atMost: Limits.width)
    }
    guard stem == .imageNet || stemPool == .padded else {
      throw invalid(
        "the pooling of its stem is \(stemPool.rawValue), but the stem \(stem.rawValue) has none; "
          + "expected \(StemPool.padded.rawValue)")
    }
    try validateBlock()
    try validateHead()
    guard !stages.isEmpty else {
      throw invalid("it has no stages; give at least one")
    }
    var blocks = 0
    for (index, stage) in stages.enumerated() {
      try check(stage.blocks, "blocks in stage \(index + 1)", atMost: Limits.blocks)
      try check(stage.width, "channels as the width of stage \(index + 1)", atMost: Limits.width)
      guard stage.stride == 1 || stage.stride == 2 else {
        throw invalid("stage \(index + 1) has stride \(stage.stride); expected 1 or 2")
      }
      guard stage.maxPool == 0 || (2...Limits.maxPool).contains(stage.maxPool) else {
        throw invalid(
          "stage \(index + 1) ends in a max-pooling of \(stage.maxPool); expected 0 for none, or 2 "
            + "to \(Limits.maxPool)")
      }
      blocks += stage.blocks
      guard blocks <= Limits.blocks else {
        throw invalid("its stages have more than \(Limits.blocks) blocks together; use fewer")
      }
    }
    if stem == .vector { try validateVectors() }
    if shortcut == .a { try validateIdentityShortcuts() }
  }

  private func validateBlock() throws(ResNetError) {
    try check(block.layers.count, "layers in a block", atMost: Limits.layers)
    for (index, layer) in block.layers.enumerated() {
      guard (1...Limits.kernel).contains(layer.kernel), !layer.kernel.isMultiple(of: 2) else {
        throw invalid(
          "layer \(index + 1) of its blocks has a kernel of \(layer.kernel); expected 1, 3, 5 or 7")
      }
      try check(
        layer.widthMultiple, "times the width as channels of layer \(index + 1) of its blocks",
        atMost: Limits.widthMultiple)
    }
    guard block.layers.indices.contains(block.strideOn) else {
      throw invalid(
        "the stride is on layer \(block.strideOn) of its blocks, counted from 0, which have "
          + "\(block.layers.count)")
    }
    guard case .maxout(let pieces) = activation else { return }
    guard (2...Limits.maxoutPieces).contains(pieces) else {
      throw invalid(
        "its maxout units have \(pieces) pieces; expected 2 to \(Limits.maxoutPieces), or ReLU")
    }
    guard shortcut == .none || shortcut == .gate else {
      throw invalid(
        "maxout units follow an addition, whose shortcut has too few channels; use ReLU, a plain "
          + "network or a gate")
    }
  }

  private func validateHead() throws(ResNetError) {
    try check(window, "pixels as the side of the head's window", atMost: Limits.window)
    guard hidden.count <= Limits.layers else {
      throw invalid("its head has \(hidden.count) hidden layers; expected at most \(Limits.layers)")
    }
    for (index, width) in hidden.enumerated() {
      try check(width, "channels in hidden layer \(index + 1) of the head", atMost: Limits.width)
    }
  }

  private func validateVectors() throws(ResNetError) {
    guard window == 1, block.layers.allSatisfy({ $0.kernel == 1 }),
      stages.allSatisfy({ $0.stride == 1 && $0.maxPool == 0 })
    else {
      throw invalid(
        "vectors have no height and width: its kernels, strides and the head's window must be 1, "
          + "and its stages without pooling")
    }
  }

  /// Names end up in files and C strings, so they must survive both.
  private func validateName() throws(ResNetError) {
    guard !name.isEmpty, name.utf8.count <= Limits.nameBytes,
      name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
    else {
      throw ResNetError(
        .invalidArgument,
        "a network's name must have 1 to \(Limits.nameBytes) bytes of UTF-8 and no control "
          + "characters; got \(name.utf8.count) bytes")
    }
  }

  private func validateIdentityShortcuts() throws(ResNetError) {
    var channels = stem == .none ? inputChannels : stemWidth
    for (index, stage) in stages.enumerated() {
      let outputs = stage.width * block.expansion
      guard outputs >= channels else {
        throw invalid(
          "stage \(index + 1) narrows from \(channels) to \(outputs) channels, but shortcut A can "
            + "only add channels; use shortcut B or C, or a wider stage")
      }
      guard zeroChannels == .after || (outputs - channels).isMultiple(of: 2) else {
        throw invalid(
          "stage \(index + 1) adds \(outputs - channels) channels, which cannot be split into "
            + "equal halves before and after the old ones; use an even number, or put the zero "
            + "channels after")
      }
      channels = outputs
    }
  }

  private func check(_ value: Int, _ what: String, atMost limit: Int) throws(ResNetError) {
    guard (1...limit).contains(value) else {
      throw invalid("it has \(value) \(what); expected 1 to \(limit)")
    }
  }

  func invalid(_ reason: String) -> ResNetError {
    ResNetError(.invalidArgument, "network \"\(name)\" cannot be built: \(reason)")
  }
}
