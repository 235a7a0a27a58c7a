import ResNet
import ResNetExchange

/// A graph, whose model must be sound if there is one.
func fuzzONNX(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  let model = try refusable { () throws(ResNetError) in
    var report = ImportReport()
    return try Model.importing(bytes: bytes, report: &report)
  }
  guard let model else { return }
  for tensor in model.layout.tensors {
    let isFinite = try certain(tensor.name) { () throws(ResNetError) in
      try model.tensor(named: tensor.name).allSatisfy(\.isFinite)
    }
    try require(isFinite, "\(tensor.name) is not finite")
  }
  guard model.graph.layers.count <= 100 else { return }
  try use(model, Extent(height: 5, width: 6), 2, isStrange: true)
}
