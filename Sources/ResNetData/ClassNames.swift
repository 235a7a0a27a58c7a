import ResNet

/// The lines of a file of class names, as many as were published, or the published names if there
/// is no such file.
func readClassNames(_ path: String, published: [String]) throws(ResNetError) -> [String] {
  let file: InputFile
  do throws(ResNetError) {
    file = try InputFile(path)
  } catch {
    guard error.kind == .notFound else { throw error }
    return published
  }
  let limit = 64 * 1024
  var bytes = [UInt8](repeating: 0, count: min(file.size, limit))
  let outcome = bytes.withUnsafeMutableBytes { buffer in
    Result { () throws(ResNetError) in try file.read(into: buffer) }
  }
  try outcome.get()
  let names = String(validating: bytes, as: UTF8.self)?
    .split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
    .map(String.init)
  guard file.size <= limit, let names, names.count == published.count else {
    throw ResNetError(
      .badFormat,
      "\(file.path) should hold \(published.count) class names, one a line, in UTF-8; it "
        + (names.map { "has \($0.count)" } ?? "is not text"))
  }
  return names
}
