import ArgumentParser
import Glibc
import ResNet
import ResNetData

/// A folder of a training's checkpoints: the newest ones, named for their step, and the one whose model did best
/// on the images that are evaluated.
final class Checkpoints {
  private let folder: String
  private let interval: Interval
  private let keep: Int
  private let clock = ContinuousClock()
  private var lastSaved: ContinuousClock.Instant
  private var lowestError = Double.infinity
  /// Steps after which the last one was saved.
  private var lastStep: Int?
  /// Those that could not be loaded.
  private var damaged: Set<String> = []
  /// An open file, while no other process may write its checkpoints there.
  private var lock: Int32 = -1

  private static let prefix = "step-"
  private static let suffix = ".h5"

  /// Where the one is kept that did best.
  static func best(in folder: String) -> String { "\(folder)/best.h5" }

  /// Whether a file of that path would be one of them.
  static func keeps(_ path: String, in folder: String) -> Bool {
    let (path, start) = (resolvedPath(path), "\(resolvedPath(folder))/")
    let name = path.dropFirst(start.count)
    let isCheckpoint =
      path.hasPrefix(start) && name.hasPrefix(prefix) && name.hasSuffix(suffix)
      && name.allSatisfy { $0 != "/" }
    return isCheckpoint || path == resolvedPath(best(in: folder))
  }

  /// The step that a file's name says, if it is a checkpoint's.
  private static func step(of name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    return Int(name.dropFirst(prefix.count).dropLast(suffix.count)).flatMap { $0 >= 0 ? $0 : nil }
  }

  private var lockPath: String { "\(folder)/.lock" }

  /// A training that begins does so in a folder without checkpoints of another one, and one that goes on where no
  /// other process does. `writing` is false for those that only read.
  init(
    _ folder: String, every interval: Interval, keep: Int, resuming: Bool, writing: Bool = true
  ) throws(ResNetError) {
    self.folder = folder
    self.interval = interval
    self.keep = keep
    lastSaved = clock.now
    try makeFolder(folder)
    if writing { try takeFolder() }
    guard !resuming else { return }
    if let newest = try newest() {
      throw ResNetError(
        .invalidArgument,
        "\(folder) holds checkpoints of another training, \(newest) the newest: go on with it by "
          + "--resume, or choose another folder")
    }
    let best = Self.best(in: folder)
    guard access(best, F_OK) != 0 else {
      throw ResNetError(
        .invalidArgument,
        "\(best) is the best checkpoint of another training, and would be replaced: choose another folder, or "
          + "move that")
    }
  }

  deinit { if lock >= 0 { close(lock) } }

  /// Where a file system has no locks, nothing is kept from others, and that is said.
  private func takeFolder() throws(ResNetError) {
    lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    if lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 {
      return AtomicFile.removeRemains(in: folder)
    }
    guard lock >= 0, errno == EWOULDBLOCK else {
      warn(
        "\(lockPath) cannot be locked: \(String(cString: strerror(errno))); see that no other process "
          + "writes its checkpoints there")
      return
    }
    throw ResNetError(
      .inputOutput,
      "another process, which still runs, writes its checkpoints to \(folder): wait until it has ended, or "
        + "choose another folder")
  }

  /// The checkpoints in the folder, less the damaged ones, from the first to the last step.
  private func saved() throws(ResNetError) -> [(step: Int, path: String)] {
    try Directory.names(in: folder).compactMap { name in
      guard let step = Self.step(of: name) else { return nil }
      let path = "\(folder)/\(name)"
      return damaged.contains(path) ? nil : (step, path)
    }.sorted { $0.step < $1.step }
  }

  /// The newest one; nil if there is none.
  func newest() throws(ResNetError) -> String? { try saved().last?.path }

  /// The newest one of before a training on `data` diverged, or else the best one; nil if there is none.
  func newestSound(on data: any TrainingData, _ options: FitOptions) -> String? {
    (((try? saved()) ?? []).map(\.path).reversed() + [Self.best(in: folder)]).first {
      access($0, F_OK) == 0 && Soundness.canGoOn(from: $0, on: data, options)
    }
  }

