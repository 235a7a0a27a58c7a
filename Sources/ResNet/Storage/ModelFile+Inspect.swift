/// What a model file says of itself.
package struct ModelFileFacts {
  package let formatVersion: Int
  /// Of the library that wrote it; nil if it does not say.
  package let writer: String?
  /// Of the whole file.
  package let bytes: Int
  /// Whether it is a checkpoint, too: a training can go on from it.
  package let isCheckpoint: Bool
}

extension ModelFile {
  /// Whether a file is a checkpoint, by the group that makes it one. False for what cannot be read.
  package static func isCheckpoint(_ path: String) -> Bool {
    guard let reader = try? open(path), let root = try? HDF5File(.file(reader)).root,
      (try? root.string(Root.format)) == format,
      let members = try? root.members(limit: maximumOtherMembers)
    else { return false }
    return members[Root.training] != nil
  }

  /// Reads a model file, all of whose bytes are verified, and what it says of itself. Throws as
  /// ``Model/load(from:)``.
  package static func inspect(_ path: String) throws(ResNetError)
    -> (model: Model, facts: ModelFileFacts)
  {
    try read(path, as: "read", keepingTensorsInFile: false) { root, model throws(ResNetError) in
      let facts = ModelFileFacts(
        formatVersion: try root.integer(Root.formatVersion),
        writer: try root.hasAttribute(Root.libraryVersion)
          ? try root.string(Root.libraryVersion) : nil,
        bytes: root.object.file.source.size,
        isCheckpoint: try root.members(limit: maximumOtherMembers)[Root.training] != nil)
      return (model, facts)
    }
  }
}
