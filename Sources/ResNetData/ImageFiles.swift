import ResNet

/// Image files and their classes: what an ``ImageFileDataset`` is made from. No file is opened.
public struct ImageFiles: Sendable {
  /// Before every path.
  private let root: String
  private let paths: PathList
  private let labels: [Int32]
  public let classes: Int
  /// One per class, or none.
  public let classNames: [String]

  /// What else is in the folders of classes and beside these: how much, and one of it.
  package private(set) var passedOver: (count: Int, example: String)?

  public var count: Int { labels.count }

  /// Where a file is.
  public func path(_ index: Int) -> String { root + paths[index] }

  public func label(_ index: Int) -> Int { Int(labels[index]) }

  /// A file's name without its folders, in UTF-8.
  func name(_ index: Int) -> ArraySlice<UInt8> {
    let path = paths.bytes(index)
    return path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path
  }

  /// The files of a folder that has a folder for each class: `folder/CLASS/*.jpg`, `*.jpeg` or
  /// `*.png`, in upper or lower case. Classes are the names of the folders in the order of their
  /// bytes, and a class's files are in that order, too. Names that begin with a point, and whatever
  /// else is there, are passed over.
  ///
  /// - Throws: `notFound` if there is no such folder, if it has no folders, or if one of these has
  ///   no image; `inputOutput` if one cannot be read.
  public init(folder: String) throws(ResNetError) {
    let names = try Directory.names(in: folder)
    let classNames = names.filter { Directory.isDirectory("\(folder)/\($0)") }
    guard !classNames.isEmpty else {
      throw ResNetError(
        .notFound,
        "\(folder) has no folders; an image folder has one for each class, and in that the images: "
          + "\(folder)/CLASS/*.jpg or *.png"
          + (names.contains(where: ImageFiles.isImage)
            ? "; there are images in \(folder) itself: if it is a class, give the folder that it is in"
            : ""))
    }
    var paths = PathList()
    var labels: [Int32] = []
    var others = names.count - classNames.count
    var other = others > 0 ? names.first { !Directory.isDirectory("\(folder)/\($0)") } : nil
    for (label, name) in classNames.enumerated() {
      let names = try Directory.names(in: "\(folder)/\(name)")
      let files = names.filter(ImageFiles.isImage)
      others += names.count - files.count
      other = other ?? names.first { !Self.isImage($0) }.map { "\(name)/\($0)" }
      guard !files.isEmpty else {
        throw ResNetError(
          .notFound,
          "the class folder \(folder)/\(name) has no *.jpg, *.jpeg or *.png; "
            + (try Self.hasFolders("\(folder)/\(name)")
              ? "it has folders: \(folder) looks like what holds train/CLASS and val/CLASS; give one of "
                + "\(classNames.prefix(3).map { "\(folder)/\($0)" }.joined(separator: ", "))"
              : "if \(folder) is itself a class, give the folder that it is in, else give \(name) images")
        )
      }
      for file in files {
        try paths.append("\(name)/\(file)")
        labels.append(Int32(truncatingIfNeeded: label))
      }
    }
    root = folder + "/"
    self.paths = paths
    self.labels = labels
    self.classNames = classNames
    classes = classNames.count
    passedOver = other.map { (others, $0) }
  }