  /// The newest one that can be loaded, or else the best, with its path; nil if the folder has none. Those that are
  /// damaged, or cannot be read, are named on standard error and left where they are. Throws what is wrong with the
  /// newest, if none can be loaded.
  func load() throws(ResNetError) -> (trainer: Trainer, path: String)? {
    let best = Self.best(in: folder)
    var paths = try saved().map(\.path)
    if access(best, F_OK) == 0 { paths.insert(best, at: 0) }
    var first: ResNetError?
    while let path = paths.popLast() {
      do throws(ResNetError) {
        return (try Trainer.load(from: path), path)
      } catch {
        guard error.kind == .badFormat || error.kind == .inputOutput else { throw error }
        first = first ?? error
        damaged.insert(path)
        if let next = paths.last { warn("\(error.message); trying \(next)") }
      }
    }
    guard let first else { return nil }
    throw ResNetError(
      first.kind,
      "\(first.message); no checkpoint in \(folder) can be loaded: to begin anew, choose another folder"
    )
  }

  /// Takes up a training that is resumed, and which model was the best of it.
  func resume(_ trainer: Trainer) {
    lastStep = trainer.iterations
    for epoch in trainer.history {
      if let result = epoch.validation { lowestError = min(lowestError, 1 - result.accuracy) }
    }
  }

  /// Saves what is due, when training reports. What cannot be written is tried again when it is due the
  /// next time: the training is worth more.
  func note(_ progress: Progress, of trainer: Trainer) {
    if let result = progress.validation, 1 - result.accuracy < lowestError {
      warning { () throws(ResNetError) in
        try trainer.save(to: Self.best(in: folder))
        lowestError = 1 - result.accuracy
      }
    }
    let isDue =
      switch interval {
      case .steps(let count): !progress.epochEnded && progress.iteration % count == 0
      case .time(let time): clock.now - lastSaved >= time
      }
    // After the last step, by which a training that has ended is known; once more after its epoch would
    // only say that it cannot be made longer. But better that one than none.
    let isLast = progress.epoch == progress.epochs && progress.step == progress.steps
    if isLast ? lastStep != progress.iteration : isDue {
      warning { () throws(ResNetError) in _ = try save(trainer) }
    } else if isLast {
      // A process may have been killed before it could.
      warning { () throws(ResNetError) in try removeOld() }
    }
  }

  /// Saves a checkpoint, and removes those that are too many. Returns its path.
  func save(_ trainer: Trainer) throws(ResNetError) -> String {
    lastSaved = clock.now
    let digits = String(trainer.iterations)
    let number = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    let path = "\(folder)/\(Self.prefix)\(number)\(Self.suffix)"
    try trainer.save(to: path)
    lastStep = trainer.iterations
    damaged.remove(path)
    try removeOld()
    return path
  }

  /// Those that are too many, but not the one that was saved or gone on from last.
  private func removeOld() throws(ResNetError) {
    for old in try saved().dropLast(keep) where old.step != lastStep { unlink(old.path) }
  }

  /// Removes all of them and the folder, once the training is done; what else is in it stays.
  func removeAll() {
    for checkpoint in (try? saved()) ?? [] { unlink(checkpoint.path) }
    unlink(Self.best(in: folder))
    unlink(lockPath)
    rmdir(folder)
  }
}

/// How often a checkpoint is written.
enum Interval: ExpressibleByArgument, CustomStringConvertible {
  case steps(Int)
  case time(Duration)

  /// `1000` steps, or `30s`, `10min` or `2h`.
  init?(argument: String) {
    let digits = argument.prefix { ("0"..."9").contains($0) }
    guard let number = Int(digits), (1...1_000_000_000).contains(number) else { return nil }
    switch argument.dropFirst(digits.count) {
    case "": self = .steps(number)
    case "s": self = .time(.seconds(number))
    case "min": self = .time(.seconds(60 * number))
    case "h": self = .time(.seconds(3600 * number))
    default: return nil
    }
  }

  var description: String {
    switch self {
    case .steps(let count): "\(count)"
    case .time(let time): "\(time.components.seconds)s"
    }
  }
}
