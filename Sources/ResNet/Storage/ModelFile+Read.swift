import Glibc

extension Model {
  /// Reads a model file that ``save(to:)`` wrote, of this or an older version of the library.
  ///
  /// Every byte is checked against the file's checksums, and everything in it against what its
  /// network needs before memory is allocated. The file need not be trusted: one that was forged, with
  /// matching checksums, is a model with other weights or is refused.
  ///
  /// Throws `notFound` if there is no such file, `inputOutput` if the operating system refuses to
  /// read it, and `badFormat`, naming the part, if it is damaged, truncated, not a model file, or
  /// of a newer format.
  public static func load(from path: String) throws(ResNetError) -> Model {
    try Log.timed("loaded", path) { () throws(ResNetError) in
      try ModelFile.read(path, as: "load", keepingTensorsInFile: false) { _, model in model }
    }
  }

  /// Opens a model file to run the model: its tensors stay in the file until an image needs them.
  ///
  /// The first answer takes the shortest way from the file to the scores: weights go from the file
  /// to the kernels layer by layer, and are not kept. The second answer keeps them, as the kernels
  /// read them; a second copy, as ``load(from:)`` has it, there never is. A model so opened cannot
  /// be trained or saved, nor its weights be changed: `invalidArgument`.
  ///
  /// Damage to the file's structure is refused here, damage to a tensor when it is read: running
  /// then throws `badFormat`, or `inputOutput` if the file became shorter. It stays open as long as
  /// the model lives. It may be replaced or removed, but what is in it must stay as it is.
  ///
  /// What a checkpoint has for training alone is neither read nor verified.
  ///
  /// A file of another program's that has no checksum for each tensor is loaded instead: they could
  /// not be verified one by one.
  ///
  /// Throws as ``load(from:)`` does.
  public static func open(_ path: String) throws(ResNetError) -> Model {
    try Log.timed("opened", path) { () throws(ResNetError) in
      try ModelFile.read(path, as: "open", keepingTensorsInFile: true) { _, model in model }
    }
  }
}

extension ModelFile {
  /// Not blocking: a pipe without a writer would wait for ever.
  static let readingFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC

  /// Opens a regular file for reading; else throws the system's reason.
  package static func open(_ path: String) throws(ResNetError) -> FileReader {
    try reader(path, Glibc.open(path, readingFlags))
  }

  /// Takes over what `open` gave for a path, if it is a regular file; else throws the system's reason.
  static func reader(_ path: String, _ descriptor: Int32) throws(ResNetError) -> FileReader {
    guard descriptor >= 0 else { throw openingError }
    var status = stat()
    let known = fstat(descriptor, &status) == 0
    let reader = FileReader(path, descriptor, status)
    guard known else { throw AtomicFile.systemError("cannot open the file") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      throw ResNetError(
        .badFormat, isDirectory ? "it is a directory" : "it is not a regular file")
    }
    return reader
  }

  /// What `errno` says of a file that cannot be opened.
  static var openingError: ResNetError {
    let error = AtomicFile.systemError("cannot open the file")
    guard errno == ENOENT || errno == ENOTDIR else { return error }
    return ResNetError(.notFound, "no such file")
  }

  /// A model from a file whose checksums are not looked at, as if they were forged. For fuzzing alone:
  /// a checksum would keep out all that is to be tried.
  package static func readUnverified(_ path: String) throws(ResNetError) -> Model {
    try readUnverified(path) { _, model in model }
  }

  /// The same, of which `result` makes something, with what else is in the file.
  static func readUnverified<Result>(
    _ path: String, _ result: (HDF5Group, Model) throws(ResNetError) -> Result
  ) throws(ResNetError) -> Result {
    let reader = try open(path)
    let root = try HDF5File(.file(reader), verifyingChecksums: false).root
    return try result(root, try read(root, from: reader, [], keepingTensorsInFile: false))
  }

  /// Of members of a group that the format knows nothing of.
  static let maximumOtherMembers = 1 << 16

