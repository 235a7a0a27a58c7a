import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on images and save it.",
    discussion: """
      A recipe is how the paper trains: `cifar`, `cifar-resnet110` with its warm-up, `imagenet` \
      (image files), or `imagenet-common` as in later work; `resnet recipe` prints what it is. Options \
      change it; of another length, its rate drops after the same shares of the training. The images that \
      are held out, or else the test images, are evaluated after each epoch, the test images at the end.

      Without a recipe it trains for 10 epochs, and holds nothing out: the test images, if there are any, are \
      evaluated after each. The rest is as in `cifar`, whose learning rate drops at one half and at three quarters \
      of the steps.

      What is trained, and how, is printed first, as a configuration that --config reads, and kept in the \
      model's metadata.

      With --from, a trained model learns further (fine-tuning). If its classes are those of the images, by \
      name, it keeps its classifier; else a new one is drawn, and that is said. It takes a tenth of the \
      recipe's learning rate, if --lr says no other, and no warm-up.

      The share of peak that is shown while it trains is of the processor's multiply-adds per second, and counts \
      the operations of direct convolutions: as Winograd's algorithm needs fewer, it may be more than 100%.

      Ctrl-C and SIGTERM stop the training after the step that it is at, and what was learned is saved; \
      a second time, they end it at once. The loss of the terminal, or of whoever reads its standard error, stops it, \
      too (nohup has it go on). A model that is at --out already is replaced by that of a training that has ended, \
      and by no other: what was learned until then is saved beside it, as model-unfinished.h5 if that is \
      model.h5; or model-unfinished-2.h5 and so on, if there is such a file, too.

      With --checkpoints, a training that was stopped or killed, by a loss of power too, goes on from its last \
      checkpoint if the same command is given again with --resume, and ends with the same bits as if it \
      had not been, on any number of threads, if the instruction set is the same (where it is not, that is said). \
      Once it has ended, the command says so, with the test error, and changes nothing; reports that are asked for \
      are written all the same. Of one that diverges, the last good checkpoint is named.

          resnet train --cifar10 cifar-10-batches-bin --checkpoints run --resume
          resnet train --folder images --from model.h5 --freeze conv1 --out tuned.h5
          mpirun -n 2 resnet train --mpi --sync-bn --cifar10 cifar-10-batches-bin
      """)

  @Option(
    help: ArgumentHelp(
      """
      A file of options, lines such as batch-size = 128, or no-winograd = true for an option without a value; \
      a # and what follows it is a comment. Options that are given beside it count instead; --epochs or \
      --iterations leave out its milestones, so that the rate drops after the recipe's shares; --from \
      beside a file's network, or --network beside its from, take the place of its learning rate, too.
      """, valueName: "file"),
    completion: .file())
  var config: String?

  @OptionGroup(title: "Images")
  var data: DataOptions

  @Option(
    help: ArgumentHelp(
      "Training images that are not trained on, but evaluated on. (default: the recipe's, or none)",
      valueName: "images"))
  var holdOut: Int?

  static let defaultNetwork = "resnet20"

  /// The metadata of a model in which what computed its training is.
  private static let instructionSetName = "resnet.instruction-set"

  @Option(
    help: """
      A preset: \(Network.publishedPresets.joined(separator: ", ")), or any resnetN or plainN with N = \
      6n+2. (default: \(defaultNetwork))
      """,
    completion: .list(Network.publishedPresets))
  var network: String?

  @Option(
    help: "How to train: \(Recipe.all.map(\.name).joined(separator: ", ")). (default: see above)",
    completion: .list(Recipe.all.map(\.name)))
  var recipe: String?

  @Option(help: "How often every training image is drawn. (default: the recipe's steps, or 10)")
  var epochs: Int?

  @Option(help: "Steps to take in all, instead of epochs.")
  var iterations: Int?

  @Option(help: "Images of a step. (default: the recipe's, or 128)")
  var batchSize: Int?

  @Option(
    name: .customLong("lr"),
    help:
      "Learning rate of the first step. (default: the recipe's, or 0.1; with --from a tenth of it)")
  var learningRate: Float?

  @Option(help: "Momentum of SGD. (default: the recipe's, or 0.9)")
  var momentum: Float?

  @Option(help: "Weight decay. (default: the recipe's, or 0.0001)")
  var weightDecay: Float?

  @Option(
    help: ArgumentHelp(
      "Steps after which the learning rate drops to a tenth, such as 32000,48000, or none. (default: see above)",
      valueName: "steps"))
  var milestones: Milestones?

  @Option(
    help: """
      What is subtracted from pixels: the mean of each over the training images (pixels), that of each \
      channel with division by the deviation (channels), or nothing (none). (default: the recipe's, or \
      pixels; with --from the model's own)
      """)
  var normalize: Normalize?

  @Option(help: "Seed of the weights, of the order of the images and of their augmentation.")
  var seed: UInt64 = 0

  @Option(help: "Threads that read images ahead. (default: as many as compute, none if one does)")
  var workers: Int?

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  @Option(
    help: ArgumentHelp("The file to save the model to.", valueName: "file"),
    completion: .file(extensions: ["h5"]))
  var out = "model.h5"

  @Option(
    help: ArgumentHelp(
      "Folder of checkpoints, the last ones (step-*.h5) and that whose model did best (best.h5).",
      valueName: "folder"),
    completion: .directory)
  var checkpoints: String?

  @Option(
    help: ArgumentHelp(
      "How often to write one: a number of steps, or a time such as 30s or 2h. (default: 10min)",
      valueName: "steps or time"))
  var checkpointEvery: Interval?

  @Option(help: ArgumentHelp("How many checkpoints to keep. (default: 2)", valueName: "number"))
  var keep: Int?

  @Flag(help: "Go on from the newest undamaged checkpoint, if any; all other options as they were.")
  var resume = false

  @OptionGroup(title: "Fine-tuning")
  var start: StartOptions

  @OptionGroup(title: "Many processes")
  var processes: RankOptions

  @OptionGroup(title: "Reports")
  var reports: ReportOptions

  @OptionGroup(title: "Changes to the preset")
  var changes: NetworkOptions

  func validate() throws {
    if epochs != nil && iterations != nil {
      throw ValidationError("--epochs and --iterations both say how long to train: give one")
    }
    for case (let name, let value?) in [
      ("batch-size", batchSize), ("epochs", epochs), ("iterations", iterations), ("keep", keep),
    ] where value < 1 {
      throw ValidationError("--\(name) is \(value), expected 1 or more")
    }
    for case (let name, let value?) in [("lr", learningRate), ("weight-decay", weightDecay)]
    where !(value >= 0 && value.isFinite) {
      throw ValidationError("--\(name) is \(value), expected a finite number of 0 or more")
    }
    if let momentum, !(0..<1).contains(momentum) {
      throw ValidationError("--momentum is \(momentum), expected 0 or more, and less than 1")
    }
    for (name, isGiven) in [
      ("resume", resume), ("keep", keep != nil), ("checkpoint-every", checkpointEvery != nil),
    ] where isGiven && checkpoints == nil {
      throw ValidationError("--\(name) needs --checkpoints, the folder that they are in")
    }
    if start.from != nil, let name = ((network == nil ? [] : ["network"]) + changes.given).first {
      throw ValidationError(
        "--\(name) and --from both say what network is trained: leave --\(name) out")
    }
    try requireExtension(out, of: [".h5"])
    if let workers, workers < 0 {
      throw ValidationError("--workers is \(workers), expected 0 threads or more")
    }
    if let recipe {
      do throws(ResNetError) { _ = try Recipe.named(recipe) } catch {
        throw ValidationError("--recipe: \(error.message)")
      }
    }
    if let holdOut, holdOut < 0 {
      throw ValidationError("--hold-out is \(holdOut), expected 0 or more images")
    }
  }

  func run() throws {
    let ranks = try processes.ranks()
    processes.warnIfAlone()
    let isFirst = ranks?.isFirst ?? true
    if isFirst { try requireWritableModel(out) }
    try start.requireOther(than: out)
    try engine.apply()
    let named = try recipe.map { name throws(ResNetError) in try Recipe.named(name) }
    if let named, named.images != nil, data.place.folder == nil {
      throw ResNetError(
        .invalidArgument, "the recipe \(named.name) is for image files: give them by --folder")
    }
    let checkpoints = try checkpoints.map { folder throws(ResNetError) in
      try start.requireOther(thanBestIn: folder)
      guard !Checkpoints.keeps(out, in: folder) else {
        throw ResNetError(
          .invalidArgument,
          "--out is \(out), as --checkpoints calls one of its own: give another name by --out")
      }
      return try Checkpoints(
        folder, every: checkpointEvery ?? .time(.seconds(600)), keep: keep ?? 2, resuming: resume,
        writing: isFirst)
    }
    let saved = try resume ? checkpoints?.load() : nil
    // What was begun with may be gone by now: a checkpoint has it all.
    let base = try start.from == nil ? nil : saved?.trainer.model ?? start.model()
    let images = try data.training(
      variation: named?.images, channels: base?.network.inputChannels ?? changes.inputChannels,
      for: base)
    let test = try data.test(channels: images.channels, for: base)
    let (training, held) = try split(images, named)
    if let test { try compareClasses(of: test, with: images) }
    let validation = held ?? test
    var recipe = effective(named, imageCount: training.count, seen: images)
    try recipe.fit.validate(for: training)
    if recipe.fit.plateau != nil, validation == nil {
      throw ResNetError(
        .invalidArgument,
        "the recipe \(recipe.name) lowers the learning rate when the error of images that are not trained "
          + "on stops falling; there are none in val, so hold some out by --hold-out")
    }
    let network = try base?.network ?? changes.network(network ?? Self.defaultNetwork, for: images)
    let configuration = configuration(
      recipe, isNamed: named != nil, network, base, heldOut: held?.count ?? 0)
    let steps = recipe.fit.steps(forImages: training.count).total
    let trainer: Trainer
    if let saved {
      try require(saved.trainer, from: saved.path, isOf: network, recipe, configuration)
      trainer = saved.trainer
      recipe.fit.resumes = true
      // Reports want the last epoch, which is evaluated below.
      let hasEnded =
        trainer.iterations == steps && !reports.areWanted && isFirst && holds(out, trainer.model)
      if try ranks?.first(finds: hasEnded) ?? hasEnded {
        try requireSame(trainer, from: saved.path, training, validation, recipe.fit)
        // It may have been killed before it could say it.
        let error = try isFirst ? testError(of: trainer.model, on: test, images) : nil
        print(
          "the training has ended, after \(counted(steps, "step")), and \(out) is its model: "
            + (error ?? "nothing is left to do"))
        ranks?.end()
        return
      }
    } else {
      trainer = try newTrainer(network, base, recipe, images)
    }

    print(configuration.text, terminator: "")
    try trainer.model.setMetadata(configuration.text, for: Configuration.metadataName)
    try SeenSize.keep(of: images, in: trainer.model)
    if trainer.iterations < steps {
      let begun = saved?.trainer.model.metadata[Self.instructionSetName]
      try trainer.model.setMetadata(
        try instructionSets(begunWith: begun), for: Self.instructionSetName)
    }
    if let saved {
      let done = counted(trainer.iterations, "step")
      print(
        trainer.iterations == steps
          ? "the training has ended, after \(done), as \(saved.path) has it"
          : "resuming after \(done) from \(saved.path)")
      checkpoints?.resume(trainer)
    } else if resume {
      print("no checkpoint yet, beginning")
    }
    print(
      "\(counted(training.count, "image")) of \(counted(training.classes, "class", "classes")) to train on, "
        + (validation.map { "\($0.count) to evaluate on" }
          ?? "none to evaluate on, as there is no val folder and no --hold-out"))
    if saved == nil { advise(on: images, trainer.model.network, isNew: base == nil) }
    // Where standard output is a file, it would come after hours.
    fflush(nil)
    try ranks?.train(trainer)
    var run = TrainingRun(
      trainer: trainer, options: recipe.fit, training: training,
      validation: validation.map { ($0, held == nil ? "test" : "validation") },
      checkpoints: checkpoints, files: reports.files, title: trainer.model.network.name,
      ranks: ranks)
    let begun = trainer.iterations
    let signal: CInt?
    do {
      signal = try advisingOnDamage(of: [images, test]) { try run.run() }
    } catch let error as ResNetError {
      // What it was resumed from may be ruined, too.
      let isUnderway =
        trainer.iterations > begun || saved != nil && error.kind == .notFinite
      let kept =
        isFirst && isUnderway
        ? self.kept(of: trainer, on: training, recipe.fit, checkpoints, after: error) : nil
      let advised = advising(error, onResuming: saved?.path)
      let whole = ResNetError(error.kind, advised.message + (kept.map { "; \($0)" } ?? ""))
      guard let ranks, trainer.parting != nil else { throw whole }
      try ranks.leave(saying: whole)
    }
    // The others wait for the first one until it has written.
    defer { ranks?.end() }
    if let signal {
      do {
        if isFirst { try finish(trainer, checkpoints) }
      } catch let error as ResNetError {
        try ranks?.leave(saying: error)
        throw error
      }
      // The launcher ends all when one exits with a status.
      ranks?.wait()
      throw ExitCode(128 + signal)
    }
    guard isFirst else { return }
    try save(trainer.model)
    let error = try testError(of: trainer.model, on: test, images)
    print((error.map { "\($0), " } ?? "") + "saved \(out)")
    if let unwritten = run.unwritten { throw unwritten }
  }

  /// Evaluates the test images, if there are any, by a training's model, which is saved; returns what is said of
  /// it. Names what is damaged of them and of the training images.
  private func testError(
    of model: Model, on test: (any TrainingData)?, _ images: any TrainingData
  ) throws -> String? {
    var result: Metrics?
    let signal = try advisingOnDamage(of: [test]) {
      try Interruption.watch { () throws(ResNetError) in
        result = try test.map { data throws(ResNetError) in try model.evaluate(data) }
      }
    }
    if let signal {
      printError(
        "stopped by \(Interruption.cause) while the test images were evaluated; the training has ended, and "
          + "\(out) is its model")
      throw ExitCode(128 + signal)
    }
    for data in [images, test].compactMap(\.self) { printDamage(of: data) }
    return result.map { "test error \(percent(1 - $0.accuracy)) of \($0.count) images" }
  }

  /// Known now, not after hours of training: throws if images to evaluate on have classes that are not
  /// trained, and says which classes have none.
  private func compareClasses(of test: any TrainingData, with images: any TrainingData)
    throws(ResNetError)
  {
    _ = try LabelMap(
      test.classNames, to: images.classNames, role: "validation", of: "the training data")
    let given = Set(test.classNames)
    let without = given.isEmpty ? [] : images.classNames.filter { !given.contains($0) }
    guard !without.isEmpty else { return }
    let shown = without.prefix(5).map { "\"\($0)\"" }.joined(separator: ", ")
    warn(
      "there are no images to evaluate on of \(without.count) of the \(images.classNames.count) "
        + "classes: \(shown)\(without.count > 5 ? ", ..." : "")")
  }

  /// The images to train on, and those that are held out of them.
  private func split(_ images: any TrainingData, _ recipe: Recipe?) throws
    -> (training: any TrainingData, held: (any TrainingData)?)
  {
    let count = holdOut ?? recipe?.validationImages ?? 0
    guard count > 0 else { return (images, nil) }
    guard count < images.count else {
      throw ResNetError(
        .invalidArgument,
        holdOut != nil
          ? "--hold-out is \(count), but there are \(images.count) training images: give at most "
            + "\(images.count - 1), or fewer, as a batch (--batch-size) must be left to train on"
          : "the recipe \(recipe?.name ?? "") holds out \(count) of the training images, but there are "
            + "\(images.count); say how many by --hold-out, 0 for none")
    }
    let parts = try images.split(validation: count, seed: seed)
    return (parts.training, parts.validation)
  }

  /// A trainer of a new model, or of that which training begins with.
  private func newTrainer(
    _ network: Network, _ base: Model?, _ recipe: Recipe, _ images: any TrainingData
  ) throws(ResNetError) -> Trainer {
    guard let base else {
      return try Trainer(try Model(network, seed: seed), options: recipe.sgd)
    }
    if normalize != nil, base.normalization != .identity {
      throw ResNetError(
        .invalidArgument,
        "--normalize says what is subtracted from pixels, but \(start.from ?? "") has a normalisation of its own, "
          + "which stays: leave --normalize out")
    }
    let (model, note) = try start.adapted(base, to: images, seed: seed)
    let trainer = try Trainer(model, options: recipe.sgd)
    try trainer.freeze(start.freeze?.names ?? [])
    print(note)
    if recipe.fit.normalize == .keep { warnOfPixels(of: images, model, start.from ?? "") }
    return trainer
  }
}
