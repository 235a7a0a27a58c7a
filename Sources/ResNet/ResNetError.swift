/// What went wrong, and what to do about it.
///
/// Every throwing function of this library throws this type. `message` names what was given and
/// what was expected, in a sentence that can be shown to a user as it is.
public struct ResNetError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of failure, for callers that branch on it. The C API has a status for each.
  public enum Kind: Sendable {
    /// A value outside its documented range, such as a class count of 0.
    case invalidArgument
    /// An array, tensor or image whose dimensions are not those expected.
    case shapeMismatch
    /// No preset, tensor or file of that name.
    case notFound
    /// The operating system refused to read or write.
    case inputOutput
    /// A file that is damaged, or not of the format expected.
    case badFormat
    /// Memory could not be had.
    case outOfMemory
    /// NaN or infinity in the input, or a loss that diverged.
    case notFinite
    /// The caller's own callback asked to stop.
    case cancelled
    /// The ranks of a distributed training lost each other, or disagree.
    case communication
  }

  public let kind: Kind
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}
