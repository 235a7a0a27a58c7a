import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  /// What the file system does, and what is left behind when it refuses.
  @Suite struct Files {
    @Test func missingFile() throws {
      try withDirectory { directory in
        let path = directory + "/none.h5"
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .notFound)
        #expect(error?.message.contains(path) == true)
        let below = failure { _ = try Model.load(from: path + "/x") }
        #expect(below?.kind == .notFound)
      }
    }

    @Test func notARegularFile() throws {
      try withDirectory { directory in
        let pipe = directory + "/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        for (path, reason) in [(directory, "directory"), (pipe, "not a regular file")] {
          let read = failure { _ = try Model.load(from: path) }
          #expect(read?.kind == .badFormat)
          #expect(read?.message.contains(reason) == true)
          let write = failure { try fullModel().save(to: path) }
          #expect(write?.kind == .inputOutput)
          #expect(write?.message.contains(reason) == true)
        }
        #expect(try names(in: directory) == ["pipe"])
        let toFull = failure { try fullModel().save(to: "/dev/full") }
        #expect(toFull?.kind == .inputOutput)
      }
    }

    @Test(arguments: ["", "a\0b.h5"])
    func impossiblePaths(_ path: String) throws {
      let model = try fullModel()
      let save = failure { try model.save(to: path) }
      #expect(save?.kind == .invalidArgument)
      let load = failure { _ = try Model.load(from: path) }
      #expect(load?.kind == .invalidArgument)
    }

    @Test func missingDirectory() throws {
      try withDirectory { directory in
        let error = failure { try fullModel().save(to: directory + "/none/model.h5") }
        #expect(error?.kind == .inputOutput)
        #expect(error?.message.contains("No such file or directory") == true)
        let directoryName = failure { try fullModel().save(to: directory + "/x/") }
        #expect(directoryName?.kind == .inputOutput)
        let left = try names(in: directory)
        #expect(left.isEmpty)
      }
    }

    /// A directory of the kernel's, where even the superuser cannot create a file.
    @Test func directoryThatTakesNoFiles() throws {
      let error = failure { try fullModel().save(to: "/proc/self/model.h5") }
      #expect(error?.kind == .inputOutput)
      #expect(error?.message.contains("cannot create a file in directory /proc/self/") == true)
    }

    @Test(.disabled(if: geteuid() == 0, "the superuser may write everywhere"))
    func writeProtection() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try fullModel().save(to: path)
        let old = try bytes(path)
        chmod(path, 0o444)
        let overwrite = failure { try StorageTests.model().save(to: path) }
        #expect(overwrite?.kind == .inputOutput)
        chmod(path, 0o200)
        let read = failure { _ = try Model.load(from: path) }
        #expect(read?.kind == .inputOutput)
        #expect(read?.message.contains("Permission denied") == true)
        chmod(path, 0o644)
        chmod(directory, 0o555)
        let write = failure { try StorageTests.model().save(to: path) }
        chmod(directory, 0o755)
        #expect(write?.kind == .inputOutput)
        #expect(write?.message.contains("Permission denied") == true)
        #expect(try bytes(path) == old)
      }
    }

    @Test func replacesWholeFilesAndLeavesNothingElse() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try put([UInt8](repeating: 7, count: 1 << 20), at: path)
        let model = try fullModel()
        try model.save(to: path)
        #expect(try isSame(model, try Model.load(from: path)))
        try StorageTests.model().save(to: path)
        #expect(try Model.load(from: path).classNames.isEmpty)
        #expect(try names(in: directory) == ["model.h5"])
      }
    }

    @Test func fileModeFollowsTheUmask() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let ordinary = directory + "/ordinary"
        try StorageTests.model().save(to: path)
        close(creat(ordinary, 0o666))
        var expected = stat()
        var status = stat()
        #expect(stat(ordinary, &expected) == 0 && stat(path, &status) == 0)
        #expect(status.st_mode == expected.st_mode)
      }
    }

    @Test func aReplacedFileKeepsItsMode() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        for mode: mode_t in [0o600, 0o666] {
          try StorageTests.model().save(to: path)
          try #require(chmod(path, mode) == 0)
          try fullModel().save(to: path)
          var status = stat()
          #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == mode)
        }
      }
    }

    @Test func symbolicLinksStay() throws {
      try withDirectory { directory in
        try FileManager.default.createDirectory(
          atPath: directory + "/data", withIntermediateDirectories: false)
        symlink("data/model.h5", directory + "/link.h5")
        symlink("link.h5", directory + "/chain.h5")
        // Once to a target that is not there yet, once to one that is.
        for model in [try StorageTests.model(), try fullModel()] {
          try model.save(to: directory + "/chain.h5")
          #expect(try isSame(model, try Model.load(from: directory + "/data/model.h5")))
        }
        let link = try FileManager.default.destinationOfSymbolicLink(
          atPath: directory + "/link.h5")
        #expect(link == "data/model.h5")
        #expect(try names(in: directory + "/data") == ["model.h5"])

        symlink("loop.h5", directory + "/loop.h5")
        let error = failure { try fullModel().save(to: directory + "/loop.h5") }
        #expect(error?.kind == .inputOutput)
      }
    }

    @Test func relativePaths() throws {
      // A name of its own: other tests run in the same working directory.
      let path = "libresnet-storage-test-\(getpid()).h5"
      defer { unlink(path) }
      let model = try StorageTests.model()
      try model.save(to: path)
      #expect(try isSame(model, try Model.load(from: path)))
    }

    /// A disk that fills up half way, as a limit on the size of files: the old file stays, the
    /// temporary one goes, nothing stays open.
    @Test func fullDisk() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let old = try fullModel()
        try old.save(to: path)
        // Larger than anything that other tests may write meanwhile.
        let limit = 64 << 20
        let large = try StorageTests.model()
        try large.setNormalization(
          Normalization(
            mean: [Float](repeating: 0.25, count: 2 * 3000 * 3000),
            meanExtent: Extent(height: 3000, width: 3000)))
        let error = withFileSizeLimit(limit) { failure { try large.save(to: path) } }
        #expect(error?.kind == .inputOutput)
        #expect(error?.message.contains("cannot write: File too large") == true)
        var pending = sigset_t()
        sigpending(&pending)
        #expect(sigismember(&pending, SIGXFSZ) == 0)
        #expect(try openFiles(in: directory) == 0)
        #expect(try names(in: directory) == ["model.h5"])
        #expect(try isSame(old, try Model.load(from: path)))
        try large.save(to: path)
        #expect(try isSame(large, try Model.load(from: path)))
      }
    }

    /// Without a handler: the signal that a write beyond the limit sends would end the tests.
    private func withFileSizeLimit<Result>(_ bytes: Int, _ body: () -> Result) -> Result {
      let kind = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
      var old = rlimit()
      #expect(getrlimit(kind, &old) == 0)
      var new = old
      new.rlim_cur = rlim_t(bytes)
      #expect(setrlimit(kind, &new) == 0)
      defer { setrlimit(kind, &old) }
      return body()
    }
  }
}
