import ResNet

/// What a file of another program holds, as far as names and shapes say: its bytes, with those of the files beside
/// it that have its values; the network that the
/// tensors are of, or why there is none; and what is of no use to that network, and what it lacks. (A type of
/// its own would be in the shared library, where nobody asks for it.)
package typealias WeightsFacts = (
  weights: ImportedWeights, bytes: Int, network: Result<Network, ResNetError>,
  notes: [ImportReport.Note]
)

extension WeightsFile {
  /// Reads a file's names and shapes, and no values, although what has them must be there. Throws as ``Model/importing(_:options:report:)``
  /// for a file whose format is not known, or that is damaged.
  package static func inspect(_ path: String, _ options: ImportOptions = ImportOptions())
    throws(ResNetError) -> WeightsFacts
  {
    try with(path, as: "read") { source throws(ResNetError) in
      let weights = try read(source)
      var notes = weights.notes
      let network: Result<Network, ResNetError>
      do throws(ResNetError) {
        let found = try NetworkInference.network(of: weights, options)
        notes = weights.notes(try Graph(found))
        network = .success(found)
      } catch {
        network = .failure(error)
      }
      return (weights, source.size + weights.bytesBeside, network, notes)
    }
  }

  /// Whether a file claims to be a model of this library, whatever may be wrong with it: it is HDF5
  /// that says so, or that cannot be read.
  package static func claimsToBeModel(_ path: String) -> Bool {
    guard let reader = try? ModelFile.open(path),
      let head = try? reader.bytes(0, min(16, reader.size)), HDF5Weights.matches(head)
    else { return false }
    do throws(ResNetError) {
      return try HDF5Folder(.file(reader)).texts("format")?.first == ModelFile.format
    } catch {
      return true
    }
  }
}
