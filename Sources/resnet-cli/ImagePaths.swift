import ArgumentParser
import Glibc
import ResNet
import ResNetData

/// Image files that are looked at one by one.
struct ImagePaths: ParsableArguments {
  @Argument(
    help: """
      JPEG and PNG files, folders of them (with the folders in them), or - for a list on standard input, \
      one path a line.
      """,
    completion: .file(extensions: ["jpg", "jpeg", "png"]))
  var images: [String] = []

  /// The files, in the order in which they are given, those of a folder in that of their bytes. They may
  /// not be there. Throws for a folder without images.
  func files() throws(ResNetError) -> [String] {
    var files: [String] = []
    for path in images {
      if path == "-" {
        while let line = readLine() {
          if !line.isEmpty { files.append(line) }
        }
      } else if Directory.isDirectory(path) {
        let found = try Self.images(in: path)
        guard !found.isEmpty else {
          throw ResNetError(.notFound, "\(path) has no *.jpg, *.jpeg or *.png in it")
        }
        files += found
      } else {
        files.append(path)
      }
    }
    guard !files.isEmpty else {
      throw ResNetError(
        .invalidArgument, "there are no images: standard input names none, one path a line")
    }
    return files
  }

  /// Folders that are links are passed over, as they may lead back.
  private static func images(in folder: String) throws(ResNetError) -> [String] {
    let parent = folder.hasSuffix("/") ? folder : folder + "/"
    var files: [String] = []
    for name in try Directory.names(in: folder) {
      let path = parent + name
      if !Directory.isDirectory(path) {
        if ImageFiles.isImage(name) { files.append(path) }
      } else if !isLink(path) {
        files += try images(in: path)
      }
    }
    return files
  }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }
}

/// An error about an image, with the image's name in front.
func named(_ error: ResNetError, _ path: String) -> String {
  error.message.hasPrefix(path) ? error.message : "\(path): \(error.message)"
}
