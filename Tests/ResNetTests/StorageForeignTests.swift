import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  /// Files that are not models. (Sound HDF5 that is not what it should be, which takes another program
  /// to write, is refused in the Python package's tests.)
  @Suite struct Foreign {
    @Test(arguments: ["", "This is no HDF5 file.", String(repeating: "\u{0}", count: 5000)])
    func noHDF5(_ text: String) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try put(Array(text.utf8), at: path)
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("is not an HDF5 file") == true)
        #expect(error?.message.contains(path) == true)
      }
    }
  }
}
