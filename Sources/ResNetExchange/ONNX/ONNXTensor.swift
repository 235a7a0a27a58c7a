import ResNet

/// A tensor of an ONNX file, whose values stay there, or in the file beside it that has them, until they are
/// read.
struct ONNXTensor {
  private(set) var name = ""
  private(set) var shape: [Int] = []
  /// Elements, as the shape says; that there are as many is found when they are read.
  private(set) var count = 1
  private var type = 0
  private var data = 0..<0
  private var isRaw = false
  /// Values that are in no place of the file as they are.
  private var values: [Int] = []
  /// The file that has the values, if it is not this one (external data), by where it lies from its folder.
  private var location: String?
  private let file: ProtobufFile
  /// Of the axes, pads and shapes of any node there are fewer.
  private static let mostIntegers = 1 << 10

  init(_ message: ProtobufReader) throws(ResNetError) {
    file = message.file
    try file.take(256)
    var message = message
    var isExternal = false
    var place: [String: String] = [:]
    while let field = try message.next() {
      switch field.number {
      case ONNX.Tensor.dims: try message.integers(field, to: &shape)
      case ONNX.Tensor.dataType: type = field.int
      case ONNX.Tensor.name: name = try message.text(field)
      // A half-precision number that is not raw is the integer of its bits.
      case ONNX.Tensor.int32Data, ONNX.Tensor.int64Data:
        try message.integers(field, to: &values)
      case ONNX.Tensor.floatData, ONNX.Tensor.doubleData, ONNX.Tensor.rawData:
        guard field.hasLength, data.isEmpty else {
          throw refusal("its values are in pieces, and are read only if they are in one")
        }
        data = field.content
        isRaw = true
      case ONNX.Tensor.externalData:
        let (key, value) = try message.message(field).pair()
        place[key] = value.text
      case ONNX.Tensor.dataLocation: isExternal = field.int != 0
      default: break
      }
    }
    for side in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: side)
      guard side >= 0, !overflow else { throw refusal("its shape \(shape.shown) cannot be") }
      count = product
    }
    if isExternal { try find(place) }
  }

  /// Finds the values in another file: `location`, `offset` and `length` of ONNX's external data.
  private mutating func find(_ place: [String: String]) throws(ResNetError) {
    guard let location = place["location"] else {
      throw refusal("its values are said to be in another file, which is not named")
    }
    guard data.isEmpty, values.isEmpty else {
      throw refusal("its values are said to be in another file, and are in this one as well")
    }
    // Of a type that is not read, which only matters if it is wanted.
    guard size > 0 else { return }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow else { throw refusal("its shape \(shape.shown) cannot be") }
    let offset = place["offset"].map { Int($0) } ?? 0
    let length = place["length"].map { Int($0) } ?? bytes
    let total: Int
    do throws(ResNetError) {
      total = try file.other(location).size
    } catch {
      throw ResNetError(
        error.kind,
        "tensor \"\(name.shown)\" cannot be read: its values are in the file \"\(location.shown)\"; "
          + error.message
      )
    }
    guard let offset, let length, offset >= 0, offset <= total, bytes <= total - offset,
      length == bytes
    else {
      throw refusal(
        "its values are said to be \((place["length"] ?? "\(bytes)").shown) bytes from "
          + "\((place["offset"] ?? "0").shown) on "
          + "of the file \"\(location.shown)\", which has \(total); of its shape \(shape.shown) they are \(bytes)"
      )
    }
    (self.location, data, isRaw) = (location, offset..<offset + bytes, true)
  }

  /// The file that has the values.
  private var source: FileSource {
    get throws(ResNetError) {
      guard let location else { return file.source }
      // It is as large as it was.
      return try file.other(location)
    }
  }

  /// Integers, as if of a tensor.
  init(_ values: [Int], in file: ProtobufFile, isScalar: Bool = false) {
    self.file = file
    self.values = values
    type = ONNX.DataType.int64
    count = values.count
    shape = isScalar ? [] : [count]
  }

  func refusal(_ reason: String) -> ResNetError {
    ResNetError(.badFormat, "tensor \"\(name.shown)\" cannot be read: \(reason)")
  }

  /// Bytes of a value; 0 for types that are not read.
  private var size: Int {
    switch type {
    case ONNX.DataType.float16, ONNX.DataType.bfloat16: 2
    case ONNX.DataType.float, ONNX.DataType.int32: 4
    case ONNX.DataType.double, ONNX.DataType.int64: 8
    default: 0
    }
  }

  /// Throws unless it has as many values as its shape says.
  private func checkCount() throws(ResNetError) {
    guard size > 0 else {
      throw refusal("its data type is \(type); float, float16, bfloat16 and double are read")
    }
    // Integers in place of these can only be the bits of half-precision numbers.
    guard isRaw || type != ONNX.DataType.float && type != ONNX.DataType.double || count == 0 else {
      throw refusal("it has no values")
    }
    guard isRaw ? data.count % size == 0 && data.count / size == count : values.count == count
    else {
      throw refusal("it has another number of values than its shape \(shape.shown) says")
    }
  }

  /// Its integers, of which there may be only a few, as of axes and pads.
  func integers() throws(ResNetError) -> [Int] {
    guard type == ONNX.DataType.int64 || type == ONNX.DataType.int32 else {
      throw refusal("its data type is \(type); integers were expected")
    }
    guard count <= Self.mostIntegers else {
      throw refusal("it has \(count) integers, expected \(Self.mostIntegers) at most")
    }
    try checkCount()
    guard isRaw else { return values }
    let bytes = try source.bytes(data.lowerBound, data.count)
    var integers: [Int] = []
    for index in 0..<count {
      integers.append(
        size == 4
          ? Int(bytes.integer(at: 4 * index, as: Int32.self))
          : Int(bytes.integer(at: 8 * index, as: Int64.self)))
    }
    return integers
  }

  /// Its floating-point numbers, in order.
  func floats() throws(ResNetError) -> [Float] {
    guard let floatType else { throw refusal("floating-point numbers were expected") }
    try checkCount()
    if isRaw { return try floatType.read(try source, data.lowerBound, count) }
    var floats: [Float] = []
    for value in values {
      let bits = UInt16(truncatingIfNeeded: value)
      floats.append(
        type == ONNX.DataType.float16
          ? Float(HDF5Numbers.half(bits)) : Float(bitPattern: UInt32(bits) << 16))
    }
    return floats
  }

  private var floatType: FloatType? {
    switch type {
    case ONNX.DataType.float: .float32
    case ONNX.DataType.float16: .float16
    case ONNX.DataType.bfloat16: .bfloat16
    case ONNX.DataType.double: .float64
    default: nil
    }
  }
}
