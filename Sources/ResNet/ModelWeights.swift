extension Model {
  /// Where a model has its tensors.
  enum Weights {
    case memory(ParameterStore)
    /// See ``Model/open(_:)``.
    case file(StoredParameters)
  }

  /// The values of all tensors. Throws `invalidArgument` if they stayed in a file.
  package var parameters: ParameterStore {
    get throws(ResNetError) {
      guard case .memory(let store) = weights else {
        throw ResNetError(
          .invalidArgument,
          "the model was opened to be run, and its weights are in its file; load it to change, "
            + "train or save it")
      }
      return store
    }
  }

  /// Copies a tensor's values out, of which there are as many as it has.
  package func copy(_ tensor: ParameterLayout.Tensor, to values: UnsafeMutableBufferPointer<Float>)
    throws(ResNetError)
  {
    try weights.copy(at: tensor.offset, to: values)
  }
}

extension Model.Weights {
  /// Changes whenever a value may have changed.
  var version: UInt64 {
    switch self {
    case .memory(let store): store.version
    case .file: 0
    }
  }

  /// Bytes that they take in memory.
  var bytes: Int {
    switch self {
    case .memory(let store): store.bytes
    case .file: 0
    }
  }

  /// Copies the tensor at an offset of the layout, whole.
  func copy(at offset: Int, to values: UnsafeMutableBufferPointer<Float>) throws(ResNetError) {
    switch self {
    case .memory(let store):
      guard let base = values.baseAddress else { return }
      base.update(from: store.values + offset, count: values.count)
    case .file(let file): try file.read(at: offset, into: values)
    }
  }

  /// Calls `body` for all blocks of `blockFloats` values of the tensor at an offset of the layout,
  /// on at most `workers` threads, with the address that the tensor's first value would have if all
  /// lay where the block's do.
  func forEachBlock(
    at offset: Int, count: Int, blockFloats: Int, pool: ThreadPool, workers: Int,
    _ body: (_ block: Int, _ tensor: UnsafePointer<Float>) -> Void
  ) throws(ResNetError) {
    switch self {
    case .memory(let store):
      pool.run((count + blockFloats - 1) / blockFloats, workers: workers) { block, _ in
        body(block, store.values + offset)
      }
    case .file(let file):
      try file.forEachBlock(
        at: offset, count: count, blockFloats: blockFloats, pool: pool, workers: workers
      ) { block, values in
        body(block, values - block * blockFloats)
      }
    }
  }
}
