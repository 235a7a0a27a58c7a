extension Model {
  /// Writes the model to an HDF5 file: its network, all tensors, its input normalisation, its class
  /// names and its metadata. ``load(from:)`` gives the same model back, bit for bit.
  ///
  /// The file is written whole or not at all: beside the target under a temporary name, synced to
  /// disk, then renamed. If the save fails, a file that was there before is as it was. A symbolic
  /// link is kept and the file that it points to is replaced. The same model makes the same bytes.
  ///
  /// Throws `inputOutput` if the operating system refuses, with its reason; `notFinite` if a tensor
  /// holds NaN or infinity, as after a diverged training; `invalidArgument` if the path is empty or has
  /// the extension of another program's files, such as `.pth` or `.onnx`, or a class name contains a
  /// zero byte.
  public func save(to path: String) throws(ResNetError) {
    try Log.timed("saved", path) { () throws(ResNetError) in try ModelFile.save(self, to: path) }
  }
}

extension ModelFile {
  /// Saves a model, with what `add` adds to the file.
  static func save(
    _ model: Model, to path: String,
    adding add: (inout HDF5Contents) throws(ResNetError) -> Void = { _ in }
  ) throws(ResNetError) {
    do {
      try validate(savingTo: path)
      try checkStorable(model)
      // The tensors stay where they are while they are written.
      try withExtendedLifetime(try model.parameters) { () throws(ResNetError) in
        var contents = try contents(of: model)
        try add(&contents)
        let image = HDF5Image(contents)
        try AtomicFile.write(to: path) { append throws(ResNetError) in
          try write(image, append)
        }
      }
    } catch {
      throw ResNetError(error.kind, "cannot save \(path): \(error.message)")
    }
  }

  /// Throws if what would be written could not be read back.
  private static func checkStorable(_ model: Model) throws(ResNetError) {
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

  /// Writes the file, and the checksums after it.
  private static func write(_ image: HDF5Image, _ append: AtomicFile.Append)
    throws(ResNetError)
  {
    var checksums = FileChecksums.Writer()
    try image.forEachPiece { part, bytes throws(ResNetError) in
      if let part {
        checksums.add(bytes, of: part.path, range: part.range)
      } else {
        checksums.add(bytes)
      }
      try append(bytes)
    }
    try checksums.trailer().withUnsafeBytes { bytes in
      Result { () throws(ResNetError) in try append(bytes) }
    }.get()
  }

  private static func contents(of model: Model) throws(ResNetError) -> HDF5Contents {
    var parameters = HDF5Contents()
    let values = try model.parameters
    for tensor in model.layout.tensors {
      try parameters.add(tensor.name, UnsafeBufferPointer(values[tensor]), shape: tensor.shape)
    }
    var root = HDF5Contents()
    root.set(Root.format, format)
    root.set(Root.formatVersion, version(of: model.network))
    root.set(Root.libraryVersion, libraryVersion)
    root.add(Root.network, contents(of: model.network))
    root.add(Root.parameters, parameters)
    root.add(
      Root.normalization,
      try contents(of: model.normalization, channels: model.network.inputChannels))
    if !model.classNames.isEmpty { try root.add(Root.classNames, model.classNames) }
    if !model.metadata.isEmpty {
      var group = HDF5Contents()
      // The same model makes the same bytes.
      for name in model.metadata.keys.sorted() { group.set(name, model.metadata[name] ?? "") }
      root.add(Root.metadata, group)
    }
    return root
  }

  private static func contents(of network: Network) -> HDF5Contents {
    var group = HDF5Contents()
    group.set(NetworkAttribute.name, network.name)
    group.set(NetworkAttribute.inputChannels, network.inputChannels)
    group.set(NetworkAttribute.stem, network.stem.rawValue)
    group.set(NetworkAttribute.stemWidth, network.stemWidth)
    group.set(NetworkAttribute.block, BlockName(network.block).rawValue)
    group.set(NetworkAttribute.stageBlocks, network.stages.map(\.blocks))
    group.set(NetworkAttribute.stageWidths, network.stages.map(\.width))
    group.set(NetworkAttribute.stageStrides, network.stages.map(\.stride))
    group.set(NetworkAttribute.shortcut, network.shortcut.rawValue)
    group.set(NetworkAttribute.bottleneckStride, network.bottleneckStride.rawValue)
    group.set(NetworkAttribute.zeroChannels, network.zeroChannels.rawValue)
    group.set(NetworkAttribute.classes, network.classes)
    guard version(of: network) > 1 else { return group }
    if BlockName(network.block) == .layers {
      let block = network.block
      group.set(NetworkAttribute.blockKernels, block.layers.map(\.kernel))
      group.set(NetworkAttribute.blockWidthMultiples, block.layers.map(\.widthMultiple))
      group.set(NetworkAttribute.blockStrideOn, block.strideOn)
    }
    group.set(NetworkAttribute.stageMaxPools, network.stages.map(\.maxPool))
    group.set(NetworkAttribute.affine, network.affine.rawValue)
    group.set(NetworkAttribute.maxoutPieces, network.activation.pieces)
    group.set(NetworkAttribute.window, network.window)
    if !network.hidden.isEmpty {
      group.set(NetworkAttribute.hiddenWidths, network.hidden)
    }
    guard version(of: network) > 2 else { return group }
    group.set(NetworkAttribute.stemPool, network.stemPool.rawValue)
    return group
  }

  private static func contents(of normalization: Normalization, channels: Int)
    throws(ResNetError) -> HDF5Contents
  {
    var group = HDF5Contents()
    if !normalization.mean.isEmpty {
      let shape = normalization.meanExtent.map { [channels, $0.height, $0.width] } ?? [channels]
      try group.add(NormalizationDataset.mean, normalization.mean, shape: shape)
    }
    if !normalization.scale.isEmpty {
      try group.add(NormalizationDataset.scale, normalization.scale, shape: [channels])
    }
    return group
  }
}
