import ResNet

/// Opening files of other programs: what they are is found from their first bytes.
package enum WeightsFile {
  package static func read(_ source: FileSource) throws(ResNetError) -> ImportedWeights {
    let head = try source.bytes(0, min(64, source.size))
    if SafetensorsFile.matches(head) { return try SafetensorsFile(source).weights }
    if ZipArchive.matches(head) {
      let archive = try ZipArchive(source)
      if let weights = try KerasArchive.read(archive, in: source) { return weights }
      if let reason = UnreadFile.reason(of: archive) { throw ResNetError(.badFormat, reason) }
      return try TorchFile(source, archive).weights
    }
    if TorchFile.matches(head) { return try TorchFile(source).weights }
    if ONNXImport.matches(head) { return try ONNXImport(source).weights }
    if HDF5Weights.matches(head) { return try HDF5Weights.read(source) }
    throw ResNetError(
      .badFormat,
      UnreadFile.reason(of: head)
        ?? "its contents are of no format that is known here ("
        + FileFormat.allCases.map(\.title).joined(separator: ", ") + ")")
  }

  /// Does something with a file; an error says which it was.
  static func with<Value>(
    _ path: String, as action: String = "import", _ body: (FileSource) throws(ResNetError) -> Value
  ) throws(ResNetError) -> Value {
    do throws(ResNetError) {
      try ModelFile.validate(path: path)
      if let reason = UnreadFile.reason(ofFolder: path) { throw ResNetError(.badFormat, reason) }
      return try body(.file(try ModelFile.open(path)))
    } catch {
      throw ResNetError(error.kind, "cannot \(action) \(path): \(error.message)")
    }
  }

  /// A model of a file's network with its weights.
  static func model(
    _ source: FileSource, _ options: ImportOptions, _ report: inout ImportReport
  ) throws(ResNetError) -> Model {
    let weights = try read(source)
    let network = try NetworkInference.network(of: weights, options)
    // Found to be there before memory is allocated for them.
    let pairs = try weights.fit(
      ParameterLayout(try Graph(network)), of: network, partial: options.partial, &report)
    let model = options.partial ? try Model(network, seed: 0) : try Model(unset: network)
    try weights.fill(model, pairs, &report)
    try model.setNormalization(weights.normalization)
    try model.setClassNames(weights.classNames)
    for (name, value) in weights.metadata {
      do throws(ResNetError) {
        try model.setMetadata(value, for: name)
      } catch {
        throw ResNetError(.badFormat, "it has metadata that cannot be: \(error.message)")
      }
    }
    try options.preprocessing.apply(to: model)
    return model
  }

  static func set(
    _ model: Model, to source: FileSource, partial: Bool, _ report: inout ImportReport
  ) throws(ResNetError) {
    let weights = try read(source)
    let pairs = try weights.fit(
      model.layout, of: model.network, partial: partial, &report)
    try weights.replace(in: model, pairs, &report)
    weights.noteStride(of: model.network, in: &report)
  }
}
