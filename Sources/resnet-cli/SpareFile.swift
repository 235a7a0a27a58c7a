import Glibc
import ResNet

/// Files that a model is saved to in the place of no other, which may be better.
enum SpareFile {
  /// Saves a model as `stem.h5` or, if that is there, as `stem-unfinished.h5`, with a number if that is there, too.
  /// Returns the path.
  static func saveUnfinished(_ model: Model, to stem: String) throws(ResNetError) -> String {
    try save(model, to: stem) { $0 == 1 ? "-unfinished" : "-unfinished-\($0)" }
  }

  /// Saves a model where it can be, as `name.h5`, with a number if that is there: in the current folder, or else in
  /// a new one among the temporary files, which only its user can read. Returns the path; nil if it can be nowhere.
  static func save(_ model: Model, called name: String) -> String? {
    func save(to stem: String) -> String? { try? self.save(model, to: stem) { "-\($0 + 1)" } }
    if let path = save(to: name) { return path }
    let temporary = [getenv("TMPDIR").map { String(cString: $0) } ?? "", "/tmp"]
    for folder in temporary where !folder.isEmpty {
      var template = Array("\(folder)/resnet-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { continue }
      let new = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if let path = save(to: "\(new)/\(name)") { return path }
      rmdir(new)
    }
    return nil
  }

  /// Saves a model as `stem.h5` or, if that is there, with the first of `marks` 1, 2 and so on behind the stem that
  /// no file has. It is whole before it has that name, which is taken from no other process's file.
  private static func save(_ model: Model, to stem: String, _ marks: (Int) -> String)
    throws(ResNetError) -> String
  {
    let folder = stem.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(stem[...$0]) } ?? ""
    let temporary = folder + AtomicFile.uniqueName()
    do throws(ResNetError) {
      try model.save(to: temporary)
    } catch {
      let what = "cannot save \(temporary)"
      guard error.message.hasPrefix(what) else { throw error }
      throw ResNetError(
        error.kind, "cannot save \(stem).h5" + error.message.dropFirst(what.count))
    }
    defer { unlink(temporary) }
    var number = 0
    while true {
      let path = stem + (number == 0 ? "" : marks(number)) + ".h5"
      if name(temporary, path) { return path }
      guard errno == EEXIST else {
        throw ResNetError(
          .inputOutput, "cannot save \(path): \(String(cString: strerror(errno)))")
      }
      number += 1
    }
  }

  /// Whether a file got a name that none had; errno says why not.
  private static func name(_ file: String, _ name: String) -> Bool {
    if link(file, name) == 0 { return true }
    // Where a file has one name, as on memory cards, nothing is both safe from other processes and whole.
    guard errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS else { return false }
    if access(name, F_OK) == 0 {
      errno = EEXIST
      return false
    }
    return rename(file, name) == 0
  }
}
