import ArgumentParser
import CResNet
import Glibc
import ResNet
import ResNetCommunicator

/// Whether, and how, training is spread over processes.
struct RankOptions: ParsableArguments {
  @Flag(
    help: """
      Train together with the other processes that mpirun or srun has started: each on its share of every \
      batch, whose size is that of all. Needs libresnet-mpi. Images and checkpoints must be where all find \
      them; the first process writes.
      """)
  var mpi = false

  @Flag(
    help: """
      Normalise by the mean and variance of the whole batch, not of each process's share: any number of \
      processes then learns what one does.
      """)
  var syncBn = false

  @Option(
    help: ArgumentHelp(
      "The batch that the learning rate is meant for: one k times as large takes a rate k times as high.",
      valueName: "images"))
  var scaleLr: Int?

  @Option(
    help: ArgumentHelp(
      "Steps over which --scale-lr raises the rate, such as those of 5 epochs. (default: 0)",
      valueName: "steps"))
  var scaleSteps: Int?

  @Option(
    help: ArgumentHelp(
      "How long a process waits for the others before it ends all. (default: 600)",
      valueName: "seconds"))
  var mpiTimeout: Int32?

  func validate() throws {
    if scaleSteps != nil && scaleLr == nil {
      throw ValidationError("--scale-steps needs --scale-lr, the batch that the rate is meant for")
    }
    if mpiTimeout != nil && !mpi { throw ValidationError("--mpi-timeout needs --mpi") }
    if let mpiTimeout, mpiTimeout < 1 {
      throw ValidationError("--mpi-timeout is \(mpiTimeout), expected 1 second or more")
    }
  }

  var scaling: LinearScaling? {
    scaleLr.map { LinearScaling(batchSize: $0, warmUpSteps: scaleSteps ?? 0) }
  }

  /// Warns if a launcher has started several processes that know nothing of each other.
  func warnIfAlone() {
    let launchers = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]
    let counts = launchers.compactMap { getenv($0).flatMap { Int(String(cString: $0)) } }
    let isFirst = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"].allSatisfy {
      (name: String) in getenv(name).map { String(cString: $0) == "0" } ?? true
    }
    guard !mpi, isFirst, let count = counts.first(where: { $0 > 1 }) else { return }
    warn(
      "this is one of \(count) processes, each of which trains by itself; --mpi has them train together"
    )
  }

  /// Sets what the result depends on.
  func describe(in settings: inout Settings) {
    if syncBn { settings.set("sync-bn", true) }
    settings.set("scale-lr", scaleLr)
    settings.set("scale-steps", scaleSteps)
  }

  /// The processes, if there are to be several.
  func ranks() throws(ResNetError) -> Ranks? {
    try mpi ? Ranks(timeout: mpiTimeout ?? 0, synchronizesBatchNorm: syncBn) : nil
  }
}

/// The processes that mpirun started, by libresnet-mpi. That is loaded when it is asked for: the command itself
/// needs no MPI.
struct Ranks {
  let communicator: CallbackCommunicator
  private let options: DistributedOptions
  private let finish: @convention(c) () -> CInt

  private static let library = "libresnet-mpi.so.1"

  init(timeout: Int32, synchronizesBatchNorm: Bool) throws(ResNetError) {
    typealias Begin = @convention(c) (CInt, UnsafeMutablePointer<rn_communicator>?) -> CInt
    // As installed for all, beside the command's folder, or beside the command as it is built. MPI's own
    // plugins look its functions up in what is loaded globally.
    let folder = Self.folder
    let places = [Self.library, "\(folder)/../lib/\(Self.library)", "\(folder)/\(Self.library)"]
    var loaded: UnsafeMutableRawPointer?
    for place in places where loaded == nil { loaded = dlopen(place, RTLD_NOW | RTLD_GLOBAL) }
    guard let handle = loaded,
      let begin = dlsym(handle, "rn_mpi_begin"), let end = dlsym(handle, "rn_mpi_end")
    else {
      throw ResNetError(
        .notFound,
        "--mpi needs \(Self.library), which cannot be loaded (\(dlerror().map { String(cString: $0) } ?? "")): "
          + "build it with `make mpi` and install it with `make install-mpi`")
    }
    var callbacks = rn_communicator()
    callbacks.size = MemoryLayout<rn_communicator>.size
    let status = unsafeBitCast(begin, to: Begin.self)(timeout, &callbacks)
    guard status == 0 else {
      let reason = callbacks.error?(callbacks.user).map { String(cString: $0) }
      throw ResNetError(
        .communication, "MPI cannot be initialised: \(reason ?? "its error \(status)")")
    }
    communicator = try CallbackCommunicator(callbacks) { $0() }
    options = DistributedOptions(synchronizesBatchNorm: synchronizesBatchNorm)
    // What all would say, one says.
    if communicator.rank > 0 {
      StandardStreams.speaksForAll.store(false, ordering: .relaxed)
      let nowhere = open("/dev/null", O_WRONLY)
      dup2(nowhere, STDOUT_FILENO)
      close(nowhere)
    }
    finish = unsafeBitCast(end, to: (@convention(c) () -> CInt).self)
  }

  /// Whether this is the process that speaks and writes for all.
  var isFirst: Bool { communicator.rank == 0 }
  var count: Int { communicator.ranks }

  /// Whether the first of them finds something so, which all ask at once.
  func first(finds something: Bool) throws(ResNetError) -> Bool {
    var answer = [something ? UInt8(1) : 0]
    var failure: ResNetError?
    answer.withUnsafeMutableBytes { bytes in
      do throws(ResNetError) {
        try communicator.broadcast(bytes, from: 0)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return answer[0] != 0
  }

  /// Waits for the others.
  func wait() { try? communicator.barrier() }

  /// Ends this process with an error, after the others have had their say: the launcher ends all when one exits.
  func leave(saying error: ResNetError) throws -> Never {
    printError("Error: \(error.message)")
    wait()
    throw ExitCode.failure
  }

  func train(_ trainer: Trainer) throws(ResNetError) {
    try trainer.distribute(over: communicator, options: options)
  }

  /// Waits for the others, and ends MPI. A process that throws exits without: mpirun then ends the others.
  func end() { _ = finish() }

  /// The folder that the command is in.
  private static var folder: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    let text = String(
      decoding: path.prefix(max(length, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
  }
}
