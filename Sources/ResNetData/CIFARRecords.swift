import ResNet

/// The record files that CIFAR-10 and CIFAR-100 have in common: a row of records, each a byte or
/// two of labels, then 3x32x32 bytes of pixels.
struct CIFARRecords {
  /// One of a record's label bytes.
  struct Label {
    let name: String
    let classes: Int
  }

  /// The dataset's name, for messages.
  let dataset: String
  /// What the directory should hold, for messages.
  let files: String
  /// A record's label bytes, in order. All are checked.
  let labels: [Label]
  /// The one of `labels` that is kept.
  let label: Int

  private static let imageBytes = 3 * 32 * 32
  private var recordBytes: Int { labels.count + CIFARRecords.imageBytes }

  /// All records of those files, in order.
  func read(_ names: [String], in directory: String, classNames: [String])
    throws(ResNetError) -> ImageStore
  {
    let opened = try open(names, in: directory)
    var records = 0
    for file in opened { records += try count(in: file) }
    let store = try ImageStore(
      count: records, channels: 3, extent: Extent(height: 32, width: 32), isBytes: true,
      classes: labels[label].classes, classNames: classNames)
    var first = 0
    for file in opened {
      try read(file, into: store, first: first)
      first += file.size / recordBytes
    }
    return store
  }

  private func open(_ names: [String], in directory: String) throws(ResNetError) -> [InputFile] {
    var opened: [InputFile] = []
    for name in names {
      do throws(ResNetError) {
        opened.append(try InputFile("\(directory)/\(name)"))
      } catch {
        guard error.kind == .notFound else { throw error }
        throw ResNetError(
          .notFound,
          "\(error.message); the directory should hold the binary version of \(dataset): \(files)")
      }
    }
    return opened
  }

  private func count(in file: InputFile) throws(ResNetError) -> Int {
    guard file.size > 0, file.size % recordBytes == 0 else {
      throw ResNetError(
        .badFormat,
        "\(file.path) has \(file.size) bytes; a \(dataset) file is a row of records of "
          + "\(recordBytes) bytes, so it is truncated or something else")
    }
    return file.size / recordBytes
  }

  /// Takes the labels out from between the images.
  private func read(_ file: InputFile, into store: ImageStore, first: Int) throws(ResNetError) {
    let (recordBytes, imageBytes) = (recordBytes, CIFARRecords.imageBytes)
    let count = file.size / recordBytes
    // Some 1 MB at a time.
    let chunk = min(count, 341)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: chunk * recordBytes, alignment: 16)
    defer { memory.deallocate() }
    for start in stride(from: 0, to: count, by: chunk) {
      let records = min(chunk, count - start)
      try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: memory[..<(records * recordBytes)]))
      for record in 0..<records {
        let offset = record * recordBytes
        let pixels = offset + labels.count
        try check(memory[offset..<pixels], record: start + record, of: file)
        let image = first + start + record
        store.labels[image] = Int32(memory[offset + label])
        UnsafeMutableRawBufferPointer(
          rebasing: store.pixels[image * imageBytes..<(image + 1) * imageBytes]
        ).copyBytes(from: memory[pixels..<(pixels + imageBytes)])
      }
    }
  }

  private func check(
    _ bytes: Slice<UnsafeMutableRawBufferPointer>, record: Int, of file: InputFile
  ) throws(ResNetError) {
    for (value, label) in zip(bytes, labels) where Int(value) >= label.classes {
      throw ResNetError(
        .badFormat,
        "\(file.path): record \(record) has \(label.name) \(value); \(dataset)'s are 0 to "
          + "\(label.classes - 1)")
    }
  }
}
