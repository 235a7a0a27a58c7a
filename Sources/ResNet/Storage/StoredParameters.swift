/// The tensors of a model file that stays open: read when they are wanted, and verified every time.
final class StoredParameters {
  private let file: FileReader
  /// By the tensor's offset in ``ParameterLayout``.
  private let entries: [Int: FileChecksums.Entry]

  private init(_ file: FileReader, _ entries: [Int: FileChecksums.Entry]) {
    self.file = file
    self.entries = entries
  }

  /// The tensors of a layout as the file's checksums list them, by the path of each dataset, and
  /// the entries that are not theirs. What a listed tensor is, its path and size say; HDF5 would take
  /// longer to open all datasets than half of them takes to run. Nil if the list is not of exactly
  /// these tensors: without a checksum of its own one could not be verified when it is read.
  static func of(
    _ layout: ParameterLayout, under group: String, in file: FileReader,
    _ entries: [FileChecksums.Entry]
  ) -> (StoredParameters, others: [FileChecksums.Entry])? {
    var rest = Dictionary(entries.map { ($0.part.name, $0) }) { first, _ in first }
    guard rest.count == entries.count else { return nil }
    var stored: [Int: FileChecksums.Entry] = [:]
    for tensor in layout.tensors {
      // HDF5's own checksum follows the values.
      let bytes = (tensor.count + 1) * MemoryLayout<Float>.stride
      guard let entry = rest.removeValue(forKey: group + tensor.name),
        entry.part.range.count == bytes
      else { return nil }
      stored[tensor.offset] = entry
    }
    guard !rest.keys.contains(where: { $0.hasPrefix(group) }) else { return nil }
    let others = rest.values.sorted { $0.part.range.lowerBound < $1.part.range.lowerBound }
    return (StoredParameters(file, stored), others)
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
