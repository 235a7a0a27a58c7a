/// What an import did, or what was in its way.
public struct ImportReport: Hashable, Sendable {
  public enum Kind: Int, Sendable {
    /// In the file, understood, and of no use here.
    case ignored = 0
    /// In the file, but not a tensor of the model.
    case unexpected = 1
    /// In both, but not of one shape, or with values that cannot be.
    case mismatched = 2
    /// A tensor of the model that the file does not have.
    case missing = 3
  }

  public struct Note: Hashable, Sendable {
    public var kind: Kind
    /// The file's own name of a tensor of the file; the model's, if it is `missing`.
    public var name: String
    public var reason: String

    package init(_ kind: Kind, _ name: String, _ reason: String) {
      (self.kind, self.name, self.reason) = (kind, name, reason)
    }
  }

  public internal(set) var format = FileFormat.safetensors
  /// Tensors of the model that were set; 0 if the import was refused.
  public internal(set) var imported = 0
  public internal(set) var notes: [Note] = []

  public init() {}

  /// The names of a kind, as an error lists them; nil if there are none.
  func list(_ kind: Kind, _ title: String) -> String? {
    let found = notes.filter { $0.kind == kind }
    guard !found.isEmpty else { return nil }
    return "\(title): "
      + found.lazy.map { $0.reason.isEmpty ? $0.name : "\($0.name) (\($0.reason))" }.shown()
  }
}
