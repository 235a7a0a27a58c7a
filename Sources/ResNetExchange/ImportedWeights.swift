import ResNet

/// A tensor of a file, under the name and in the layout of this library.
package struct ImportedTensor {
  /// Canonical: that of ``ParameterLayout``.
  package var name: String
  /// Canonical: OIHW, (outputs, inputs), or one value per channel.
  package var shape: [Int]
  /// What the file calls it.
  package var origin: String
  /// The values, row-major, as many as the shape says: read when they are asked for.
  package var read: () throws(ResNetError) -> [Float]

  /// Why it is of no use, if it is not; nothing is read then.
  package var problem: String?

  package init(
    _ name: String, _ shape: [Int], origin: String, problem: String? = nil,
    read: @escaping () throws(ResNetError) -> [Float]
  ) {
    (self.name, self.shape, self.origin) = (name, shape, origin)
    (self.problem, self.read) = (problem, read)
  }
}

/// What a file of another program holds, once its names and layouts are understood.
package struct ImportedWeights {
  package var format: FileFormat
  package var tensors: [ImportedTensor] = []
  /// What was understood and is not needed (`ignored`), and what was not understood (`unexpected`).
  package var notes: [ImportReport.Note] = []
  /// Of other files that have some of the values.
  package var bytesBeside = 0
  /// The network, if the file itself says what it is.
  package var network: Network?
  package var normalization = Normalization.identity
  package var classNames: [String] = []
  package var metadata: [String: String] = [:]
  /// What the file's names begin with before those of the network, which is a part of another; and whether all
  /// names do, so that it is left out.
  package var wrapper: (prefix: String, isCommon: Bool)?

  // What tensors cannot say of the network, as this format's files usually have it.
  package var bottleneckStride = Network.BottleneckStride.conv3x3
  package var stemPool = Network.StemPool.padded
  package var zeroChannels = Network.ZeroChannels.after

  package init(_ format: FileFormat) { self.format = format }
}
