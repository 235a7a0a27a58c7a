import Glibc
import Synchronization

/// Replaces files whole or not at all.
package enum AtomicFile {
  private static let counter = Atomic<UInt64>(0)

  /// A name that no other file or call has: of this process, and of this call in it.
  package static func uniqueName() -> String {
    let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
    return ".resnet-\(getpid())-\(number).tmp"
  }

  /// Removes from a directory what processes have left there that were killed while they wrote. Only where
  /// no process of another machine, or container, writes.
  package static func removeRemains(in directory: String) {
    guard let stream = opendir(directory) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(".resnet-"), name.hasSuffix(".tmp"),
        let writer = name.split(separator: "-").dropFirst().first.flatMap({ pid_t($0) }),
        writer > 0,
        writer == getpid() || (kill(writer, 0) != 0 && errno == ESRCH)
      else { continue }
      unlinkat(dirfd(stream), name, 0)
    }
  }

  /// Appends bytes to the file that is being written.
  package typealias Append = (UnsafeRawBufferPointer) throws(ResNetError) -> Void

  /// Makes `path` a file of exactly the bytes that `body` appends. They are written to a temporary file
  /// in the same directory, synced, and renamed over the target, so that at any moment, power loss
  /// included, the target is the old file or the new one. On failure, `body`'s too, the temporary file
  /// is removed and the old file is as it was.
  ///
  /// A symbolic link stays, and the file it points to is replaced. The new file may be read and written by
  /// those who might the old one, or, if there was none, as any new file may (0666 less the umask).
  package static func write(
    to path: String, _ body: (Append) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    let (parent, name) = try place(of: path)

    let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw systemError("cannot open directory \(parent)") }
    defer { close(directory) }

    let (temporary, descriptor) = try create(in: directory, parent: parent)
    var old = stat()
    // Before there is anything to read in it. Some file systems have no modes.
    if fstatat(directory, name, &old, 0) == 0 { fchmod(descriptor, old.st_mode & 0o777) }
    do throws(ResNetError) {
      try fill(descriptor, body)
      guard renameat(directory, temporary, directory, name) == 0 else {
        throw systemError("cannot rename the temporary file")
      }
    } catch {
      unlinkat(directory, temporary, 0)
      throw error
    }
    // Some file systems cannot sync a directory and say EINVAL: they promise no more than this.
    guard fsync(directory) == 0 || errno == EINVAL else {
      throw systemError("written, but the directory could not be synced")
    }
  }

  /// Throws unless a file at `path` could be made or replaced, as far as it can be said before.
  package static func requireWritable(_ path: String) throws(ResNetError) {
    let (parent, _) = try place(of: path)
    guard access(parent, W_OK) == 0 else { throw systemError(parent) }
  }

  /// The directory and the name in it of the file that is made or replaced.
  private static func place(of path: String) throws(ResNetError) -> (parent: String, name: String) {
    let target = try resolve(path)
    // Not by characters: before a combining mark a slash is none.
    let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
    return (
      slash.map { String(target[...$0]) } ?? ".",
      slash.map { String(target[target.utf8.index(after: $0)...]) } ?? target
    )
  }

  /// `path` with symbolic links in its last component followed; throws unless the target is absent
  /// or a regular file that may be written.
  private static func resolve(_ path: String) throws(ResNetError) -> String {
    var target = path
    for _ in 0..<40 {
      var status = stat()
      guard lstat(target, &status) == 0 else {
        // A target that is not there yet is the ordinary case.
        guard errno == ENOENT, target.utf8.last != UInt8(ascii: "/") else {
          throw systemError("cannot write")
        }
        return target
      }
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        guard access(target, W_OK) == 0 else { throw systemError("cannot replace") }
        return target
      case S_IFLNK:
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink(target, &buffer, buffer.count - 1)
        guard length > 0 else { throw systemError("cannot follow symbolic link") }
        let bytes = buffer[..<length].map(UInt8.init(bitPattern:))
        guard let link = String(validating: bytes, as: UTF8.self) else {
          throw ResNetError(.inputOutput, "cannot follow symbolic link: its target is not UTF-8")
        }
        if link.utf8.first == UInt8(ascii: "/") {
          target = link
        } else {
          let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
          target = (slash.map { String(target[...$0]) } ?? "") + link
        }
      case S_IFDIR:
        errno = EISDIR
        throw systemError("cannot replace")
      default:
        throw ResNetError(.inputOutput, "cannot replace what is not a regular file")
      }
    }
    errno = ELOOP
    throw systemError("cannot follow symbolic link")
  }

  private static func create(in directory: Int32, parent: String)
    throws(ResNetError) -> (name: String, descriptor: Int32)
  {
    // A name is taken only if an earlier process of the same number died while saving.
    for _ in 0..<1000 {
      let name = uniqueName()
      let descriptor = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (name, descriptor) }
      guard errno == EEXIST else { break }
    }
    throw systemError("cannot create a file in directory \(parent)")
  }

  /// Writes, syncs and closes; `descriptor` is closed whatever happens.
  private static func fill(
    _ descriptor: Int32, _ body: (Append) throws(ResNetError) -> Void
  ) throws(ResNetError) {
    do throws(ResNetError) {
      try body { bytes throws(ResNetError) in
        try withoutFileSizeSignal { () throws(ResNetError) in try append(bytes, to: descriptor) }
      }
    } catch {
      close(descriptor)
      throw error
    }
    guard fsync(descriptor) == 0 else {
      let error = systemError("cannot sync")
      close(descriptor)
      throw error
    }
    // Network file systems may report a full disk only here.
    guard close(descriptor) == 0 else { throw systemError("cannot close") }
  }

  private static func append(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32)
    throws(ResNetError)
  {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw systemError("cannot write") }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// An `inputOutput` error that ends in what `errno` says.
  package static func systemError(_ what: String) -> ResNetError {
    let code = errno
    return ResNetError(.inputOutput, "\(what): \(String(cString: strerror(code)))")
  }
}
