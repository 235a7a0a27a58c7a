extension Network {
  /// The largest descriptions that are accepted. They are far beyond every published network, and
  /// keep all counts and offsets that follow from a description within 64-bit integers.
  public enum Limits {
    /// Blocks in all stages together (ResNet-1202 has 600).
    public static let blocks = 2048
    /// Width of the stem and of a stage; a bottleneck's output has four times as many channels.
    public static let width = 8192
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
    try check(stemWidth, "channels of the stem", atMost: Limits.width)
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
      blocks += stage.blocks
      guard blocks <= Limits.blocks else {
        throw invalid("its stages have more than \(Limits.blocks) blocks together; use fewer")
      }
    }
    if shortcut == .a { try validateIdentityShortcuts() }
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
    var channels = stemWidth
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
