import Testing

@testable import ResNet
@testable import ResNetExchange

extension StorageTests {
  /// Files that are called as those of other programs, which would be taken for them.
  @Suite struct Extensions {
    @Test(arguments: [
      "m.pth", "m.pt", "m.safetensors", "m.onnx", "m.keras", "m.weights.h5", "m.caffemodel.h5",
    ])
    func areNeitherSavedToNorLoaded(_ name: String) throws {
      try StorageTests.withDirectory { folder in
        let path = "\(folder)/\(name)"
        let model = try StorageTests.model()
        let refusal = StorageTests.failure { try model.save(to: path) }
        #expect(refusal?.kind == .invalidArgument)
        #expect(refusal?.message.contains("is the extension of another program's files") == true)
        #expect(refusal?.message.contains("Model.export") == true)
        #expect(try StorageTests.names(in: folder).isEmpty)
        try StorageTests.put([1, 2, 3, 4, 5, 6, 7, 8, 9], at: path)
        for isOpened in [false, true] {
          let error = StorageTests.failure {
            _ = try isOpened ? Model.open(path) : Model.load(from: path)
          }
          #expect(error?.kind == .badFormat)
          #expect(error?.message.contains("import it (Model.importing in Swift") == true)
        }
      }
    }

    /// They are those that exports have, and one more that is read.
    @Test func areThoseOfAllFormats() {
      let formats = Set(FileFormat.extensions.map(\.0)).subtracting([".h5"])
      #expect(Set(ModelFile.foreignExtensions) == formats.union([".keras"]))
    }

    @Test func whatIsNotExportedIsSaidAsAnotherName() throws {
      let model = try StorageTests.model()
      let error = StorageTests.failure { try model.save(to: "/nowhere/m.keras") }
      #expect(error?.message.hasSuffix("for the other program, as .weights.h5") == true)
    }

    /// Any other name will do, and nothing is said of imports where there is nothing to import.
    @Test(arguments: ["m.h5", "m.hdf5", "m", "pth", "weights.h5"])
    func ofOtherKindsAreFine(_ name: String) throws {
      try StorageTests.withDirectory { folder in
        let path = "\(folder)/\(name)"
        try StorageTests.model().save(to: path)
        _ = try Model.load(from: path)
        try StorageTests.put([1, 2, 3, 4, 5, 6, 7, 8, 9], at: path)
        let error = StorageTests.failure { _ = try Model.load(from: path) }
        #expect(error?.message.hasSuffix("it is not an HDF5 file") == true)
      }
    }
  }
}
