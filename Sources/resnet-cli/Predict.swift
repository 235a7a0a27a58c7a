import ArgumentParser
import Glibc
import ResNet
import ResNetData

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say which classes a saved model takes images for.",
    discussion: """
      For each image its name, and then the most probable classes. A file that cannot be read is named on \
      standard error, the others are predicted, and the exit status is 1.

      With --json there is one object a line for each image, in their order, as soon as it is known: \
      {"image": PATH, "classes": [{"class": NUMBER, "name": NAME, "probability": SHARE}, ...]}, or \
      {"image": PATH, "error": REASON}. The name is null if the model has no class names. A list on standard \
      input is read to its end first.

          resnet predict model.h5 cat.jpg photos --top 3
          find photos -name '*.jpg' | resnet predict model.h5 - --json
      """)

  @Argument(help: "A model file (*.h5).", completion: .file(extensions: ["h5"]))
  var model: String

  @OptionGroup
  var images: ImagePaths

  @Option(help: "How many classes to name of each image.")
  var top = 5

  @Flag(help: "Print JSON, one object a line.")
  var json = false

  @OptionGroup(title: "Views of an image")
  var views: ViewOptions

  @OptionGroup(title: "Computing")
  var engine: EngineOptions

  func validate() throws {
    if top < 1 { throw ValidationError("--top is \(top), expected 1 class or more") }
    if images.images.isEmpty {
      throw ValidationError("give images: files, folders, or - for a list on standard input")
    }
  }

  func run() throws {
    try engine.apply()
    let files = try images.files()
    let model = try openModel(model)
    let channels = model.network.inputChannels
    guard channels == 1 || channels == 3 else {
      throw ResNetError(
        .shapeMismatch,
        "\(model.network.name) takes images of \(counted(channels, "channel")), which JPEG and PNG files do not have"
      )
    }
    advise(on: files, model)
    let views = views.ofFiles(for: model)
    var failures = 0
    var window = 8
    var first = 0
    while first < files.count {
      let paths = files[first..<min(first + window, files.count)]
      let (images, largest) = try read(Array(paths), channels: channels)
      for (path, outcome) in zip(paths, try probabilities(images, model, views)) {
        switch outcome {
        case .success(let row):
          guard row.allSatisfy(\.isFinite) else { throw Soundness.error(of: self.model) }
          show(path, row, of: model)
        case .failure(let error):
          failures += 1
          if json {
            print(JSON.object([("image", .string(path)), ("error", .string(error.message))]))
          }
          fflush(nil)
          printError("Error: \(named(error, path))")
        }
      }
      fflush(nil)
      first += paths.count
      window = min(max((64 << 20) / max(largest, 1), 8), 256)
    }
    if failures > 0 {
      printError("Error: \(failures) of \(files.count) images could not be predicted")
      throw ExitCode.failure
    }
  }

  /// The images of some files, read on all threads, and the bytes of the largest.
  private func read(_ paths: [String], channels: Int) throws
    -> (images: [Result<SourceImage, ResNetError>], largest: Int)
  {
    var images = [Result<SourceImage, ResNetError>?](repeating: nil, count: paths.count)
    images.withUnsafeMutableBufferPointer { images in
      ThreadPool.shared.run(paths.count, workers: Engine.threads) { index, _ in
        images[index] = Result { () throws(ResNetError) in
          .bytes(try Raster(contentsOf: paths[index], channels: channels))
        }
      }
    }
    let found = images.compactMap(\.self)
    let largest = found.compactMap { try? $0.get() }.map {
      $0.channels * $0.extent.height * $0.extent.width
    }.max()
    return (found, largest ?? 0)
  }

  /// Those of each image that was read; of all together, or one by one if the views do not suit some. Throws
  /// what no image is to blame for: a model's damage, or want of memory.
  private func probabilities(
    _ images: [Result<SourceImage, ResNetError>], _ model: Model, _ views: Views
  ) throws(ResNetError) -> [Result<ArraySlice<Float>, ResNetError>] {
    let read = images.compactMap { try? $0.get() }
    let classes = model.network.classes
    guard let all = try? model.probabilities(read, views: views) else {
      var results: [Result<ArraySlice<Float>, ResNetError>] = []
      for image in images {
        switch image {
        case .failure(let error): results.append(.failure(error))
        case .success(let image):
          do throws(ResNetError) {
            results.append(.success(try model.probabilities([image], views: views)[...]))
          } catch {
            guard ![.badFormat, .inputOutput, .outOfMemory].contains(error.kind) else {
              throw error
            }
            results.append(.failure(error))
          }
        }
      }
      return results
    }
    var next = 0
    return images.map { image in
      image.map { _ in
        defer { next += classes }
        return all[next..<next + classes]
      }
    }
  }

  /// Warns if the first of the files are nothing like what the model was trained on.
  private func advise(on files: [String], _ model: Model) {
    var options = ImageFileDataset.Options()
    options.channels = model.network.inputChannels
    (options.crop, options.resize) = views.seen.size(for: model)
    options.damage = .skip
    let some = Array(files.prefix(4))
    // What is wrong with the options is said of the images.
    guard
      let data = try? ImageFileDataset(
        ImageFiles(paths: some, labels: some.map { _ in 0 }), options: options)
    else { return }
    warnOfPixels(of: data, model, self.model)
  }

  private func show(_ path: String, _ row: ArraySlice<Float>, of model: Model) {
    let probabilities = Array(row)
    let best = probabilities.indices.sorted {
      (probabilities[$1], $0) < (probabilities[$0], $1)
    }.prefix(top)
    func name(_ label: Int) -> String? {
      model.classNames.isEmpty ? nil : model.classNames[label]
    }
    if json {
      let classes = best.map { label in
        JSON.object([
          ("class", .number(label)), ("name", name(label).map { .string($0) } ?? .null),
          ("probability", .number(probabilities[label])),
        ])
      }
      print(JSON.object([("image", .string(path)), ("classes", .array(classes))]))
    } else {
      print(path)
      for label in best {
        let share = percent(Double(probabilities[label]))
        print(String(repeating: " ", count: max(0, 9 - share.count)) + share, terminator: "  ")
        print(name(label) ?? "class \(label)")
      }
    }
  }
}
