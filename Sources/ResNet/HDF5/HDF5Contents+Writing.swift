extension HDF5Contents {
  /// Makes `path` an HDF5 file of these contents, whole or not at all.
  package func write(to path: String) throws(ResNetError) {
    try ModelFile.validate(path: path)
    let image = HDF5Image(self)
    try AtomicFile.write(to: path) { append throws(ResNetError) in
      try image.forEachPiece { _, bytes throws(ResNetError) in try append(bytes) }
    }
  }
}
