import Testing

@testable import ResNet
@testable import ResNetData

/// The classes of data and model are matched by name.
@Suite struct TrainingLabelMapTests {
  static let names = ["ant", "bee", "cat", "dog"]
  /// Some of them, in another order.
  static let some = ["dog", "ant", "cat"]

  /// The images whose class is one of `names`, labelled by the order of these.
  static func data(_ names: [String], count: Int = 100, seed: UInt64 = 1) throws -> ImageDataset {
    let (pixels, labels) = TrainingSupport.pixels(count: count, seed: seed)
    let size = pixels.count / count
    var kept: (pixels: [UInt8], labels: [Int]) = ([], [])
    for (index, label) in labels.enumerated() {
      guard let place = names.firstIndex(of: Self.names[label]) else { continue }
      kept.pixels += pixels[index * size..<(index + 1) * size]
      kept.labels.append(place)
    }
    let images = try Images(
      .bytes(kept.pixels), count: kept.labels.count, channels: 3, height: 8, width: 8)
    return try ImageDataset(
      images, labels: kept.labels, classes: names.count, classNames: names)
  }

  /// The same images, with the classes' numbers.
  static func numbered(_ data: ImageDataset) throws -> ImageDataset {
    let images = try (0..<data.count).map { try data.image($0) }
    let pixels = images.flatMap { image -> [UInt8] in
      guard case .bytes(let raster) = image else { return [] }
      return (0..<3).flatMap { channel in
        stride(from: channel, to: raster.pixels.count, by: 3).map { raster.pixels[$0] }
      }
    }
    return try ImageDataset(
      try Images(.bytes(pixels), count: data.count, channels: 3, height: 8, width: 8),
      labels: (0..<data.count).map {
        try names.firstIndex(of: data.classNames[data.label($0)]) ?? 0
      },
      classes: names.count)
  }

  static func model(named: Bool = true) throws -> Model {
    let model = try Model(TrainingSupport.network(), seed: 2)
    try model.setNormalization(Normalization(mean: [80, 90, 100], scale: [0.02, 0.02, 0.02]))
    if named { try model.setClassNames(names) }
    return model
  }

  @Test(arguments: [some, Array(names.reversed()), ["bee"]])
  func figuresAreThoseOfTheNamedClasses(_ names: [String]) throws {
    let model = try Self.model()
    let data = try Self.data(names)
    let numbered = try Self.numbered(data)
    #expect(try model.evaluate(data) == model.evaluate(numbered))
    #expect(
      try model.evaluateByClass(data).confusion == model.evaluateByClass(numbered).confusion)
    let views = Views.tenCrop(crop: 7, resize: nil)
    #expect(
      try model.evaluateByClass(data, views: views).confusion
        == model.evaluateByClass(numbered, views: views).confusion)
    #expect(
      try model.evaluate(data, views: views).loss == model.evaluate(numbered, views: views).loss)
    // Without names on either side the numbers count: other figures.
    let plain = try Self.model(named: false)
    #expect(try plain.evaluate(data) != model.evaluate(data))
  }

  @Test func trainingAModelWithNamesIsTrainingOnItsClasses() throws {
    var bits: [[UInt32]] = []
    var validations: [Metrics?] = []
    for isNumbered in [false, true] {
      let model = try Self.model()
      let (data, held) = (
        try Self.data(Self.some), try Self.data(["cat", "bee"], count: 40, seed: 2)
      )
      let history = try Trainer(model).fit(
        isNumbered ? Self.numbered(data) : data,
        validation: isNumbered ? Self.numbered(held) : held,
        options: FitOptions(epochs: 1, batchSize: 16))
      validations.append(history[0].validation)
      bits.append(try TrainingSupport.bits(model))
    }
    #expect(bits[0] == bits[1])
    #expect(validations[0] == validations[1])
  }

  @Test func validationHasTheClassesOfTraining() throws {
    // One class more than the data has, so that the model does not take its names.
    let model = try Model(TrainingSupport.network(classes: 5), seed: 2)
    let held = try Self.data(Self.some, count: 40, seed: 2)
    let history = try Trainer(model).fit(
      try Self.data(Self.names), validation: held, options: FitOptions(epochs: 1, batchSize: 16))
    #expect(model.classNames.isEmpty)
    #expect(try history[0].validation == model.evaluate(Self.numbered(held)))

    let bits = try TrainingSupport.bits(model)
    let error = thrownError {
      try Trainer(model).fit(
        try Self.data(Self.some), validation: try Self.data(Self.names),
        options: FitOptions(epochs: 1, batchSize: 16))
    }
    #expect(error?.kind == .invalidArgument)
    #expect(
      error?.message.contains("that the training data does not have: \"bee\".") == true)
    #expect(try TrainingSupport.bits(model) == bits)
  }

  @Test func classesThatTheModelLacksAreNamed() throws {
    let model = try Self.model()
    try model.setClassNames(["ant", "bee", "cat", "elk"])
    for attempt in [
      { _ = try model.evaluate(try Self.data(Self.names)) },
      { _ = try model.evaluate(try Self.data(Self.names), views: .single) },
      { try Trainer(model).fit(try Self.data(Self.names), options: FitOptions(batchSize: 4)) },
    ] {
      let error = thrownError(attempt)
      #expect(error?.kind == .invalidArgument)
      #expect(
        error?.message.contains("tiny does not have: \"dog\"; of tiny, it lacks \"elk\"") == true)
    }
    // A model without names takes the data's numbers.
    try model.setClassNames([])
    #expect(try model.evaluate(try Self.data(Self.names)).count == 100)
  }

  @Test func manyNamesAreCutShort() {
    let error = thrownError {
      try LabelMap((0..<9).map { "x\($0)" }, to: ["a"], role: "evaluation", of: "it")
    }
    #expect(error?.message.contains("\"x4\" and 4 more; of it, it lacks \"a\"") == true)
  }

  @Test func aNameOfTwoClassesIsNoName() throws {
    let error = thrownError { try LabelMap(["a"], to: ["a", "b", "a"], role: "x", of: "it") }
    #expect(error?.kind == .invalidArgument)
    #expect(error?.message.contains("\"a\" is the name of two classes of it") == true)
    // What is equal needs no matching.
    let same = try LabelMap(["a", "b", "a"], to: ["a", "b", "a"], role: "x", of: "it")
    #expect(try same(2) == 2)
  }

  @Test func aLabelWithoutANameIsRefused() throws {
    let map = try LabelMap(["b"], to: ["a", "b"], role: "x", of: "it")
    #expect(try map(0) == 1)
    for label in [-1, 1] {
      let error = thrownError { try map(label) }
      #expect(error?.kind == .invalidArgument)
    }
  }
}
