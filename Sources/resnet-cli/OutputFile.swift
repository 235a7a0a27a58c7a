import Glibc
import ResNet
import ResNetData

/// Hours of work must not end with a file that cannot be written. `option` is what names it, `example` the
/// name of such a file.
func requireWritable(
  _ path: String, as option: String = "--out", _ example: String = "model.h5"
) throws(ResNetError) {
  guard !path.isEmpty, !path.hasSuffix("/"), !Directory.isDirectory(path) else {
    throw ResNetError(
      .invalidArgument,
      "\(option) is \"\(path)\", expected the name of a file, such as \(example)"
        + (Directory.isDirectory(path) ? "; that is a folder" : ""))
  }
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  guard access(directory, W_OK) == 0 else {
    throw ResNetError(
      .inputOutput, "cannot write to \(path): \(directory): \(String(cString: strerror(errno)))")
  }
}

/// Replaces a file by a text, at once: who reads it meanwhile gets all of the old one or of the new one.
func writeFile(_ path: String, _ text: String) throws(ResNetError) {
  let new = "\(path).\(getpid()).new"
  let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  let isWritten = file >= 0 && write(text, to: file)
  let problem = errno
  if file >= 0 { close(file) }
  guard isWritten, rename(new, path) == 0 else {
    let reason = String(cString: strerror(isWritten ? errno : problem))
    unlink(new)
    throw ResNetError(.inputOutput, "cannot write \(path): \(reason)")
  }
}

/// Writes a text to an open file. False, with the reason in `errno`, if it did not get all of it.
@discardableResult
func write(_ text: String, to file: Int32) -> Bool { write(Array(text.utf8), to: file) }

@discardableResult
func write(_ bytes: [UInt8], to file: Int32) -> Bool {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { return false }
    rest.removeFirst(count)
  }
  return true
}
