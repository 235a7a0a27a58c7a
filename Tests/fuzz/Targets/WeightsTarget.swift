import ResNet
import ResNetExchange

/// A file of another program, and a last byte, which chooses the options: what is accepted runs, and goes into
/// a model that is there. As a file of a folder, and not in memory, it can have its values in itself, which is
/// as good as another file.
func fuzzWeights(_ input: UnsafeRawBufferPointer) throws(Finding) {
  guard let choice = input.last else { return }
  let bytes = UnsafeRawBufferPointer(rebasing: input.dropLast())
  var options = ImportOptions()
  options.partial = choice & 1 != 0
  options.isPlain = choice & 2 != 0
  options.preprocessing = choice & 4 != 0 ? .caffe : .none
  let folder = choice & 8 != 0 ? try ScratchFolder() : nil
  let path = try folder?.write(bytes, to: "model.onnx")
  var report = ImportReport()
  let model = try refusable { () throws(ResNetError) in
    if let path { return try Model.importing(path, options: options, report: &report) }
    return try Model.importing(bytes: bytes, options: options, report: &report)
  }
  guard let model, model.graph.parameterCount <= 1 << 14 else { return }
  try require(report.imported > 0, "nothing was imported")
  try requireFinite(model)
  try use(model, Extent(height: 8, width: 8), 1, isStrange: true)
  _ = try refusable { () throws(ResNetError) in
    if let path { return try model.importWeights(from: path, partial: true, report: &report) }
    try model.importWeights(bytes: bytes, partial: true, report: &report)
  }
}