  /// The files that a text file lists, one a line: a path, spaces or tabs, and a label. Paths that
  /// are not absolute begin where the list is. Empty lines are passed over.
  ///
  /// - Parameters:
  ///   - list: The path of the text file.
  ///   - classes: 0 for one more than the largest label.
  ///   - classNames: One per class, or none.
  /// - Throws: `notFound`, `inputOutput`; `badFormat` for a line that is something else, or a list
  ///   without any.
  public init(list: String, classes: Int = 0, classNames: [String] = []) throws(ResNetError) {
    let scratch = ImageScratch()
    defer { withExtendedLifetime(scratch) {} }
    let text = try scratch.read(list)
    let directory = list.lastIndex(of: "/").map { String(list[...$0]) } ?? ""
    var paths: [String] = []
    var labels: [Int] = []
    // A line takes a slice, a string and a label, besides its text.
    let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
    try expectMemory(lines * 128 + 4 * text.count, for: "\(lines) lines of \(list)")
    for (number, line) in text.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    )
    .enumerated() {
      guard let line = String(validating: line, as: UTF8.self) else {
        throw ResNetError(.badFormat, "\(list): line \(number + 1) is not UTF-8 text")
      }
      let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
      let words = line.drop(while: blank)
      guard !words.isEmpty else { continue }
      let end = words.lastIndex { !blank($0) } ?? words.startIndex
      let trimmed = words[...end]
      guard let gap = trimmed.lastIndex(where: blank), let label = Int(trimmed[gap...].dropFirst()),
        let last = trimmed[..<gap].lastIndex(where: { !blank($0) })
      else {
        throw ResNetError(
          .badFormat,
          "\(list): line \(number + 1) is \"\(line.prefix(80))\", expected a path, a space and a "
            + "label")
      }
      let path = String(trimmed[...last])
      paths.append(path.hasPrefix("/") ? path : directory + path)
      labels.append(label)
    }
    do throws(ResNetError) {
      try self.init(paths: paths, labels: labels, classes: classes, classNames: classNames)
    } catch {
      throw ResNetError(
        error.kind == .invalidArgument ? .badFormat : error.kind, "\(list): \(error.message)")
    }
  }

  /// Those files.
  ///
  /// - Parameters:
  ///   - paths: At least one.
  ///   - labels: One per file, in `0..<classes`.
  ///   - classes: 0 for one more than the largest label.
  ///   - classNames: One per class, or none.
  /// - Throws: `invalidArgument` if there are none, or a label is out of range; `shapeMismatch` if the
  ///   counts do not fit.
  public init(paths: [String], labels: [Int], classes: Int = 0, classNames: [String] = [])
    throws(ResNetError)
  {
    guard !paths.isEmpty else {
      throw ResNetError(.invalidArgument, "there are no image files; expected at least one")
    }
    guard paths.count == labels.count else {
      throw ResNetError(
        .shapeMismatch, "got \(labels.count) labels for \(paths.count) files, expected one each")
    }
    let most = Int(Int32.max)
    let largest = labels.max() ?? 0
    guard (0...most).contains(classes), classes > 0 || largest < most else {
      throw ResNetError(
        .invalidArgument,
        "the number of classes must be 1 to \(most), or 0 for one more than the largest label; got "
          + "\(classes), and labels up to \(largest)")
    }
    let found = classes > 0 ? classes : largest + 1
    if let index = labels.firstIndex(where: { $0 < 0 || $0 >= found }) {
      throw ResNetError(
        .invalidArgument,
        "the label of \(paths[index]) is \(labels[index]); with \(max(found, 1)) classes, labels are 0 "
          + "to \(max(found, 1) - 1)")
    }
    guard classNames.isEmpty || classNames.count == found else {
      throw ResNetError(
        .shapeMismatch, "got \(classNames.count) class names for \(found) classes")
    }
    root = ""
    var list = PathList()
    for path in paths { try list.append(path) }
    self.paths = list
    self.labels = labels.map { Int32(truncatingIfNeeded: $0) }
    self.classes = found
    self.classNames = classNames
  }

  private static func hasFolders(_ path: String) throws(ResNetError) -> Bool {
    try Directory.names(in: path).contains { Directory.isDirectory("\(path)/\($0)") }
  }

  /// Whether a file of that name is taken for an image where a folder is searched.
  package static func isImage(_ name: String) -> Bool {
    guard let point = name.lastIndex(of: ".") else { return false }
    return ["jpg", "jpeg", "png"].contains(name[point...].dropFirst().lowercased())
  }
}
