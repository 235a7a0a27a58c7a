import ResNet
import ResNetData

/// Everything in a file, whatever its checksums are.
func fuzzHDF5(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  let survey = try refusable { () throws(ResNetError) in
    try HDF5Survey(of: bytes, verifyingChecksums: false)
  }
  guard let survey else { return }
  try require(survey.refusals.allSatisfy { !$0.isEmpty }, "a refusal has no message")
}

/// Images and labels, in both layouts.
func fuzzPhotos(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  let folder = try ScratchFolder()
  let path = try folder.write(bytes, to: "photos.h5")
  for layout in HDF5Images.Layout.allCases {
    let dataset = try refusable { () throws(ResNetError) in
      try HDF5Images(path, layout: layout)
    }
    if let dataset { try read(dataset) }
  }
}

/// A model, which must be sound if it is one; and so must a checkpoint.
func fuzzModel(_ bytes: UnsafeRawBufferPointer) throws(Finding) {
  let folder = try ScratchFolder()
  let path = try folder.write(bytes, to: "model.h5")
  let model = try refusable { () throws(ResNetError) in try ModelFile.readUnverified(path) }
  guard let model else { return }
  try requireFinite(model)
  guard model.graph.layers.count <= 100 else { return }
  try fuzzCheckpoint(path, in: folder)
  try use(model, Extent(height: 5, width: 6), 2, isStrange: true)
}

/// A checkpoint that is read is one that can be written, and read again.
private func fuzzCheckpoint(_ path: String, in folder: ScratchFolder) throws(Finding) {
  let trainer = try refusable { () throws(ResNetError) in try Trainer.loadUnverified(path) }
  guard let trainer else { return }
  try require(
    trainer.epochReports.allSatisfy { (1...trainer.iterations).contains($0.iteration) },
    "an epoch ended at a step that the trainer has not taken")
  let saved = folder.reserve("saved.h5")
  let again = folder.reserve("again.h5")
  try certain("saving a checkpoint") { () throws(ResNetError) in
    try trainer.save(to: saved)
    try Trainer.load(from: saved).save(to: again)
  }
  let isSame = try folder.read("saved.h5") == folder.read("again.h5")
  try require(isSame, "a checkpoint changes when it is read")
}

/// Every tensor of a model that was read is finite.
func requireFinite(_ model: Model) throws(Finding) {
  for tensor in model.layout.tensors {
    let isFinite = try certain(tensor.name) { () throws(ResNetError) in
      try model.tensor(named: tensor.name).allSatisfy(\.isFinite)
    }
    try require(isFinite, "\(tensor.name) is not finite")
  }
}
