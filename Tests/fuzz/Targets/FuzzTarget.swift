import ResNet

/// What is tried with arbitrary bytes: by the fuzzer, and by the tests, which replay what it found.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// JPEG and PNG files, with EXIF.
  case image
  /// The same as a dataset reads them, varied for training.
  case photo
  /// Two IDX files.
  case idx
  /// CIFAR-10 and CIFAR-100 files, with class names.
  case cifar
  /// Lists of image files.
  case list
  /// Descriptions of networks; those that are small also run, train and are saved.
  case network
  /// Names of presets, and changes to them.
  case preset
  /// HDF5 files, all that is in them.
  case hdf5
  /// HDF5 files of labelled images.
  case photos
  /// Model files, as if their checksums were forged.
  case model
  /// Weights of other programs, in any of their formats.
  case weights

  /// What to begin with: a folder in Tests.
  public var seeds: String {
    switch self {
    case .hdf5, .photos, .model: "hdf5"
    default: "fuzz/seeds/\(rawValue)"
    }
  }

  /// Tries them. Refusing bytes as a `ResNetError` is right; a trap is the fuzzer's to see.
  ///
  /// - Throws: ``Finding`` if what came of them is not as promised.
  public func run(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
    switch self {
    case .image: try fuzzImage(bytes)
    case .photo: try fuzzPhoto(bytes)
    case .idx: try fuzzIDX(bytes)
    case .cifar: try fuzzCIFAR(bytes)
    case .list: try fuzzList(bytes)
    case .network: try fuzzNetwork(bytes)
    case .preset: try fuzzPreset(bytes)
    case .hdf5: try fuzzHDF5(bytes)
    case .photos: try fuzzPhotos(bytes)
    case .model: try fuzzModel(bytes)
    case .weights: try fuzzWeights(bytes)
    }
  }
}

/// A promise that was not kept.
public struct Finding: Error {
  public let message: String

  init(_ message: String) { self.message = message }
}

func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws(Finding) {
  guard holds else { throw Finding(promise()) }
}

/// What `body` returns; nil if it refuses, which it must do with a message.
func refusable<Result>(_ body: () throws(ResNetError) -> Result) throws(Finding) -> Result? {
  do throws(ResNetError) {
    return try body()
  } catch {
    try require(!error.message.isEmpty, "an error has no message")
    return nil
  }
}

/// What must not be refused.
func certain<Result>(_ what: String, _ body: () throws(ResNetError) -> Result) throws(Finding)
  -> Result
{
  do throws(ResNetError) {
    return try body()
  } catch {
    throw Finding("\(what): \(error.message)")
  }
}
