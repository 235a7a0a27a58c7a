/// A group or a dataset: what its header says of it.
struct HDF5Object {
  /// The kinds of messages in a header that mean something to us.
  enum MessageKind: Int {
    case space = 0x01
    case linkInfo = 0x02
    case type = 0x03
    case oldFill = 0x04
    case fill = 0x05
    case link = 0x06
    case externalFiles = 0x07
    case layout = 0x08
    case filters = 0x0B
    case attribute = 0x0C
    case continuation = 0x10
    case symbolTable = 0x11
    case attributeInfo = 0x15
  }

  struct Message {
    let kind: MessageKind
    /// What follows is not the message but where it is.
    let isShared: Bool
    let bytes: ArraySlice<UInt8>
  }

  let file: HDF5File
  let address: Int
  /// For messages to the user.
  let path: String
  let messages: [Message]

  init(_ address: Int, in file: HDF5File, path: String) throws(ResNetError) {
    self.file = file
    self.address = address
    self.path = path
    do throws(ResNetError) {
      var header = HDF5Header(file)
      try header.read(at: address)
      messages = header.messages
    } catch {
      throw ResNetError(error.kind, "\(path): \(error.message)")
    }
  }

  /// The bytes of the only message of a kind; nil without one.
  func message(_ kind: MessageKind) throws(ResNetError) -> ArraySlice<UInt8>? {
    guard let message = messages.first(where: { $0.kind == kind }) else { return nil }
    return try bytes(message)
  }

  /// The bytes of a message, wherever they are.
  func bytes(_ message: Message) throws(ResNetError) -> ArraySlice<UInt8> {
    guard message.isShared else { return message.bytes }
    return try Self.shared(message.bytes, kind: message.kind, in: file)
  }

  /// The message of a kind that another object's header has, such as that of a named datatype.
  static func shared(_ reference: ArraySlice<UInt8>, kind: MessageKind, in file: HDF5File)
    throws(ResNetError) -> ArraySlice<UInt8>
  {
    let what = "a shared message"
    var cursor = file.cursor(reference, of: what)
    let version = try cursor.version(1...3)
    let isInHeap = try cursor.byte() == 1 && version == 3
    guard !isInHeap else {
      throw ResNetError(.badFormat, "it uses HDF5's table of shared messages, which is not read")
    }
    if version == 1 { try cursor.skip(6) }
    var header = HDF5Header(file)
    try header.read(at: try cursor.address())
    guard let message = header.messages.first(where: { $0.kind == kind }), !message.isShared else {
      throw ResNetError(.badFormat, "\(what) is not where it should be")
    }
    return message.bytes
  }

  func cursor(_ bytes: ArraySlice<UInt8>, of what: String) -> HDF5Cursor {
    file.cursor(bytes, of: what)
  }

  /// Calls `body`, in whose errors the object is to be named; those that begin with its path, or that of
  /// a member, name it already.
  func named<Result>(_ body: () throws(ResNetError) -> Result) throws(ResNetError) -> Result {
    do throws(ResNetError) {
      return try body()
    } catch {
      guard !error.message.hasPrefix(path) else { throw error }
      throw ResNetError(error.kind, "\(path): \(error.message)")
    }
  }
}
