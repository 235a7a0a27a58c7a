extension Model {
  /// Writes the model to an HDF5 file: its network, all tensors, its input normalisation and its
  /// class names. ``load(from:)`` gives the same model back, bit for bit.
  ///
  /// The file is written whole or not at all: beside the target under a temporary name, synced to
  /// disk, then renamed. If the save fails, a file that was there before is as it was. A symbolic
  /// link is kept and the file that it points to is replaced. The same model makes the same bytes.
  ///
  /// Throws `inputOutput` if the operating system refuses, with its reason; `notFinite` if a tensor
  /// holds NaN or infinity, as after a diverged training; `invalidArgument` if the path is empty or
  /// a class name contains a zero byte.
  public func save(to path: String) throws(ResNetError) {
    try Log.timed("saved", path) { () throws(ResNetError) in try ModelFile.save(self, to: path) }
  }
}

extension ModelFile {
  fileprivate static func save(_ model: Model, to path: String) throws(ResNetError) {
    do {
      try validate(path: path)
      try checkStorable(model)
      let image = try HDF5.use { () throws(ResNetError) in
        try HDF5Image(capacity: sizeEstimate(model)) { root throws(ResNetError) in
          try write(model, to: root)
        }
      }
      let checksums = FileChecksums.trailer(of: image.bytes, parts: image.parts)
      try AtomicFile.write(image.bytes, then: checksums, to: path)
    } catch {
      throw ResNetError(error.kind, "cannot save \(path): \(error.message)")
    }
  }

  /// Throws if what would be written could not be read back.
  fileprivate static func checkStorable(_ model: Model) throws(ResNetError) {
    for (index, name) in model.classNames.enumerated() where name.utf8.contains(0) {
      throw ResNetError(.invalidArgument, "the name of class \(index) contains a zero byte")
    }
    let parameters = try model.parameters
    for tensor in model.layout.tensors {
      guard parameters[tensor].allSatisfy(\.isFinite) else {
        throw ResNetError(.notFinite, "tensor \(tensor.name) holds a value that is not finite")
      }
    }
  }

  /// More bytes than the file will have; what is not used costs address space only.
  fileprivate static func sizeEstimate(_ model: Model) -> Int {
    let longestName = model.classNames.lazy.map(\.utf8.count).max() ?? 0
    let data =
      model.layout.totalFloats * 4 + model.normalization.mean.count * 4
      + model.normalization.scale.count * 4 + model.classNames.count * longestName
    return data + model.layout.tensors.count * 1024 + 1 << 20
  }

  /// Returns where it put the datasets.
  fileprivate static func write(_ model: Model, to root: borrowing HDF5Group)
    throws(ResNetError) -> [FileChecksums.Part]
  {
    try root.setAttribute(Root.format, to: format)
    try root.setAttribute(Root.formatVersion, to: version(of: model.network))
    try root.setAttribute(Root.libraryVersion, to: libraryVersion)
    try write(model.network, to: try HDF5Group(creating: Root.network, in: root))

    let group = try HDF5Group(creating: Root.parameters, in: root)
    let parameters = try model.parameters
    var parts: [FileChecksums.Part] = []
    for tensor in model.layout.tensors {
      parts.append(
        try group.write(
          UnsafeBufferPointer(parameters[tensor]), shape: tensor.shape, as: tensor.name))
    }
    parts += try write(
      model.normalization, channels: model.network.inputChannels,
      to: try HDF5Group(creating: Root.normalization, in: root))
    if !model.classNames.isEmpty {
      parts.append(try root.write(model.classNames, as: Root.classNames))
    }
    return parts
  }

  private static func write(_ network: Network, to group: borrowing HDF5Group)
    throws(ResNetError)
  {
    try group.setAttribute(NetworkAttribute.name, to: network.name)
    try group.setAttribute(NetworkAttribute.inputChannels, to: network.inputChannels)
    try group.setAttribute(NetworkAttribute.stem, to: network.stem.rawValue)
    try group.setAttribute(NetworkAttribute.stemWidth, to: network.stemWidth)
    try group.setAttribute(NetworkAttribute.block, to: BlockName(network.block).rawValue)
    try group.setAttribute(NetworkAttribute.stageBlocks, to: network.stages.map(\.blocks))
    try group.setAttribute(NetworkAttribute.stageWidths, to: network.stages.map(\.width))
    try group.setAttribute(NetworkAttribute.stageStrides, to: network.stages.map(\.stride))
    try group.setAttribute(NetworkAttribute.shortcut, to: network.shortcut.rawValue)
    try group.setAttribute(
      NetworkAttribute.bottleneckStride, to: network.bottleneckStride.rawValue)
    try group.setAttribute(NetworkAttribute.zeroChannels, to: network.zeroChannels.rawValue)
    try group.setAttribute(NetworkAttribute.classes, to: network.classes)
    guard version(of: network) > 1 else { return }
    if BlockName(network.block) == .layers {
      let block = network.block
      try group.setAttribute(NetworkAttribute.blockKernels, to: block.layers.map(\.kernel))
      try group.setAttribute(
        NetworkAttribute.blockWidthMultiples, to: block.layers.map(\.widthMultiple))
      try group.setAttribute(NetworkAttribute.blockStrideOn, to: block.strideOn)
    }
    try group.setAttribute(NetworkAttribute.stageMaxPools, to: network.stages.map(\.maxPool))
    try group.setAttribute(NetworkAttribute.affine, to: network.affine.rawValue)
    try group.setAttribute(NetworkAttribute.maxoutPieces, to: network.activation.pieces)
    try group.setAttribute(NetworkAttribute.window, to: network.window)
    if !network.hidden.isEmpty {
      try group.setAttribute(NetworkAttribute.hiddenWidths, to: network.hidden)
    }
  }

  private static func write(
    _ normalization: Normalization, channels: Int, to group: borrowing HDF5Group
  ) throws(ResNetError) -> [FileChecksums.Part] {
    var parts: [FileChecksums.Part] = []
    if !normalization.mean.isEmpty {
      let shape = normalization.meanExtent.map { [channels, $0.height, $0.width] } ?? [channels]
      parts.append(
        try group.write(normalization.mean, shape: shape, as: NormalizationDataset.mean))
    }
    if !normalization.scale.isEmpty {
      parts.append(
        try group.write(normalization.scale, shape: [channels], as: NormalizationDataset.scale))
    }
    return parts
  }
}
