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
  /// Whether a file is a checkpoint, by the group that makes it one. False if there is no file, or one that is
  /// neither HDF5 nor ends as a model does; throws what is wrong with one that cannot be read or is damaged.
  package static func isCheckpoint(_ path: String) throws(ResNetError) -> Bool {
    let reader: FileReader
    do throws(ResNetError) {
      reader = try open(path)
    } catch {
      guard error.kind == .notFound else { throw error }
      return false
    }
    if try FileChecksums.areIn(reader) {
      _ = try FileChecksums.verifyStructure(reader)
    } else if try !HDF5File.begins(reader) {
      return false
    }
    let root = try HDF5File(.file(reader)).root
    guard try root.hasAttribute(Root.format), try root.string(Root.format) == format else {
      return false
    }
    return try root.members(limit: maximumOtherMembers)[Root.training] != nil
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
