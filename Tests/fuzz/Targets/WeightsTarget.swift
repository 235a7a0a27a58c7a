import ResNet
import ResNetExchange

/// A file of another program: all options tried, what is accepted runs, and goes into a model that is
/// there.
func fuzzWeights(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  var options = ImportOptions()
  options.partial = bytes.count & 1 == 1
  options.isPlain = bytes.count & 2 == 2
  options.preprocessing = bytes.count & 4 == 4 ? .caffe : .none
  var report = ImportReport()
  let model = try refusable { () throws(ResNetError) in
    try Model.importing(bytes: bytes, options: options, report: &report)
  }
  guard let model, model.graph.parameterCount <= 1 << 14 else { return }
  try require(report.imported > 0, "nothing was imported")
  try requireFinite(model)
  try use(model, Extent(height: 8, width: 8), 1, isStrange: true)
  _ = try refusable { () throws(ResNetError) in
    try model.importWeights(bytes: bytes, partial: true, report: &report)
  }
}
