import ResNet

/// An IDX file of unsigned bytes, the format of MNIST, with its header read and found to fit the
/// file's size.
///
/// The header is in big-endian words of 32 bits: one that tells the type of the values (8 for
/// unsigned bytes) and the number of dimensions, then each dimension.
struct IDXFile {
  /// Read up to the end of the header.
  let file: InputFile
  /// The first is the number of images or labels.
  let dimensions: [Int]

  var count: Int { dimensions[0] }

  /// - Parameters:
  ///   - contents: What the file should hold, for messages.
  ///   - ranks: The numbers of dimensions that it may have.
  init(_ path: String, contents: String, ranks: ClosedRange<Int>) throws(ResNetError) {
    file = try InputFile(path)
    let magic = try IDXFile.magic(of: file, contents: contents, ranks: ranks)
    let rank = Int(magic & 0xff)
    let header = 4 * (1 + rank)
    guard file.size >= header else {
      throw ResNetError(
        .badFormat,
        "\(path) has \(file.size) bytes, fewer than the \(header) of its header: it is truncated")
    }
    var dimensions: [Int] = []
    for _ in 0..<rank { dimensions.append(Int(try file.readWord())) }
    self.dimensions = dimensions
    try checkSize(header: header)
  }

  /// Compares before anything is allocated, whatever the header says.
  private func checkSize(header: Int) throws(ResNetError) {
    let shape = dimensions.map(String.init).joined(separator: " x ")
    var size = 1
    for dimension in dimensions {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard dimension > 0, !overflow, product < 1 << 40 else {
        throw ResNetError(
          .badFormat,
          "the header of \(file.path) says \(shape); every dimension must be at least 1 and "
            + "their product below 2^40")
      }
      size = product
    }
    guard file.size == header + size else {
      throw ResNetError(
        .badFormat,
        "\(file.path) has \(file.size) bytes; its header says \(shape), for which it should have "
          + "\(header + size), so it is "
          + (file.size < header + size ? "truncated" : "longer than it says"))
    }
  }

  /// The first word, if it is one of those expected.
  private static func magic(of file: InputFile, contents: String, ranks: ClosedRange<Int>)
    throws(ResNetError) -> UInt32
  {
    let expected = ranks.map { hexadecimal(magic(rank: $0)) }.joined(separator: " or ")
    guard file.size >= 4 else {
      throw ResNetError(
        .badFormat,
        "\(file.path) has \(file.size) bytes; an IDX file of \(contents) begins with \(expected)")
    }
    let word = try file.readWord()
    guard word >> 16 != 0x1f8b else {
      throw ResNetError(
        .badFormat,
        "\(file.path) is compressed by gzip; unpack it (gunzip) and open the result, which should "
          + "begin with \(expected)")
    }
    guard ranks.contains(where: { magic(rank: $0) == word }) else {
      throw ResNetError(
        .badFormat,
        "\(file.path) begins with \(hexadecimal(word)); an IDX file of \(contents), in unsigned "
          + "bytes, begins with \(expected)")
    }
    return word
  }

  private static func magic(rank: Int) -> UInt32 { 0x0800 | UInt32(rank) }
}

extension InputFile {
  /// The next four bytes, big-endian.
  fileprivate func readWord() throws(ResNetError) -> UInt32 {
    var word: UInt32 = 0
    let outcome = withUnsafeMutableBytes(of: &word) { buffer in
      Result { () throws(ResNetError) in try read(into: buffer) }
    }
    try outcome.get()
    return UInt32(bigEndian: word)
  }
}

private func hexadecimal(_ word: UInt32) -> String {
  let digits = String(word, radix: 16)
  return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
