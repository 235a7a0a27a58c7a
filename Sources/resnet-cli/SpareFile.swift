import Glibc
import ResNet

/// Files that a model is saved to in the place of no other, which may be better.
enum SpareFile {
  /// Saves a model as `stem.h5` or, if that is there, as `stem-unfinished.h5`, with a number if that is there, too.
  /// Returns the path. No other process gets the same.
  static func save(model: Model, to stem: String) throws(ResNetError) -> String {
    var number = 0
    while true {
      let path =
        switch number {
        case 0: "\(stem).h5"
        case 1: "\(stem)-unfinished.h5"
        default: "\(stem)-unfinished-\(number).h5"
        }
      let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard file >= 0 || errno == EEXIST else {
        throw ResNetError(
          .inputOutput, "cannot save \(path): \(String(cString: strerror(errno)))")
      }
      number += 1
      guard file >= 0 else { continue }
      close(file)
      do throws(ResNetError) {
        try model.save(to: path)
        return path
      } catch {
        unlink(path)
        throw error
      }
    }
  }

  /// Saves a model where it can be: in the current folder, or else in a new one among the temporary files, which
  /// only its user can read. Returns the path; nil if it can be nowhere.
  static func save(_ model: Model, called name: String) -> String? {
    if let path = try? save(model: model, to: name) { return path }
    let temporary = [getenv("TMPDIR").map { String(cString: $0) } ?? "", "/tmp"]
    for folder in temporary where !folder.isEmpty {
      var template = Array("\(folder)/resnet-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { continue }
      let new = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if let path = try? save(model: model, to: "\(new)/\(name)") { return path }
      rmdir(new)
    }
    return nil
  }
}
