import Foundation
import Testing

@testable import ResNet

@Suite struct TrainingClassifierTests {
  @Test func allButTheClassifierIsCopied() throws {
    let trainer = try TrainingFitTests.trainer()
    try trainer.fit(try TrainingSupport.data(count: 32), options: FitOptions(batchSize: 8))
    let model = trainer.model
    try model.setClassNames(["a", "b", "c", "d"])
    try model.setMetadata("MIT", for: "licence")
    try model.setMetadata("epochs = 2", for: "resnet.training")
    let before = try TrainingSupport.bits(model)
    let new = try model.replacingClassifier(classes: 7, seed: 5)
    #expect(try TrainingSupport.bits(model) == before)
    #expect(new.network.classes == 7 && new.classNames.isEmpty)
    #expect(new.normalization == model.normalization)
    // Of how it was trained nothing is true of the new classifier.
    #expect(new.metadata == ["licence": "MIT"] && model.metadata.count == 2)
    #expect(new.layout.tensors.map(\.name) == model.layout.tensors.map(\.name))
    for tensor in model.layout.tensors where !tensor.name.hasPrefix("fc.") {
      let copied = try new.tensor(named: tensor.name)
      let original = try model.tensor(named: tensor.name)
      #expect(copied == original, "\(tensor.name)")
    }
    // Drawn by He's method from the seed, even for as many classes.
    #expect(try new.tensor(named: "fc.weight").count == 7 * 16)
    #expect(try new.tensor(named: "fc.bias").allSatisfy { $0 == 0 })
    let again = try model.replacingClassifier(classes: 7, seed: 5)
    #expect(try TrainingSupport.bits(again) == TrainingSupport.bits(new))
    let same = try model.replacingClassifier(classes: 4, seed: 5)
    let weights = try same.tensor(named: "fc.weight")
    #expect(try weights != model.tensor(named: "fc.weight"))
    #expect(
      try weights != model.replacingClassifier(classes: 4, seed: 6).tensor(named: "fc.weight"))
  }

  @Test func anOpenedModelCanBeTheOrigin() throws {
    let path = NSTemporaryDirectory() + "classifier-\(UUID().uuidString).h5"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = try Model(TrainingSupport.network(), seed: 1)
    try model.save(to: path)
    let new = try Model.open(path).replacingClassifier(classes: 3)
    #expect(
      try TrainingSupport.bits(new) == TrainingSupport.bits(model.replacingClassifier(classes: 3)))
    // It can be trained, which the opened one cannot.
    let (images, labels) = try TrainingSupport.images(count: 8)
    try Trainer(new).step(images, labels: labels.map { $0 % 3 })
  }

  @Test func classesThatCannotBeAreRefused() throws {
    let model = try Model(TrainingSupport.network(), seed: 1)
    for classes in [0, -1, .max, .min] {
      let error = thrownError { try model.replacingClassifier(classes: classes) }
      #expect(error?.kind == .invalidArgument)
    }
  }
}
