import Glibc

/// A folder for the files of one target, which each run writes anew. It is removed with it.
final class ScratchFolder {
  let path: String
  private var names: Set<String> = []

  init() throws(Finding) {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/resnet-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Finding("there is no room for a folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// Makes `name` a file of those bytes, and returns its path.
  func write(_ bytes: some Collection<UInt8>, to name: String) throws(Finding) -> String {
    names.insert(name)
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    let all = Array(bytes)
    let written = all.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    guard close(descriptor) == 0, written == all.count else {
      throw Finding("cannot write \(file)")
    }
    return file
  }

  /// The bytes of a file.
  func read(_ name: String) throws(Finding) -> [UInt8] {
    let descriptor = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC)
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size >= 0 else { throw Finding("cannot read \(path)/\(name)") }
    var bytes = [UInt8](repeating: 0, count: size)
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, size, 0) }
    guard close(descriptor) == 0, count == size else {
      throw Finding("cannot read \(path)/\(name)")
    }
    return bytes
  }

  /// The path of `name`, which something else writes.
  func reserve(_ name: String) -> String {
    names.insert(name)
    return "\(path)/\(name)"
  }
}
