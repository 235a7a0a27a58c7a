import Glibc
import ResNet
import ResNetData

/// Hours of training must not end with a file that cannot be written.
func requireWritable(_ path: String) throws(ResNetError) {
  guard !path.isEmpty, !path.hasSuffix("/"), !Directory.isDirectory(path) else {
    throw ResNetError(
      .invalidArgument,
      "--out is \"\(path)\", expected the name of a file, such as model.h5"
        + (Directory.isDirectory(path) ? "; that is a folder" : ""))
  }
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  guard access(directory, W_OK) == 0 else {
    throw ResNetError(
      .inputOutput, "cannot write to \(path): \(directory): \(String(cString: strerror(errno)))")
  }
}
