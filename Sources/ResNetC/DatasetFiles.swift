// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

@c @implementation
public func rn_dataset_open_cifar10(
  _ directory: UnsafePointer<CChar>?, _ train: Int32,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let dataset = try required(dataset, "dataset")
    let directory = try string(directory, "directory")
    let data = try CIFAR10(directory: directory, split: train != 0 ? .train : .test)
    dataset.pointee = try makeHandle(DatasetResource(data))
  }
}

@c @implementation
public func rn_dataset_open_cifar100(
  _ directory: UnsafePointer<CChar>?, _ train: Int32, _ coarse: Int32,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let dataset = try required(dataset, "dataset")
    let directory = try string(directory, "directory")
    let data = try CIFAR100(
      directory: directory, split: train != 0 ? .train : .test,
      labels: coarse != 0 ? .coarse : .fine)
    dataset.pointee = try makeHandle(DatasetResource(data))
  }
}

@c @implementation
public func rn_dataset_open_idx(
  _ images: UnsafePointer<CChar>?, _ labels: UnsafePointer<CChar>?, _ classes: Int32,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let dataset = try required(dataset, "dataset")
    let images = try string(images, "images")
    let labels = try string(labels, "labels")
    let data = try IDXDataset(images: images, labels: labels, classes: Int(classes))
    dataset.pointee = try makeHandle(DatasetResource(data))
  }
}

@c @implementation
public func rn_dataset_open_hdf5(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<rn_hdf5_options>?,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let dataset = try required(dataset, "dataset")
    let path = try string(path, "path")
    let options = try options.map {
      try structure($0, "rn_hdf5_options", start: "RN_HDF5_OPTIONS_INIT")
    }
    let layout: HDF5Images.Layout
    switch options?.layout ?? RN_PLANAR {
    case RN_PLANAR: layout = .nchw
    case RN_INTERLEAVED: layout = .nhwc
    case let other:
      throw unknown("layout", other.rawValue, expected: "RN_PLANAR or RN_INTERLEAVED")
    }
    let data = try HDF5Images(
      path, images: try options?.images.map { try string($0, "images") } ?? "images",
      labels: try options?.labels.map { try string($0, "labels") } ?? "labels",
      classNames: try options?.class_names.map { try string($0, "class_names") } ?? "class_names",
      layout: layout, classes: Int(options?.classes ?? 0))
    dataset.pointee = try makeHandle(DatasetResource(data))
  }
}

@c @implementation
public func rn_dataset_open_folder(
  _ folder: UnsafePointer<CChar>?, _ options: UnsafePointer<rn_image_options>?,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  open(dataset, options) { try ImageFiles(folder: try string(folder, "folder")) }
}

@c @implementation
public func rn_dataset_open_list(
  _ list: UnsafePointer<CChar>?, _ classes: Int32, _ options: UnsafePointer<rn_image_options>?,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  open(dataset, options) { try ImageFiles(list: try string(list, "list"), classes: Int(classes)) }
}

@c @implementation
public func rn_dataset_open_files(
  _ paths: UnsafePointer<UnsafePointer<CChar>?>?, _ labels: UnsafePointer<Int32>?, _ count: Int64,
  _ classes: Int32, _ options: UnsafePointer<rn_image_options>?,
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  open(dataset, options) {
    let paths = try array(paths, count: Int(count), "paths")
    let labels = try array(labels, count: Int(count), "labels")
    try expectMemory(paths.count, of: 256, for: "the paths of \(paths.count) files")
    return try ImageFiles(
      paths: try paths.enumerated().map { try string($1, "paths[\($0)]") },
      labels: labels.map { Int($0) }, classes: Int(classes))
  }
}

private func open(
  _ dataset: UnsafeMutablePointer<OpaquePointer?>?, _ options: UnsafePointer<rn_image_options>?,
  _ files: () throws -> ImageFiles
) -> rn_status {
  guarded {
    let dataset = try required(dataset, "dataset")
    let options = try options.map { options in
      try ImageFileDataset.Options(
        try structure(options, "rn_image_options", start: "RN_IMAGE_OPTIONS_INIT"))
    }
    let data = try ImageFileDataset(try files(), options: options ?? .init())
    dataset.pointee = try makeHandle(DatasetResource(data))
  }
}

