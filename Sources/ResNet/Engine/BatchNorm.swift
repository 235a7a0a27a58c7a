/// Constants of batch normalisation (PyTorch's defaults, which the community's weights assume).
enum BatchNorm {
  /// Added to the variance.
  static let epsilon = 1e-5
  /// Weight of a batch's statistics in the running ones.
  static let momentum: Float = 0.1
}
