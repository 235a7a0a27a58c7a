import ArgumentParser
import Glibc
import ResNet
import ResNetData

/// Throws unless a file's name ends as one of these kinds does, which says what is written. `remedy` is what
/// else can be done.
func requireExtension(
  _ path: String, of kinds: [String], as option: String = "--out", remedy: String = ""
) throws(ValidationError) {
  guard !kinds.contains(where: path.hasSuffix) else { return }
  let list =
    kinds.count > 1
    ? kinds.dropLast().joined(separator: ", ") + " or " + kinds[kinds.count - 1] : kinds[0]
  throw ValidationError("\(option) is \"\(path)\", expected the name of a file in \(list)\(remedy)")
}

/// Whether both are there, and one file.
func isSameFile(_ one: String, _ other: String) -> Bool {
  var (first, second) = (stat(), stat())
  return stat(one, &first) == 0 && stat(other, &second) == 0
    && first.st_dev == second.st_dev && first.st_ino == second.st_ino
}

/// A path from the root and without links, or that of its folder so, where this is there; else as it is. Of one
/// file it is the same, however it was named.
func resolvedPath(_ path: String) -> String {
  func resolved(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }
  let slash = path.lastIndex(of: "/")
  let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
  return resolved(path)
    ?? resolved(slash.map { String(path[...$0]) } ?? ".").map { "\($0)/\(name)" } ?? path
}

/// Hours of work must not end with a file that cannot be written, nor with the loss of a checkpoint, from which
/// a training could go on. `option` is what names it, `example` the name of such a file.
func requireWritable(
  _ path: String, as option: String = "--out", _ example: String = "model.h5"
) throws(ResNetError) {
  guard !path.isEmpty, !path.hasSuffix("/"), !Directory.isDirectory(path) else {
    throw ResNetError(
      .invalidArgument,
      "\(option) is \"\(path)\", expected the name of a file, such as \(example)"
        + (Directory.isDirectory(path) ? "; that is a folder" : ""))
  }
  do throws(ResNetError) {
    try AtomicFile.requireWritable(path)
  } catch {
    throw ResNetError(error.kind, "cannot write to \(path): \(error.message)")
  }
  guard try !isCheckpoint(path, option) else {
    throw ResNetError(
      .invalidArgument,
      "\(option) is \(path), a checkpoint, from which a training can go on: give another file, or remove that"
    )
  }
}

private func isCheckpoint(_ path: String, _ option: String) throws(ResNetError) -> Bool {
  do throws(ResNetError) {
    return try ModelFile.isCheckpoint(path)
  } catch {
    throw ResNetError(
      error.kind,
      "\(option) is \(path), which may be a checkpoint, but cannot be read: \(error.message); give another "
        + "file, or remove that")
  }
}

/// The same of a model, whose file must not be called as another program's are.
func requireWritableModel(_ path: String) throws(ResNetError) {
  try requireWritable(path)
  do throws(ResNetError) {
    try ModelFile.validate(savingTo: path)
  } catch {
    throw ResNetError(error.kind, "--out is \(path): \(error.message)")
  }
}

/// Replaces a file by a text, at once and to stay, whatever happens to the computer.
func writeFile(_ path: String, _ text: String) throws(ResNetError) {
  do throws(ResNetError) {
    let bytes = Array(text.utf8)
    try AtomicFile.write(to: path) { append throws(ResNetError) in
      try bytes.withUnsafeBytes { bytes in
        Result { () throws(ResNetError) in try append(bytes) }
      }.get()
    }
  } catch {
    throw ResNetError(error.kind, "cannot write \(path): \(error.message)")
  }
}

/// Makes a folder, and those that it is in, unless they are there, and to stay, whatever happens to the computer.
/// Throws unless files can be written to it.
func makeFolder(_ path: String) throws(ResNetError) {
  func make(_ path: String) -> Bool {
    guard mkdir(path, 0o777) == 0 else { return false }
    let parent = open("\(path)/..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
    return true
  }
  var first: Int32?
  for end in path.indices.dropFirst() where path[end] == "/" {
    if !make(String(path[..<end])), errno != EEXIST { first = first ?? errno }
  }
  guard !make(path) else { return }
  let reason = errno == ENOENT ? first ?? errno : errno
  guard Directory.isDirectory(path) else {
    throw ResNetError(
      .inputOutput, "cannot make the folder \(path): \(String(cString: strerror(reason)))")
  }
  guard access(path, W_OK) == 0 else {
    throw ResNetError(
      .inputOutput, "cannot write to \(path): \(String(cString: strerror(errno)))")
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
