import ArgumentParser
import Glibc
import ResNet
import ResNetData

/// Where images are.
struct ImagePlace: ParsableArguments {
  @Option(
    name: .customLong("cifar10"),
    help: ArgumentHelp("Directory of the CIFAR-10 binary files.", valueName: "directory"),
    completion: .directory)
  var cifar10: String?

  @Option(
    help: ArgumentHelp(
      """
      Folder of JPEG and PNG files: train/CLASS/* to train on, and val/CLASS/* to evaluate on. To \
      evaluate alone, the images may be in CLASS/*.
      """,
      valueName: "directory"),
    completion: .directory)
  var folder: String?

  @Flag(help: "Leave damaged files of a folder out, and name them, instead of stopping.")
  var skipDamaged = false

  func validate() throws {
    switch (cifar10, folder) {
    case (nil, nil):
      throw ValidationError(
        noting(
          slipsOf: "cifar10", "folder", message: "give the images by --cifar10 or by --folder"))
    case (_?, _?): throw ValidationError("--cifar10 and --folder are two places: give one of them")
    case (_?, nil):
      if skipDamaged {
        throw ValidationError("--skip-damaged is for image files, given by --folder")
      }
    case (nil, _?): break
    }
  }

  /// Images to train on, seen and varied as `options` say if they are in files.
  func training(_ options: ImageFileDataset.Options) throws -> any TrainingData {
    if let cifar10 { return try CIFAR10(directory: cifar10, split: .train) }
    return try imageFiles(
      ImageFiles(folder: trainingFolder(in: folder ?? "")), options, skipDamaged: skipDamaged)
  }

  /// Whether there are images to evaluate on beside those to train on.
  var hasTest: Bool { folder.map { Directory.isDirectory("\($0)/val") } ?? true }

  /// Images to evaluate on, which are not varied.
  func test(_ options: ImageFileDataset.Options) throws -> any TrainingData & ImageSource {
    if let cifar10 { return try CIFAR10(directory: cifar10, split: .test) }
    let folder = folder ?? ""
    if !hasTest { try refuseTrainingImages(in: folder) }
    return try imageFiles(
      ImageFiles(folder: hasTest ? "\(folder)/val" : folder), options, skipDamaged: skipDamaged)
  }
}

func imageFiles(_ files: ImageFiles, _ options: ImageFileDataset.Options, skipDamaged: Bool) throws
  -> ImageFileDataset
{
  var options = options
  options.damage = skipDamaged ? .skip : .fatal
  if let (count, example) = files.passedOver {
    warn(
      "\(counted(count, "entry", "entries")) beside the images \(count == 1 ? "is" : "are") passed over, such as "
        + "\(example): expected CLASS/*.jpg, *.jpeg or *.png")
  }
  return try ImageFileDataset(files, options: options)
}

/// Throws if a folder without val has train, in which the classes are: a class may be called that, too.
private func refuseTrainingImages(in folder: String) throws(ResNetError) {
  let training = "\(folder)/train"
  guard Directory.isDirectory(training) else { return }
  let names = try Directory.names(in: training)
  guard names.contains(where: { Directory.isDirectory("\(training)/\($0)") }),
    !names.contains(where: { ImageFiles.isImage($0) })
  else { return }
  throw ResNetError(
    .notFound,
    "\(folder) has no folder val: expected images to evaluate on in \(folder)/val/CLASS/*.jpg or *.png, as those in "
      + "\(training) are to train on; or give a folder that has such images in CLASS/*.jpg or *.png"
  )
}

/// Where a folder has its training images. Throws what is there instead, if it has none.
func trainingFolder(in folder: String) throws -> String {
  let training = "\(folder)/train"
  if Directory.isDirectory(training) { return training }
  let names = try Directory.names(in: folder)
  let folders = names.filter { Directory.isDirectory("\(folder)/\($0)") }
  let found =
    if !folders.isEmpty {
      "the folders " + folders.prefix(3).joined(separator: ", ")
        + (folders.count > 3 ? ", ..." : "")
    } else if let first = names.first { "no folders, but files such as \(first)" } else {
      "nothing"
    }
  var message =
    "\(folder) has no folder train: expected training images in \(folder)/train/CLASS/*.jpg or *.png, and "
    + "those to evaluate on, if there are any, in \(folder)/val/CLASS; what is there: \(found)"
  if folder.split(separator: "/").last == "train" {
    message += "; give the folder that \(folder) is in"
  } else if !folders.isEmpty {
    message += "; if these are the classes, move them into a folder train"
  }
  throw ResNetError(.notFound, message)
}

func damagedFiles(of data: any TrainingData) -> [DamagedFile] {
  (data as? ImageFileDataset)?.damagedFiles ?? []
}

/// Names the damaged files of a dataset on standard error.
func printDamage(of data: any TrainingData) {
  for file in damagedFiles(of: data) {
    printError("damaged: \(file.path): \(file.reason)")
  }
}

/// Runs `body`; if it fails at a damaged file of one of these datasets, says which option would help.
func advisingOnDamage<Result>(of data: [(any TrainingData)?], _ body: () throws -> Result) throws
  -> Result
{
  do {
    return try body()
  } catch let error as ResNetError {
    let files = data.compactMap { $0 as? ImageFileDataset }
    // What is not there is not damaged.
    let isDamage = files.contains { data in
      data.options.damage == .fatal && data.damagedFiles.contains { access($0.path, F_OK) == 0 }
    }
    guard isDamage else { throw error }
    throw ResNetError(
      error.kind, "\(error.message); --skip-damaged leaves damaged files out and names them")
  }
}
