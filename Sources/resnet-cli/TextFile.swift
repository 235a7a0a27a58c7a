import Glibc
import ResNet

/// A file of text.
func readText(_ path: String) throws(ResNetError) -> String {
  guard let file = fopen(path, "re") else {
    throw ResNetError(
      errno == ENOENT ? .notFound : .inputOutput,
      "cannot read \(path): \(String(cString: strerror(errno)))")
  }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&chunk, 1, chunk.count, file)
    bytes += chunk[..<count]
    if count < chunk.count { break }
  }
  guard ferror(file) == 0 else {
    throw ResNetError(.inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))")
  }
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw ResNetError(.badFormat, "\(path) is not a text in UTF-8")
  }
  // Some editors begin a text with it.
  return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
}

/// The lines of a text file, those that are empty left out.
func lines(of path: String) throws(ResNetError) -> [String] {
  try readText(path).split(whereSeparator: \.isNewline).map(String.init)
}
