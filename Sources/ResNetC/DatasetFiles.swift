// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
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
