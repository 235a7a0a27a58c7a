import Glibc
import ResNet
import ResNetData

/// Hours of work must not end with a file that cannot be written. `option` is what names it.
func requireWritable(_ path: String, as option: String = "--out") throws(ResNetError) {
  guard !path.isEmpty, !path.hasSuffix("/"), !Directory.isDirectory(path) else {
    throw ResNetError(
      .invalidArgument,
      "\(option) is \"\(path)\", expected the name of a file, such as model.h5"
        + (Directory.isDirectory(path) ? "; that is a folder" : ""))
  }
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  guard access(directory, W_OK) == 0 else {
    throw ResNetError(
      .inputOutput, "cannot write to \(path): \(directory): \(String(cString: strerror(errno)))")
  }
}

/// The lines of a text file, those that are empty left out. Throws `badFormat` for what is no text.
func lines(of path: String) throws(ResNetError) -> [String] {
  do throws(ResNetError) {
    try ModelFile.validate(path: path)
    let file = try ModelFile.open(path)
    let limit = 1 << 26
    guard file.size <= limit,
      let text = String(validating: try file.bytes(0, file.size), as: UTF8.self)
    else {
      throw ResNetError(.badFormat, "expected UTF-8 text of at most \(limit >> 20) MB")
    }
    return text.split(whereSeparator: \.isNewline).map(String.init)
  } catch {
    throw ResNetError(error.kind, "cannot read \(path): \(error.message)")
  }
}
