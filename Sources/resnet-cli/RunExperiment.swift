import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct RunExperiment: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Repeat an experiment of the paper on CIFAR-10, and write a report of it.",
    discussion: """
      degradation: plain against residual networks of 20 to 56 layers; depth: residual ones of 20 to 110; \
      options: shortcuts A, B and C; responses: the standard deviations of layers' outputs; table6: FitNet, \
      highway and residual networks of Table 6.

      Every network is trained on the 50,000 training images by the paper's recipe, and the test images \
      are evaluated after each epoch. A report, OUT/NAME/README.md with its plots, is written after each \
      network; OUT/NAME-quick/README.md with --quick. What was trained is recorded in OUT/runs, is not \
      trained again, and serves other experiments, too. An experiment that was stopped or killed goes on if \
      the same command is given again.

          resnet experiment degradation --cifar10 cifar-10-batches-bin
          resnet experiment depth --cifar10 cifar-10-batches-bin --quick
      """)

  @Argument(help: "Which.")
  var experiment: Experiment

  @Option(
    name: .customLong("cifar10"),
    help: ArgumentHelp("Directory of the CIFAR-10 binary files.", valueName: "directory"),
    completion: .directory)
  var cifar10: String?

  @Option(
    help: ArgumentHelp("Folder of the reports and records.", valueName: "folder"),
    completion: .directory)
  var out = "experiments"

  @Option(
    help: """
      Steps that each network is trained for; the learning rate drops after the same shares of them. \
      (default: the paper's 64000, or 400 with --quick)
      """)
  var iterations: Int?

  @Option(
    help: ArgumentHelp(
      "Other networks than the experiment's, such as resnet20,resnet32-B.", valueName: "names"),
    transform: TrialList.init)
  var networks: TrialList?

  @Flag(help: "Have a quick look: residual and plain networks of 8 and 14 layers, few steps.")
  var quick = false

  @Option(help: "Seed of the weights, of the order of the images and of their augmentation.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      """
      Another program's training to lay beside: its name, and its epochs as comma-separated values \
      (--log of train says what they are called). May be given several times.
      """, valueName: "name=file"),
    transform: Beside.init)
  var beside: [Beside] = []

  @Option(
    help: ArgumentHelp(
      """
      A paragraph for the report to have under "Setting", in Markdown, such as where the images are from.
      """, valueName: "text"))
  var note: String?

  @Flag(help: "Write the report of what is recorded, and train nothing.")
  var reportOnly = false

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func validate() throws {
    if cifar10 == nil && !reportOnly {
      throw ValidationError(
        noting(slipsOf: "cifar10", message: "give the images to train on by --cifar10"))
    }
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations is \(iterations), expected 1 or more")
    }
    if let note, note.allSatisfy(\.isWhitespace) {
      throw ValidationError("--note is \"\(note)\", expected a paragraph for the report")
    }
    if quick && networks != nil {
      throw ValidationError("--quick and --networks both say what is trained: give one")
    }
  }

  func run() throws {
    try engine.apply()
    let trials = networks?.trials ?? (quick ? experiment.quickTrials : experiment.trials)
    let others = try beside.map { other throws(ResNetError) in
      (other.name, try TrainingHistory(csv: readText(other.path), path: other.path))
    }
    let runs = "\(out)/runs"
    let folder = "\(out)/\(experiment.rawValue)\(quick ? "-quick" : "")"
    if !reportOnly { for folder in [out, runs] { try makeFolder(folder) } }
    let images = try cifar10.map { directory throws(ResNetError) in
      (
        training: try CIFAR10(directory: directory, split: .train),
        test: try CIFAR10(directory: directory, split: .test)
      )
    }
    let steps = iterations ?? (quick ? 400 : 64_000)
    var found: [Trial: TrialRun.Result] = [:]
    func report() throws(ResNetError) {
      try makeFolder(folder)
      try ExperimentReport(
        experiment: experiment, results: trials.compactMap { found[$0] }, beside: others,
        planned: trials,
        iterations: steps,
        seed: seed, isQuick: quick, note: note, runs: "../runs"
      ).write(to: folder)
    }
    for trial in trials {
      let run = TrialRun(trial, iterations: steps, seed: seed, in: runs)
      found[trial] =
        try images.map { images throws(ResNetError) in
          try run.recorded(on: images.training, test: images.test)
        } ?? run.recorded()
      // From those of one that has failed a lower rate could go on.
      if !reportOnly, let result = found[trial], result.failure == nil { run.removeCheckpoints() }
    }
    try TrialRun.requireSameImages(trials.compactMap { found[$0] })
    if !reportOnly, let images {
      for trial in trials where found[trial] == nil {
        printError("\(trial.name):")
        let run = TrialRun(trial, iterations: steps, seed: seed, in: runs)
        try makeFolder(run.folder)
        found[trial] = try run.train(on: images.training, test: images.test)
        // One that is stopped later has a report, too.
        try report()
      }
    }
    guard !found.isEmpty else {
      let recorded = (try? Directory.names(in: runs)) ?? []
      throw ResNetError(
        .notFound,
        "none of these networks is recorded in \(runs) with \(steps) iterations and seed \(seed); what is: "
          + (recorded.isEmpty ? "nothing" : recorded.sorted().joined(separator: ", "))
          + "; --cifar10 instead of --report-only trains them")
    }
    try report()
    print("\(folder)/README.md")
  }
}

/// Networks, separated by commas.
struct TrialList {
  let trials: [Trial]

  init(_ argument: String) throws {
    var trials: [Trial] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let trial = try Trial(named: String(part))
      guard !trials.contains(trial) else {
        throw ValidationError("\(trial.name) is named twice")
      }
      trials.append(trial)
    }
    self.trials = trials
  }
}

/// Another program's training.
struct Beside {
  let name: String
  let path: String

  init(_ argument: String) throws {
    guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
      throw ValidationError("expected a name and a file, such as PyTorch=theirs.csv")
    }
    name = String(argument[..<equals])
    path = String(argument[argument.index(after: equals)...])
  }
}