extension ImageFileDataset.Options {
  fileprivate init(_ options: rn_image_options) throws {
    self.init()
    channels = Int(options.channels)
    crop = Int(options.crop)
    resize = options.resize == 0 ? nil : Int(options.resize)
    filter = try ResamplingFilter(options.filter)
    switch options.damage {
    case RN_DAMAGE_FATAL: damage = .fatal
    case RN_DAMAGE_SKIP: damage = .skip
    default:
      throw unknown(
        "damage", options.damage.rawValue, expected: "RN_DAMAGE_FATAL or RN_DAMAGE_SKIP")
    }
    pixelLimit = ResNetC.pixelLimit(options.pixel_limit)
    scaledDecoding = options.scaled_decoding != 0
    variation = try ImageVariation(options)
  }
}

extension ImageVariation {
  fileprivate init?(_ options: rn_image_options) throws {
    let part: Part
    switch options.variation {
    case RN_VARIATION_NONE: return nil
    case RN_VARIATION_SCALED:
      part = .scaled(
        shorterSide: options.least_side == 0 && options.most_side == 0
          ? nil : try range(Int(options.least_side), Int(options.most_side), "side"))
    case RN_VARIATION_AREA:
      part = .area(
        share: try range(options.least_area, options.most_area, "area"),
        aspect: try range(options.least_aspect, options.most_aspect, "aspect"))
    default:
      throw unknown(
        "variation", options.variation.rawValue,
        expected: "RN_VARIATION_NONE, RN_VARIATION_SCALED or RN_VARIATION_AREA")
    }
    self.init(part: part, mirror: options.mirror != 0)
    if options.colour_deviation != 0 {
      colour = ColourVariation(
        eigenvalues: values(of: options.eigenvalues),
        eigenvectors: stride(from: 0, to: 9, by: 3).map {
          Array(values(of: options.eigenvectors)[$0..<$0 + 3])
        },
        deviation: options.colour_deviation)
    }
  }
}

/// A range that Swift would not make of wrong bounds.
private func range<Bound: Comparable>(_ least: Bound, _ most: Bound, _ name: String) throws
  -> ClosedRange<Bound>
{
  guard least <= most else {
    throw Failure(
      RN_INVALID_ARGUMENT, "least_\(name) is \(least) and most_\(name) \(most), expected no less")
  }
  return least...most
}

/// What Swift sees as a tuple.
private func values<Tuple>(of array: Tuple) -> [Double] {
  withUnsafeBytes(of: array) { Array($0.bindMemory(to: Double.self)) }
}

// MARK: - Damage

extension TrainingData {
  /// The dataset of files that it is, or is a part of.
  fileprivate var files: ImageFileDataset? {
    if let part = self as? Subset { return part.base.files }
    return self as? ImageFileDataset
  }
}

@c @implementation
public func rn_dataset_verify(_ dataset: OpaquePointer?) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in try resource.data.files?.verify() }
  }
}

@c @implementation
public func rn_dataset_damaged_count(
  _ dataset: OpaquePointer?, _ count: UnsafeMutablePointer<Int64>?
) -> rn_status {
  guarded {
    try using(dataset) { (resource: DatasetResource) in
      try required(count, "count").pointee = Int64(resource.data.files?.damagedCount ?? 0)
    }
  }
}

@c @implementation
public func rn_dataset_damaged_path(
  _ dataset: OpaquePointer?, _ index: Int64, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try write(
      try damagedFile(dataset, index).path, to: text, capacity: capacity, needed: needed)
  }
}

@c @implementation
public func rn_dataset_damaged_reason(
  _ dataset: OpaquePointer?, _ index: Int64, _ text: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> rn_status {
  guarded {
    try write(
      try damagedFile(dataset, index).reason, to: text, capacity: capacity, needed: needed)
  }
}

private func damagedFile(_ dataset: OpaquePointer?, _ index: Int64) throws -> DamagedFile {
  var found: DamagedFile?
  try using(dataset) { (resource: DatasetResource) in
    let files = resource.data.files
    found = files?.damagedFile(Int(index))
    guard found != nil else {
      throw Failure(
        RN_INVALID_ARGUMENT,
        "damaged file \(index) was asked for; \(files?.damagedCount ?? 0) are known, from 0")
    }
  }
  guard let found else { throw Failure(RN_INVALID_ARGUMENT, "there is no such file") }
  return found
}