  /// Reads a model, of which `result` makes something, with what else is in the file.
  static func read<Result>(
    _ path: String, as action: String, keepingTensorsInFile: Bool,
    _ result: (HDF5Group, Model) throws(ResNetError) -> Result
  ) throws(ResNetError) -> Result {
    do throws(ResNetError) {
      try validate(path: path)
      let reader = try open(path)
      let entries = try FileChecksums.verifyStructure(reader)
      let root = try HDF5File(.file(reader)).root
      let model = try read(
        root, from: reader, entries, keepingTensorsInFile: keepingTensorsInFile)
      return try result(root, model)
    } catch {
      throw ResNetError(error.kind, "cannot \(action) \(path): \(error.message)")
    }
  }

  /// `entries` are the file's checksums; where they tell a tensor's bytes, these go from the file to the
  /// model on all threads, unless they stay in the file.
  private static func read(
    _ root: HDF5Group, from file: FileReader, _ entries: [FileChecksums.Entry],
    keepingTensorsInFile: Bool
  ) throws(ResNetError) -> Model {
    let version = try checkFormat(root)
    let members = try root.members(limit: maximumOtherMembers)
    func group(_ name: String) throws(ResNetError) -> HDF5Group {
      guard let address = members[name] else {
        throw ResNetError(.badFormat, "group /\(name) is missing")
      }
      return try HDF5Group(HDF5Object(address, in: root.object.file, path: root.path(of: name)))
    }
    let network = try readNetwork(try group(Root.network), version: version)
    let layout = try layout(of: network)
    let parameters = try group(Root.parameters)
    let normalization = try group(Root.normalization)

    let model: Model
    if keepingTensorsInFile,
      let (stored, others) = StoredParameters.of(
        layout, under: parameters.path(of: ""), in: file, entries)
    {
      // A checkpoint's momentum, as large as the weights, is no part of the model.
      let own = others.filter { !$0.part.name.hasPrefix(root.path(of: Root.training) + "/") }
      try FileChecksums.verify(own, of: file, into: [:])
      model = try Model(network, in: stored)
    } else {
      let tensors = try findTensors(layout, in: parameters, fileSize: file.size)
      model = try readTensors(of: network, tensors, from: file, entries)
    }
    try model.setNormalization(try readNormalization(normalization, network))
    if let address = members[Root.classNames] {
      let names = try ModelDataset(Root.classNames, at: address, in: root)
      try model.setClassNames(try names.readStrings(count: network.classes))
    }
    if members[Root.metadata] != nil {
      let metadata = try group(Root.metadata)
      try metadata.object.forEachAttribute { attribute throws(ResNetError) in
        let value = try metadata.string(attribute)
        do throws(ResNetError) {
          try model.setMetadata(value, for: attribute.name)
        } catch {
          throw ResNetError(.badFormat, "\(metadata.path): \(error.message)")
        }
      }
    }
    return model
  }

  /// Verifies all datasets, and reads those of the tensors.
  private static func readTensors(
    of network: Network, _ datasets: [ModelDataset], from file: FileReader,
    _ entries: [FileChecksums.Entry]
  ) throws(ResNetError) -> Model {
    let model = try Model(unset: network)
    let parameters = try model.parameters
    let stored = Set(entries.map(\.part.range))
    var destinations: [Int: UnsafeMutableBufferPointer<Float>] = [:]
    var others: [(ModelDataset, ParameterLayout.Tensor)] = []
    for (tensor, dataset) in zip(model.layout.tensors, datasets) {
      let place = dataset.location
      if stored.contains(place), destinations[place.lowerBound] == nil {
        destinations[place.lowerBound] = parameters[tensor]
      } else {
        others.append((dataset, tensor))
      }
    }
    try FileChecksums.verify(entries, of: file, into: destinations)
    for (dataset, tensor) in others { try dataset.readFloats(into: parameters[tensor]) }
    parameters.noteChange()
    return model
  }

