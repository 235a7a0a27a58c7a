import ResNet

/// Writes a state dict as `torch.save` does, for `torch.load(weights_only=True)`: a zip archive of a
/// pickle and of the storages, each at a multiple of 64 bytes.
struct TorchArchive {
  private static let alignment = 64
  private static let folder = "archive/"

  private var directory: [UInt8] = []
  private var entries: UInt16 = 0
  private var end = 0

  static func write(_ model: Model, to path: String) throws(ResNetError) {
    let tensors = model.layout.tensors
    let bytes = tensors.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride + 512 }
    guard bytes < Int(UInt32.max), tensors.count < Int(UInt16.max) - 3 else {
      throw ResNetError(
        .invalidArgument,
        "the model takes \(bytes) bytes, and such an archive holds 4 GB; write safetensors instead")
    }
    let parameters = try model.parameters
    let pickle = pickle(of: tensors)
    try AtomicFile.write(to: path) { append throws(ResNetError) in
      var archive = TorchArchive()
      try archive.add("data.pkl", pickle, append)
      try archive.add("byteorder", Array("little".utf8), append)
      for (index, tensor) in tensors.enumerated() {
        try archive.add("data/\(index)", UnsafeRawBufferPointer(parameters[tensor]), append)
      }
      try archive.add("version", Array("3\n".utf8), append)
      try archive.finish(append)
    }
  }

  private mutating func add(_ name: String, _ bytes: [UInt8], _ append: AtomicFile.Append)
    throws(ResNetError)
  {
    let outcome = bytes.withUnsafeBytes { buffer in
      Result { () throws(ResNetError) in try add(name, buffer, append) }
    }
    try outcome.get()
  }

  private mutating func add(
    _ name: String, _ bytes: UnsafeRawBufferPointer, _ append: AtomicFile.Append
  ) throws(ResNetError) {
    let name = Array((Self.folder + name).utf8)
    var checksum = CRC32()
    checksum.add(bytes)
    // What both headers say: version, flags (UTF-8), method, time and date (1980-01-01), sizes, lengths.
    var common: [UInt8] = []
    for value: UInt16 in [20, 1 << 11, 0, 0, 33] { common.append(little: value) }
    common.append(little: checksum.value)
    common.append(little: UInt32(bytes.count))
    common.append(little: UInt32(bytes.count))
    common.append(little: UInt16(name.count))

    let unpadded = end + 30 + name.count + 4
    let padding = -unpadded & (Self.alignment - 1)
    var header: [UInt8] = [0x50, 0x4B, 3, 4]
    header += common
    header.append(little: UInt16(4 + padding))
    header += name
    header += [0x46, 0x42]
    header.append(little: UInt16(padding))
    header += [UInt8](repeating: 0x5A, count: padding)

    directory += [0x50, 0x4B, 1, 2, 20, 0]
    directory += common
    directory += [UInt8](repeating: 0, count: 12)
    directory.append(little: UInt32(end))
    directory += name
    entries += 1

    try Self.append(header, append)
    try append(bytes)
    end += header.count + bytes.count
  }

  private func finish(_ append: AtomicFile.Append) throws(ResNetError) {
    var last = directory
    last += [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
    last.append(little: entries)
    last.append(little: entries)
    last.append(little: UInt32(directory.count))
    last.append(little: UInt32(end))
    last += [0, 0]
    try Self.append(last, append)
  }

  private static func append(_ bytes: [UInt8], _ append: AtomicFile.Append) throws(ResNetError) {
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(ResNetError) in try append(buffer) }
    }.get()
  }

  /// An OrderedDict of tensors, each with a storage of its own.
  private static func pickle(of tensors: [ParameterLayout.Tensor]) -> [UInt8] {
    var bytes: [UInt8] = [0x80, 2]
    func name(_ name: String) { bytes += Array("c\(name)\n".utf8) }
    func text(_ text: String) {
      bytes.append(UInt8(ascii: "X"))
      bytes.append(little: UInt32(text.utf8.count))
      bytes += Array(text.utf8)
    }
    func numbers(_ numbers: [Int]) {
      bytes.append(UInt8(ascii: "("))
      for number in numbers {
        bytes.append(UInt8(ascii: "J"))
        bytes.append(little: Int32(number))
      }
      bytes.append(UInt8(ascii: "t"))
    }
    func dictionary() {
      name("collections\nOrderedDict")
      bytes += Array(")R".utf8)
    }
    dictionary()
    bytes.append(UInt8(ascii: "("))
    for (index, tensor) in tensors.enumerated() {
      var strides: [Int] = []
      var step = 1
      for side in tensor.shape.reversed() {
        strides.insert(step, at: 0)
        step *= side
      }
      text(tensor.name)
      name("torch._utils\n_rebuild_tensor_v2")
      bytes += Array("((".utf8)
      text("storage")
      name("torch\nFloatStorage")
      text("\(index)")
      text("cpu")
      bytes.append(UInt8(ascii: "J"))
      bytes.append(little: Int32(tensor.count))
      bytes += Array("tQK\0".utf8)
      numbers(tensor.shape)
      numbers(strides)
      bytes.append(0x89)
      dictionary()
      bytes += Array("tR".utf8)
    }
    return bytes + Array("u.".utf8)
  }
}
