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