  /// The version of the format.
  private static func checkFormat(_ root: HDF5Group) throws(ResNetError) -> Int {
    guard try root.hasAttribute(Root.format), try root.string(Root.format) == format else {
      throw ResNetError(
        .badFormat,
        "it is an HDF5 file but not a model of libresnet, whose attribute \"\(Root.format)\" "
          + "is \"\(format)\"")
    }
    let found = try root.integer(Root.formatVersion)
    guard found >= 1 else {
      throw ResNetError(.badFormat, "format version \(found) does not exist")
    }
    guard found <= version else {
      let writer =
        try root.hasAttribute(Root.libraryVersion)
        ? try root.string(Root.libraryVersion) : "unknown"
      throw ResNetError(
        .badFormat,
        "it has format version \(found), written by libresnet \(writer); libresnet "
          + "\(libraryVersion) reads versions up to \(version): update libresnet")
    }
    return found
  }

  // MARK: - Network

  private static func readNetwork(_ group: HDF5Group, version: Int) throws(ResNetError)
    -> Network
  {
    let blocks = try group.integers(NetworkAttribute.stageBlocks, limit: Network.Limits.blocks)
    let widths = try group.integers(NetworkAttribute.stageWidths, limit: Network.Limits.blocks)
    let strides = try group.integers(NetworkAttribute.stageStrides, limit: Network.Limits.blocks)
    guard blocks.count == widths.count, blocks.count == strides.count else {
      throw ResNetError(
        .badFormat,
        "\(group.path) describes \(blocks.count), \(widths.count) and \(strides.count) stages")
    }
    var network = Network(
      name: try group.string(NetworkAttribute.name),
      inputChannels: try group.integer(NetworkAttribute.inputChannels),
      stem: try choice(NetworkAttribute.stem, in: group),
      stemWidth: try group.integer(NetworkAttribute.stemWidth),
      block: try readBlock(group),
      stages: blocks.indices.map {
        Network.Stage(blocks: blocks[$0], width: widths[$0], stride: strides[$0])
      },
      shortcut: try choice(NetworkAttribute.shortcut, in: group),
      bottleneckStride: try choice(NetworkAttribute.bottleneckStride, in: group),
      zeroChannels: try choice(NetworkAttribute.zeroChannels, in: group),
      classes: try group.integer(NetworkAttribute.classes))
    if version > 1 { try readAdditions(of: &network, group) }
    if version > 2 { network.stemPool = try choice(NetworkAttribute.stemPool, in: group) }
    guard self.version(of: network) <= version else {
      throw ResNetError(
        .badFormat, "\(group.path) describes a network that format version \(version) does not have"
      )
    }
    return network
  }

  private static func readBlock(_ group: HDF5Group) throws(ResNetError) -> Network.Block {
    let name: BlockName = try choice(NetworkAttribute.block, in: group)
    switch name {
    case .basic: return .basic
    case .bottleneck: return .bottleneck
    case .layers: break
    }
    let limit = Network.Limits.layers
    let kernels = try group.integers(NetworkAttribute.blockKernels, limit: limit)
    let multiples = try group.integers(NetworkAttribute.blockWidthMultiples, limit: limit)
    guard kernels.count == multiples.count else {
      throw ResNetError(
        .badFormat,
        "\(group.path) describes blocks of \(kernels.count) and \(multiples.count) layers")
    }
    return Network.Block(
      zip(kernels, multiples).map { Network.Block.Layer(kernel: $0, widthMultiple: $1) },
      strideOn: try group.integer(NetworkAttribute.blockStrideOn))
  }

  /// What version 2 added.
  private static func readAdditions(of network: inout Network, _ group: HDF5Group)
    throws(ResNetError)
  {
    let pools = try group.integers(NetworkAttribute.stageMaxPools, limit: Network.Limits.blocks)
    guard pools.count == network.stages.count else {
      throw ResNetError(
        .badFormat,
        "\(group.path) describes \(network.stages.count) stages and \(pools.count) poolings")
    }
    for (index, pool) in pools.enumerated() { network.stages[index].maxPool = pool }
    network.affine = try choice(NetworkAttribute.affine, in: group)
    let pieces = try group.integer(NetworkAttribute.maxoutPieces)
    network.activation = pieces == 1 ? .relu : .maxout(pieces: pieces)
    network.window = try group.integer(NetworkAttribute.window)
    if try group.hasAttribute(NetworkAttribute.hiddenWidths) {
      network.hidden = try group.integers(
        NetworkAttribute.hiddenWidths, limit: Network.Limits.layers)
    }
  }

