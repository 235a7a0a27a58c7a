/// The tensors of a model file that stays open: read when they are wanted, and verified every time.
final class StoredParameters {
  private let file: FileReader
  /// By the tensor's offset in ``ParameterLayout``.
  private let entries: [Int: FileChecksums.Entry]

  private init(_ file: FileReader, _ entries: [Int: FileChecksums.Entry]) {
    self.file = file
    self.entries = entries
  }

  /// The tensors of a network, in the order of its layout at `locations` in the file; and the
  /// entries that are not theirs. Nil if a tensor has no checksum of its own, so that it could not
  /// be verified when it is read.
  static func of(
    _ network: Network, _ locations: [Range<Int>?], in file: FileReader,
    _ entries: [FileChecksums.Entry]
  ) throws(ResNetError) -> (StoredParameters, others: [FileChecksums.Entry])? {
    var others = Dictionary(entries.map { ($0.part.range, $0) }) { first, _ in first }
    var stored: [Int: FileChecksums.Entry] = [:]
    for (tensor, location) in zip(ParameterLayout(try Graph(network)).tensors, locations) {
      guard let location, let entry = others.removeValue(forKey: location) else { return nil }
      stored[tensor.offset] = entry
    }
    let rest = others.values.sorted { $0.part.range.lowerBound < $1.part.range.lowerBound }
    return (StoredParameters(file, stored), rest)
  }

  /// Reads the tensor at an offset of the layout whole.
  func read(at offset: Int, into values: UnsafeMutableBufferPointer<Float>) throws(ResNetError) {
    let entry = try entry(at: offset)
    try namingFile { () throws(ResNetError) in
      try FileChecksums.verify([entry], of: file, into: [entry.part.range.lowerBound: values])
    }
  }

  /// Reads the tensor of `count` values at an offset of the layout in blocks; see
  /// ``FileChecksums/forEachBlock(of:in:count:blockFloats:pool:workers:_:)``.
  func forEachBlock(
    at offset: Int, count: Int, blockFloats: Int, pool: ThreadPool, workers: Int,
    _ body: (_ block: Int, _ values: UnsafePointer<Float>) -> Void
  ) throws(ResNetError) {
    let entry = try entry(at: offset)
    try namingFile { () throws(ResNetError) in
      try FileChecksums.forEachBlock(
        of: entry, in: file, count: count, blockFloats: blockFloats, pool: pool, workers: workers,
        body)
    }
  }

  private func namingFile(_ body: () throws(ResNetError) -> Void) throws(ResNetError) {
    do throws(ResNetError) {
      try body()
    } catch {
      throw ResNetError(error.kind, "cannot read the model \(file.path): \(error.message)")
    }
  }

  private func entry(at offset: Int) throws(ResNetError) -> FileChecksums.Entry {
    guard let entry = entries[offset] else {
      throw ResNetError(.notFound, "the file has no tensor at \(offset) of the layout")
    }
    return entry
  }
}
