import Glibc

/// The files that another one says to be beside it, which need not be trusted: their locations lead from its
/// folder down, and links that leave this folder are refused. (Where the file is a link itself, as in the cache
/// of the Hugging Face Hub, links may lead into the folder in which it lies.)
///
/// All of it goes by bytes: to Swift's characters a slash before a combining mark is no slash, and names that
/// differ are equal if they look the same.
package final class FilesBeside {
  /// Paths from the root, without links and the last slash: of the folder that the file was opened in, and of
  /// that in which it lies.
  private let folders: [String]
  /// What was found at each location.
  private var known: [[UInt8]: FileReader.Identity] = [:]

  private static let slash = UInt8(ascii: "/")
  /// Of Linux, which the module of the C library lacks: a folder need not be readable to be gone through.
  private static let pathOnly: Int32 = 0o10_000_000

  /// Of a file that is open. Its path is followed once, as what it leads to may change, and so may the folder
  /// that a relative one begins in.
  package init(of file: FileReader) throws(ResNetError) {
    let target = try Self.resolve(file.path)
    var status = stat()
    guard lstat(target, &status) == 0, FileReader.Identity(status) == file.identity else {
      throw ResNetError(.inputOutput, "\(file.path) was replaced while it was read")
    }
    let opened = try Self.resolve(Self.folder(of: file.path) + ".")
    folders = [
      opened.utf8.count == 1 ? "" : opened,
      String(decoding: Self.folder(of: target).utf8.dropLast(), as: UTF8.self),
    ]
  }

  /// Bytes of all that were opened, each counted once.
  package var bytes: Int { Set(known.values).reduce(0) { $0 + $1.size } }

  /// Opens the file at a location, which must be the same each time.
  package func open(_ location: String) throws(ResNetError) -> FileReader {
    try Self.check(Array(location.utf8))
    let target = try Self.resolve(folders[0] + "/" + location)
    guard !target.utf8.elementsEqual(folders[0].utf8), target.utf8.count > 1 else {
      throw ResNetError(.badFormat, "it is a directory")
    }
    guard let folder = folders.first(where: { target.utf8.starts(with: ($0 + "/").utf8) }) else {
      throw ResNetError(.badFormat, "it is a link to another folder, \(target)")
    }
    let reader = try Self.open(target, below: folder)
    let before = known.updateValue(reader.identity, forKey: Array(location.utf8))
    guard before == nil || before == reader.identity else {
      throw ResNetError(.inputOutput, "it was replaced, or its size changed, while it was read")
    }
    return reader
  }

  private static func check(_ location: [UInt8]) throws(ResNetError) {
    let reason: String? =
      if location.isEmpty {
        "its name is empty"
      } else if location[0] == slash {
        "a path from the root is not in the folder"
      } else if location.contains(0) {
        "its name has a zero byte"
      } else if location.split(separator: slash).contains(where: { $0.elementsEqual("..".utf8) }) {
        "its path must lead down, without .."
      } else {
        nil
      }
    if let reason { throw ResNetError(.badFormat, reason) }
  }

  /// Opens a file by a path without links, going from the folder down by no link that came in between.
  private static func open(_ target: String, below folder: String) throws(ResNetError)
    -> FileReader
  {
    var names = target.utf8.dropFirst(folder.utf8.count + 1).split(separator: slash)
      .map { String(decoding: $0, as: UTF8.self) }
    let last = names.removeLast()
    let flags = O_DIRECTORY | O_CLOEXEC | pathOnly
    var descriptor = Glibc.open(folder + "/", flags)
    defer { close(descriptor) }
    for name in names where descriptor >= 0 {
      let inner = openat(descriptor, name, flags | O_NOFOLLOW)
      let code = errno
      close(descriptor)
      (descriptor, errno) = (inner, code)
    }
    guard descriptor >= 0 else { throw ModelFile.openingError }
    return try ModelFile.reader(
      target, openat(descriptor, last, ModelFile.readingFlags | O_NOFOLLOW))
  }

  /// All of a path to its last slash.
  private static func folder(of path: String) -> String {
    path.utf8.lastIndex(of: slash).map { String(decoding: path.utf8[...$0], as: UTF8.self) } ?? ""
  }

  /// A path from the root, without links.
  private static func resolve(_ path: String) throws(ResNetError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard realpath(path, &buffer) != nil else { throw ModelFile.openingError }
    guard let end = buffer.firstIndex(of: 0),
      let target = String(validating: buffer[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self)
    else { throw ResNetError(.inputOutput, "its path is not UTF-8") }
    return target
  }
}