  static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, in group: HDF5Group
  ) throws(ResNetError) -> Choice {
    let text = try group.string(name)
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw ResNetError(
        .badFormat,
        "attribute \(name) of \(group.path) is \"\(text)\", expected one of \(known)")
    }
    return choice
  }

  private static func layout(of network: Network) throws(ResNetError) -> ParameterLayout {
    do {
      return ParameterLayout(try Graph(network))
    } catch {
      throw ResNetError(
        .badFormat, "/\(Root.network) describes a network that cannot be: \(error.message)")
    }
  }

  /// The datasets of the network's tensors, in the layout's order. Throws unless the group holds all of
  /// them and no others, each of its shape and together no larger than the file.
  private static func findTensors(
    _ layout: ParameterLayout, in group: HDF5Group, fileSize: Int
  ) throws(ResNetError) -> [ModelDataset] {
    let members = try group.members(limit: layout.tensors.count + maximumOtherMembers)
    var datasets: [ModelDataset] = []
    var total = 0
    for tensor in layout.tensors {
      guard let address = members[tensor.name] else {
        throw ResNetError(.badFormat, "dataset \(group.path(of: tensor.name)) is missing")
      }
      let dataset = try ModelDataset(tensor.name, at: address, in: group)
      guard dataset.isFloat32, dataset.shape == tensor.shape else {
        throw ResNetError(
          .badFormat,
          "\(dataset.path) has \(dataset.isFloat32 ? "" : "another type than float32 and ")shape "
            + "\(dataset.shape), expected float32 of shape \(tensor.shape)")
      }
      total += dataset.byteCount
      guard total <= fileSize else {
        throw ResNetError(
          .badFormat, "\(dataset.path) claims data that the file has no room for")
      }
      datasets.append(dataset)
    }
    guard members.count == layout.tensors.count else {
      let unknown = Set(members.keys).subtracting(layout.tensors.map(\.name)).sorted()
      throw ResNetError(
        .badFormat, "\(group.path(of: unknown.first ?? "")) is no tensor of this network")
    }
    return datasets
  }

  // MARK: - Normalisation

  private static func readNormalization(_ group: HDF5Group, _ network: Network)
    throws(ResNetError) -> Normalization
  {
    let known = [NormalizationDataset.mean, NormalizationDataset.scale]
    let members = try group.members(limit: maximumOtherMembers)
    if let unknown = Set(members.keys).subtracting(known).min() {
      throw ResNetError(.badFormat, "\(group.path(of: unknown)) is no part of a normalisation")
    }
    var normalization = Normalization.identity
    if let address = members[NormalizationDataset.mean] {
      let dataset = try ModelDataset(NormalizationDataset.mean, at: address, in: group)
      let shape = dataset.shape
      guard shape.count == 1 || shape.count == 3, shape[0] == network.inputChannels else {
        throw ResNetError(
          .badFormat,
          "\(dataset.path) has shape \(shape), expected one value per channel "
            + "(\(network.inputChannels)) or per channel, row and column")
      }
      normalization.mean = try dataset.readFloats()
      if shape.count == 3 {
        normalization.meanExtent = Extent(height: shape[1], width: shape[2])
      }
    }
    if let address = members[NormalizationDataset.scale] {
      let dataset = try ModelDataset(NormalizationDataset.scale, at: address, in: group)
      guard dataset.shape == [network.inputChannels] else {
        throw ResNetError(
          .badFormat,
          "\(dataset.path) has shape \(dataset.shape), expected one value per channel "
            + "(\(network.inputChannels))")
      }
      normalization.scale = try dataset.readFloats()
    }
    return normalization
  }
}
