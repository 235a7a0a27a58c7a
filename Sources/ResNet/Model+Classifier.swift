extension Model {
  /// A copy of the model with another classifier, to be trained on other classes: its last layer is
  /// drawn anew for `classes` classes, by He's method; all other tensors and the normalisation are
  /// the same, bit for bit. It has no class names, and of the metadata all but the library's own, whose
  /// names begin with `resnet.`. This model stays as it is, and may be one that was opened to be run.
  ///
  /// Throws `invalidArgument` for a number of classes that cannot be, and what reading the tensors of
  /// an opened model throws.
  public func replacingClassifier(classes: Int, seed: UInt64 = 0) throws(ResNetError) -> Model {
    var changed = network
    changed.classes = classes
    let new = try Model(changed, seed: seed)
    let parameters = try new.parameters
    let classifier = layout.tensors.last?.layer
    for tensor in layout.tensors where tensor.layer != classifier {
      guard let target = new.layout.tensor(named: tensor.name), target.shape == tensor.shape else {
        throw ResNetError(
          .invalidArgument,
          "the classifier of \(network.name) cannot be replaced: \(tensor.name) depends on the number "
            + "of classes")
      }
      try copy(tensor, to: parameters[target])
    }
    parameters.noteChange()
    try new.setNormalization(normalization)
    for (name, value) in metadata where !name.hasPrefix("resnet.") {
      try new.setMetadata(value, for: name)
    }
    return new
  }
}
