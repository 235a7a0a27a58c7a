import Glibc
import ResNet

/// What is in a directory, by name.
package enum Directory {
  /// The names of all entries but hidden ones, in the order of their bytes.
  ///
  /// - Throws: `notFound`, or `inputOutput` if it cannot be read; `badFormat` for a name that is not
  ///   UTF-8.
  package static func names(in path: String) throws(ResNetError) -> [String] {
    guard !path.utf8.contains(0) else {
      throw ResNetError(.invalidArgument, "a path must not contain a zero byte")
    }
    guard let stream = opendir(path) else {
      let code = errno
      throw ResNetError(
        code == ENOENT || code == ENOTDIR ? .notFound : .inputOutput,
        "cannot open the directory \(path): \(describe(code))")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        let code = errno
        guard code == 0 else {
          throw ResNetError(.inputOutput, "cannot read the directory \(path): \(describe(code))")
        }
        break
      }
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map(\.self) }
      guard bytes.first != UInt8(ascii: ".") else { continue }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw ResNetError(
          .badFormat,
          "a file name in \(path) is not UTF-8: \(String(decoding: bytes, as: UTF8.self)); rename it"
        )
      }
      // Those to come, in an array that grows and is sorted.
      if names.count % 4096 == 0 {
        try expectMemory(
          names.count * 48 + 4096 * 256, for: "more than \(names.count) names in \(path)")
      }
      names.append(name)
    }
    // As bytes: Swift would order by characters, others by code points, which is the same as bytes.
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Whether a path leads to a directory, perhaps by a symbolic link.
  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
