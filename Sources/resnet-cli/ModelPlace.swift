import ResNet
import ResNetExchange

/// Whether what a command is given names a file: names of presets have no points and no slashes.
func isFile(_ name: String) -> Bool { name.contains { $0 == "." || $0 == "/" } }

/// Opens a model file to run it; if it is another program's, says how to make a model of it.
func openModel(_ path: String) throws(ResNetError) -> Model {
  try advisingOnWeights(path) { () throws(ResNetError) in try Model.open(path) }
}

/// Loads a model file to change it; if it is another program's, says how to make a model of it.
func loadModel(_ path: String) throws(ResNetError) -> Model {
  try advisingOnWeights(path) { () throws(ResNetError) in try Model.load(from: path) }
}

private func advisingOnWeights(_ path: String, _ body: () throws(ResNetError) -> Model)
  throws(ResNetError) -> Model
{
  do throws(ResNetError) {
    return try body()
  } catch {
    guard error.kind == .badFormat, !WeightsFile.claimsToBeModel(path),
      let weights = try? WeightsFile.inspect(path).weights
    else { throw error }
    throw ResNetError(
      error.kind,
      "\(path) holds \(weights.format.title) weights and is no model of libresnet; `resnet convert "
        + "\(path) model.h5` makes one of it")
  }
}
