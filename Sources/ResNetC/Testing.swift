// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

// The paper's protocols for testing.

@c @implementation
public func rn_model_test(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ options: UnsafePointer<rn_test_options>?,
  _ metrics: UnsafeMutablePointer<rn_metrics>?, _ confusion: UnsafeMutablePointer<Int64>?,
  _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (model: ModelResource) in
      try using(dataset) { (dataset: DatasetResource) in
        let views = try Views(options)
        let output = try OutputStructure(metrics, "rn_metrics", start: "RN_METRICS_INIT")
        guard let source = dataset.data as? any ImageSource else {
          throw Failure(
            RN_INVALID_ARGUMENT, "this dataset has no whole images to take views of")
        }
        guard let confusion else {
          output.write(rn_metrics(try model.model.evaluate(source, views: views)))
          return
        }
        let classes = model.model.network.classes
        let counts = try ResNetC.output(
          confusion, capacity: capacity, needed: classes * classes, "confusion")
        let result = try model.model.evaluateByClass(source, views: views)
        output.write(rn_metrics(result.metrics))
        for (index, count) in result.confusion.counts.enumerated() { counts[index] = Int64(count) }
      }
    }
  }
}

@c @implementation
public func rn_model_view_probabilities(
  _ model: OpaquePointer?, _ images: UnsafePointer<rn_images>?,
  _ options: UnsafePointer<rn_test_options>?, _ probabilities: UnsafeMutablePointer<Float>?,
  _ capacity: Int
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let views = try Views(options)
      let images = try ImagesView(images)
      try resource.model.probabilities(
        images, views: views,
        into: try resource.output(probabilities, capacity: capacity, for: images, "probabilities"))
    }
  }
}

@c @implementation
public func rn_class_figures(
  _ confusion: UnsafePointer<Int64>?, _ classes: Int32, _ recall: UnsafeMutablePointer<Double>?,
  _ precision: UnsafeMutablePointer<Double>?
) -> rn_status {
  guarded {
    let classes = Int(classes)
    guard (1...ConfusionMatrix.maximumClasses).contains(classes) else {
      throw Failure(
        RN_INVALID_ARGUMENT,
        "classes is \(classes), expected 1 to \(ConfusionMatrix.maximumClasses)")
    }
    let counts = try array(confusion, count: classes * classes, "confusion")
    let recall = try recall.map { try required($0, "recall") }
    let precision = try precision.map { try required($0, "precision") }
    try expectMemory(
      classes * classes, of: 2 * MemoryLayout<Int>.stride, for: "\(classes)x\(classes) counts")
    let matrix = try ConfusionMatrix(counts: counts.map { Int($0) })
    for label in 0..<classes {
      recall?[label] = matrix.recall(of: label)
      precision?[label] = matrix.precision(of: label)
    }
  }
}

extension Views {
  fileprivate init(_ options: UnsafePointer<rn_test_options>?) throws {
    let options = try structure(options, "rn_test_options", start: "RN_TEST_OPTIONS_INIT")
    let resize = options.resize == 0 ? nil : Int(options.resize)
    switch options.views {
    case RN_VIEWS_SINGLE: self = .single
    case RN_VIEWS_CENTRE: self = .centre(crop: Int(options.crop), resize: resize)
    case RN_VIEWS_10_CROP: self = .tenCrop(crop: Int(options.crop), resize: resize)
    case RN_VIEWS_MULTI_SCALE:
      let scales = try array(options.scales, count: Int(options.scale_count), "scales")
      self = scales.isEmpty ? .multiScale() : .multiScale(scales.map { Int($0) })
      mirrored = options.mirror != 0
    default:
      throw unknown(
        "views", options.views.rawValue,
        expected: "RN_VIEWS_SINGLE, RN_VIEWS_CENTRE, RN_VIEWS_10_CROP or RN_VIEWS_MULTI_SCALE")
    }
    switch options.average {
    case RN_AVERAGE_DEFAULT: break
    case RN_AVERAGE_PROBABILITIES: average = .probabilities
    case RN_AVERAGE_SCORES: average = .scores
    default:
      throw unknown(
        "average", options.average.rawValue,
        expected: "RN_AVERAGE_DEFAULT, RN_AVERAGE_PROBABILITIES or RN_AVERAGE_SCORES")
    }
    filter = try ResamplingFilter(options.filter)
    try validate()
  }
}
