import Glibc

/// What people have instead of weights, and are told the name of.
enum UnreadFile {
  /// Beginnings of files.
  private static let heads: [(offset: Int, text: [UInt8], reason: String)] = [
    (0, [0x1F, 0x8B], "it is compressed by gzip: unpack it (gunzip)"),
    (
      0, Array("version https://git-lfs".utf8),
      "it is a pointer of Git LFS to the file: git lfs pull fetches it"
    ),
    (0, Array("<".utf8), "it is a text of HTML or XML, as of a download that failed"),
    (
      4, Array("TFL3".utf8),
      "it is a model of TensorFlow Lite: save the weights of the Keras model that it was made of as .weights.h5"
    ),
    (
      0, [0x80],
      "it is a pickle that torch.save did not write: save model.state_dict() by torch.save"
    ),
  ]

  static func reason(of head: [UInt8]) -> String? {
    guard !head.isEmpty else { return "it is empty" }
    return heads.first { head.dropFirst($0.offset).starts(with: $0.text) }?.reason
  }

  /// Archives of PyTorch that hold programs, not weights, by the end of a name in them.
  private static let entries: [(name: String, reason: String)] = [
    ("/constants.pkl", "it is a TorchScript archive (torch.jit.save)"),
    ("/archive_format", "it is an exported program (torch.export.save)"),
    ("serialized_exported_program.json", "it is an exported program (torch.export.save)"),
  ]

  static func reason(of archive: ZipArchive) -> String? {
    for (name, reason) in entries where archive.names.contains(where: { $0.hasSuffix(name) }) {
      return "\(reason), a program with its weights: save model.state_dict() by torch.save"
    }
    return archive.names.contains { $0.hasSuffix(".npy") }
      ? "it is an archive of NumPy arrays (.npz): Model.load_state_dict takes what numpy.load reads of it"
      : nil
  }

  static func reason(ofFolder path: String) -> String? {
    access(path + "/saved_model.pb", F_OK) == 0
      ? "it is a SavedModel of TensorFlow: save the weights of the Keras model as .weights.h5" : nil
  }
}
