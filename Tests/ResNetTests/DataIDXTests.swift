import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataIDXTests {
  /// A directory with three grey images of 2x4 and their labels, which a test then spoils.
  private static func directory() throws -> DataDirectory {
    let directory = try DataDirectory()
    try directory.write(magic: 0x803, [3, 2, 4], pixels, to: "images")
    try directory.write(magic: 0x801, [3], [2, 0, 5], to: "labels")
    return directory
  }

  private static let pixels = (0..<24).map { UInt8($0 * 10) }

  private static func open(_ directory: DataDirectory, classes: Int = 0) throws -> IDXDataset {
    try IDXDataset(
      images: directory.path + "/images", labels: directory.path + "/labels", classes: classes)
  }

  /// The message with which the files are refused as damaged.
  private static func refusal(_ directory: DataDirectory, classes: Int = 0) -> String {
    let error = thrownError { try open(directory, classes: classes) }
    #expect(error?.kind == .badFormat)
    return error?.message ?? ""
  }

  @Test func readsGreyImages() throws {
    let data = try Self.open(try Self.directory())
    #expect(data.count == 3 && data.channels == 1 && data.classes == 6)
    #expect(data.extent == Extent(height: 2, width: 4))
    #expect(data.classNames.isEmpty && data.unitScale == 1 / 255 as Float)
    let batch = try Batch(capacity: 3, channels: 1, extent: data.extent)
    try batch.read([0, 1, 2], of: data, normalization: .identity)
    #expect(batch.values == Self.pixels.map(Float.init))
    #expect(Array(batch.labels) == [2, 0, 5])
  }

  @Test func readsImagesWithChannels() throws {
    let directory = try Self.directory()
    try directory.write(magic: 0x804, [3, 4, 1, 2], Self.pixels, to: "images")
    let data = try Self.open(directory, classes: 10)
    #expect(data.count == 3 && data.channels == 4 && data.classes == 10)
    #expect(data.extent == Extent(height: 1, width: 2))
    let batch = try Batch(capacity: 3, channels: 4, extent: data.extent)
    try batch.read([2], of: data, normalization: .identity)
    #expect(Array(batch.values[..<8]) == Self.pixels[16...].map(Float.init))
  }

  @Test func labelsMustBeClasses() throws {
    let directory = try Self.directory()
    #expect(try Self.open(directory, classes: 6).classes == 6)
    #expect(
      Self.refusal(directory, classes: 5)
        == "\(directory.path)/labels: label 2 is 5; with 5 classes, labels are 0 to 4")
    for classes in [-1, Int.min, 1 << 31] {
      let error = thrownError { try Self.open(directory, classes: classes) }
      #expect(error?.kind == .invalidArgument)
      #expect(error?.message.contains("got \(classes)") == true)
    }
    try directory.write(magic: 0x801, [3], [255, 0, 0], to: "labels")
    #expect(try Self.open(directory).classes == 256)
    try directory.write(magic: 0x801, [3], [0, 0, 0], to: "labels")
    #expect(try Self.open(directory).classes == 1)
  }

  @Test func countsMustAgree() throws {
    let directory = try Self.directory()
    try directory.write(magic: 0x801, [4], [0, 1, 2, 3], to: "labels")
    let message = Self.refusal(directory)
    #expect(message.contains("\(directory.path)/labels has 4 labels for the 3 images of"))
  }

  @Test(arguments: [0, 0x801, 0x802, 0x805, 0x903, 0x0d03, 0x0308_0000, 0xffff_ffff] as [UInt32])
  func imagesOfAnotherKindAreRefused(_ magic: UInt32) throws {
    let directory = try Self.directory()
    try directory.write(magic: magic, [3, 2, 4], Self.pixels, to: "images")
    let message = Self.refusal(directory)
    let digits = String(magic, radix: 16)
    #expect(message.contains("/images begins with 0x"))
    #expect(message.contains("\(digits); an IDX file of images"), "\(message)")
    #expect(message.contains("0x00000803 or 0x00000804"))
  }

  @Test func filesGivenTheWrongWayRoundAreRefused() throws {
    let directory = try Self.directory()
    let (images, labels) = (directory.path + "/images", directory.path + "/labels")
    let error = thrownError { try IDXDataset(images: labels, labels: images) }
    #expect(error?.kind == .badFormat)
    #expect(error?.message.contains("labels begins with 0x00000801") == true)
    let twice = thrownError { try IDXDataset(images: images, labels: images) }
    #expect(twice?.message.contains("images begins with 0x00000803") == true)
    #expect(twice?.message.contains("labels, in unsigned bytes, begins with 0x00000801") == true)
  }

  @Test(arguments: ["images", "labels"])
  func compressedFilesAreToBeUnpacked(_ name: String) throws {
    let directory = try Self.directory()
    try directory.write([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], to: name)
    let message = Self.refusal(directory)
    #expect(message.contains("/\(name) is compressed by gzip; unpack it (gunzip)"))
  }

  @Test(
    arguments: [
      [0, 2, 4], [3, 0, 4], [3, 2, 0], [0, 0, 0], [.max, .max, .max], [.max, .max, 1],
      [1 << 31, 1 << 31, 4], [1 << 20, 1 << 20, 1],
    ] as [[UInt32]])
  func dimensionsThatCannotBeAreRefused(_ dimensions: [UInt32]) throws {
    let directory = try Self.directory()
    try directory.write(magic: 0x803, dimensions, Self.pixels, to: "images")
    let shape = dimensions.map(String.init).joined(separator: " x ")
    let message = Self.refusal(directory)
    #expect(message.contains("/images says \(shape); every dimension must be"), "\(message)")
    try directory.write(magic: 0x804, dimensions + [0], Self.pixels, to: "images")
    #expect(Self.refusal(directory).contains("/images says \(shape) x 0; "))
  }

  @Test func noLabelsAreRefused() throws {
    let directory = try Self.directory()
    try directory.write(magic: 0x801, [0], [], to: "labels")
    #expect(Self.refusal(directory).contains("/labels says 0; every dimension"))
  }

  /// Sizes that the header promises, beyond what the file has, are not allocated.
  @Test(arguments: [[3, 2, 5], [1 << 19, 1 << 20, 1], [1 << 29, 2, 4]] as [[UInt32]])
  func sizesOtherThanTheFilesAreRefused(_ dimensions: [UInt32]) throws {
    let directory = try Self.directory()
    try directory.write(magic: 0x803, dimensions, Self.pixels, to: "images")
    let needed = 16 + dimensions.reduce(1) { $0 * Int($1) }
    let message = Self.refusal(directory)
    #expect(message.contains("/images has 40 bytes"))
    #expect(message.contains("it should have \(needed), so it is truncated"), "\(message)")
  }

  @Test func everyCutIsNoticed() throws {
    for (name, magic, dimensions, values) in [
      ("images", 0x803, [3, 2, 4], Self.pixels), ("labels", 0x801, [3], [2, 0, 5]),
    ] as [(String, UInt32, [UInt32], [UInt8])] {
      let directory = try Self.directory()
      let header = ([magic] + dimensions).flatMap { word in
        withUnsafeBytes(of: word.bigEndian) { Array($0) }
      }
      let whole = header + values
      for size in 0..<whole.count {
        try directory.write(Array(whole[..<size]), to: name)
        #expect(Self.refusal(directory).contains("/\(name) has \(size) bytes"), "\(size)")
      }
      try directory.write(whole + [0], to: name)
      #expect(Self.refusal(directory).contains("so it is longer than it says"))
      try directory.write(whole, to: name)
      #expect(try Self.open(directory).count == 3)
    }
  }

  @Test func missingFilesAreNamed() throws {
    let directory = try Self.directory()
    let (images, labels) = (directory.path + "/images", directory.path + "/labels")
    let first = thrownError { try IDXDataset(images: images + "2", labels: labels) }
    #expect(first?.kind == .notFound && first?.message.contains(images + "2") == true)
    let second = thrownError { try IDXDataset(images: images, labels: labels + "2") }
    #expect(second?.kind == .notFound && second?.message.contains(labels + "2") == true)
    let folder = thrownError { try IDXDataset(images: directory.path, labels: labels) }
    #expect(folder?.kind == .badFormat)
    let zero = thrownError { try IDXDataset(images: "a\0b", labels: labels) }
    #expect(zero?.kind == .invalidArgument)
  }
}
