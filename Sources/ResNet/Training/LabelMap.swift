/// From the labels of a dataset to the classes of a model: by their names where both have names, else
/// by their numbers.
package struct LabelMap: Sendable {
  /// The class of each label, or nil where that is its number.
  private let classes: [Int32]?

  /// Every label is the number of its class.
  static let identity = LabelMap(classes: nil)

  private init(classes: [Int32]?) { self.classes = classes }

  /// - Parameters:
  ///   - names: Of the dataset's classes, or empty.
  ///   - known: Of the classes that its images are to be told apart by, or empty.
  ///   - role: What the data is for, in messages.
  ///   - owner: Whose `known` are.
  /// - Throws: `invalidArgument`, with the names that differ, unless all `names` are `known`.
  package init(_ names: [String], to known: [String], role: String, of owner: String)
    throws(ResNetError)
  {
    guard !names.isEmpty, !known.isEmpty, names != known else {
      self = .identity
      return
    }
    var places: [String: Int32] = [:]
    for (place, name) in known.enumerated() {
      guard places.updateValue(Int32(truncatingIfNeeded: place), forKey: name) == nil else {
        throw ResNetError(
          .invalidArgument,
          "\"\(name)\" is the name of two classes of \(owner), so the \(role) data's classes cannot be "
            + "matched with them; give each a name of its own")
      }
    }
    let unknown = names.filter { places[$0] == nil }
    guard unknown.isEmpty else {
      let given = Set(names)
      let unused = known.filter { !given.contains($0) }
      throw ResNetError(
        .invalidArgument,
        "the \(role) data has classes that \(owner) does not have: \(Self.list(unknown))"
          + (unused.isEmpty ? "" : "; of \(owner), it lacks \(Self.list(unused))")
          + ". Classes are matched by name: give them the same names, or take away those of one side to "
          + "match them by their order")
    }
    classes = names.compactMap { places[$0] }
  }

  /// Of the class of each label; 0 where that is its number.
  var checksum: UInt32 {
    guard let classes else { return 0 }
    var checksum = CRC32()
    for number in classes { checksum.add(Int(number)) }
    return checksum.value
  }

  /// The class of a label. Throws `invalidArgument` for one that has no name.
  package func callAsFunction(_ label: Int) throws(ResNetError) -> Int {
    guard let classes else { return label }
    guard classes.indices.contains(label) else {
      throw ResNetError(
        .invalidArgument,
        "a label is \(label); the data has names of \(classes.count) classes, so labels are 0 to "
          + "\(classes.count - 1)")
    }
    return Int(classes[label])
  }

  /// Replaces labels by classes.
  func apply(to labels: UnsafeMutableBufferPointer<Int32>) throws(ResNetError) {
    guard classes != nil else { return }
    for index in labels.indices {
      labels[index] = Int32(truncatingIfNeeded: try self(Int(labels[index])))
    }
  }

  /// Some names, the first of them if there are many.
  private static func list(_ names: [String]) -> String {
    let shown = 5
    let quoted = names.prefix(shown).map { "\"\($0)\"" }.joined(separator: ", ")
    return names.count > shown ? quoted + " and \(names.count - shown) more" : quoted
  }
}
