/// A format that other programs keep weights in.
public enum FileFormat: Int, Sendable, CaseIterable {
  /// Hugging Face's: a JSON header, and the tensors one after the other.
  case safetensors = 1

  /// How it is called in messages.
  public var title: String {
    switch self {
    case .safetensors: "safetensors"
    }
  }

  /// The format of files with the extension of `path`, if there is one.
  init?(extensionOf path: String) {
    let known: [(String, FileFormat)] = [
      (".safetensors", .safetensors)
    ]
    guard let match = known.first(where: { path.hasSuffix($0.0) }) else { return nil }
    self = match.1
  }
}
