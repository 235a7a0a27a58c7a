// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import Glibc
import ResNet
import ResNetExchange

/// A report with its texts as C strings.
final class ImportNotes {
  let report: ImportReport
  private var texts: [UnsafeMutablePointer<CChar>?] = []

  init(_ report: ImportReport) {
    self.report = report
    for note in report.notes { texts += [strdup(note.name), strdup(note.reason)] }
  }

  deinit {
    for text in texts { free(text) }
  }

  func note(_ index: Int) throws -> rn_import_note {
    guard report.notes.indices.contains(index) else {
      throw Failure(
        RN_INVALID_ARGUMENT,
        "note index \(index) is out of range: there are \(report.notes.count) notes")
    }
    guard let name = texts[2 * index], let reason = texts[2 * index + 1] else {
      throw Failure(RN_OUT_OF_MEMORY, "could not allocate the texts of the report")
    }
    return rn_import_note(
      size: 0, kind: rn_note(UInt32(report.notes[index].kind.rawValue)),
      name: UnsafePointer(name), reason: UnsafePointer(reason))
  }
}

extension ImportOptions {
  fileprivate init(_ pointer: UnsafePointer<rn_import_options>?) throws {
    self.init()
    guard let pointer else { return }
    let options: rn_import_options = try structure(
      pointer, "rn_import_options", start: "RN_IMPORT_OPTIONS_INIT")
    partial = options.partial != 0
    isPlain = options.plain != 0
    guard let known = Preprocessing(rawValue: Int(options.preprocessing.rawValue)) else {
      throw unknown(
        "preprocessing", options.preprocessing.rawValue, expected: "RN_PREPROCESSING_NONE to _CAFFE"
      )
    }
    preprocessing = known
    if options.stride_on != RN_STRIDE_DEFAULT {
      bottleneckStride = try Network.bottleneckStride(options.stride_on)
    }
    stemPool = try Network.stemPool(options.stem_pool)
    if options.zero_channels != RN_DEFAULT {
      zeroChannels = try Network.zeroChannels(
        rn_zero_channels(UInt32(bitPattern: options.zero_channels)))
    }
  }
}

/// Bytes that a caller has.
private func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) throws -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(
    try array(pointer?.assumingMemoryBound(to: UInt8.self), count: count, "bytes"))
}

@c @implementation
public func rn_model_import(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<rn_import_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    let path = try string(path, "path")
    var report = ImportReport()
    let imported = try Model.importing(path, options: try ImportOptions(options), report: &report)
    model.pointee = try makeHandle(ModelResource(imported, ImportNotes(report)))
  }
}

@c @implementation
public func rn_model_import_bytes(
  _ data: UnsafeRawPointer?, _ count: Int, _ options: UnsafePointer<rn_import_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let model = try required(model, "model")
    var report = ImportReport()
    let imported = try Model.importing(
      bytes: try bytes(data, count), options: try ImportOptions(options), report: &report)
    model.pointee = try makeHandle(ModelResource(imported, ImportNotes(report)))
  }
}

@c @implementation
public func rn_model_import_weights(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ partial: Int32
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let path = try string(path, "path")
      try resource.reporting { report throws(ResNetError) in
        try resource.model.importWeights(from: path, partial: partial != 0, report: &report)
      }
    }
  }
}

@c @implementation
public func rn_model_import_weights_bytes(
  _ model: OpaquePointer?, _ data: UnsafeRawPointer?, _ count: Int, _ partial: Int32
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let bytes = try bytes(data, count)
      try resource.reporting { report throws(ResNetError) in
        try resource.model.importWeights(bytes: bytes, partial: partial != 0, report: &report)
      }
    }
  }
}

@c @implementation
public func rn_model_get_import_report(
  _ model: OpaquePointer?, _ report: UnsafeMutablePointer<rn_import_report>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(report, "rn_import_report", start: "RN_IMPORT_REPORT_INIT")
      let last = resource.imported?.report
      output.write(
        rn_import_report(
          size: 0, format: rn_format(UInt32(last?.format.rawValue ?? 0)),
          imported: Int32(clamping: last?.imported ?? 0),
          notes: Int32(clamping: last?.notes.count ?? 0)))
    }
  }
}

@c @implementation
public func rn_model_import_note(
  _ model: OpaquePointer?, _ index: Int32, _ note: UnsafeMutablePointer<rn_import_note>?
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let output = try OutputStructure(note, "rn_import_note", start: "RN_IMPORT_NOTE_INIT")
      guard let imported = resource.imported else {
        throw Failure(RN_INVALID_ARGUMENT, "nothing was imported into the model")
      }
      output.write(try imported.note(Int(index)))
    }
  }
}

@c @implementation
public func rn_model_export(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ format: rn_format
) -> rn_status {
  guarded {
    try using(model) { (resource: ModelResource) in
      let path = try string(path, "path")
      let known = FileFormat(rawValue: Int(format.rawValue))
      guard known != nil || format == RN_FORMAT_AUTO else {
        throw unknown("format", format.rawValue, expected: "RN_FORMAT_AUTO to _CAFFE")
      }
      try resource.model.export(to: path, format: known)
    }
  }
}
