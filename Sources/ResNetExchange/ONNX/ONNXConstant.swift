import ResNet

/// A constant of a graph: a tensor, perhaps in another shape or with its axes in another order.
struct ONNXConstant {
  let tensor: ONNXTensor
  private(set) var shape: [Int]
  /// The axis of `source` that each axis is.
  private var order: [Int] = []
  private var source: [Int] = []

  init(_ tensor: ONNXTensor) {
    self.tensor = tensor
    shape = tensor.shape
  }

  /// The same with axis i being axis `order[i]` of this.
  func transposed(_ order: [Int]) throws(ResNetError) -> ONNXConstant {
    guard order.sorted() == Array(shape.indices) else {
      throw tensor.refusal("its axes \(shape.shown) cannot be put in the order \(order.shown)")
    }
    var result = self
    if self.order.isEmpty { result.source = shape }
    result.order = self.order.isEmpty ? order : order.map { self.order[$0] }
    result.shape = order.map { shape[$0] }
    return result
  }

  /// The same values in the same order; one side may be -1, for what is left.
  func reshaped(_ shape: [Int]) throws(ResNetError) -> ONNXConstant {
    var shape = shape
    var known = 1
    for side in shape where side != -1 {
      let (product, overflow) = known.multipliedReportingOverflow(by: side)
      known = overflow ? 0 : product
    }
    if let rest = shape.firstIndex(of: -1), known > 0 { shape[rest] = tensor.count / known }
    guard shape.allSatisfy({ $0 > 0 }), shape.count <= 8, order.isEmpty,
      shape.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) == tensor.count
    else {
      throw tensor.refusal("it cannot be given the shape \(shape.shown)")
    }
    var result = self
    result.shape = shape
    return result
  }

  /// Without the sides of 1.
  var longSides: [Int] { shape.filter { $0 != 1 } }

  /// The number that it is, if it is one.
  func number() throws(ResNetError) -> Float? {
    tensor.count == 1 ? try tensor.floats().first : nil
  }

  func floats() throws(ResNetError) -> [Float] {
    let values = try tensor.floats()
    // Of none the sides may be any, and their products no numbers.
    guard !order.isEmpty, !values.isEmpty else { return values }
    try expectMemory(values.count, of: MemoryLayout<Float>.stride, for: "tensor \(tensor.name)")
    var strides = [Int](repeating: 1, count: source.count)
    for axis in source.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * source[axis + 1]
    }
    var result: [Float] = []
    result.reserveCapacity(values.count)
    var place = [Int](repeating: 0, count: shape.count)
    var offset = 0
    for _ in values.indices {
      result.append(values[offset])
      // The next place, the last axis first.
      for axis in shape.indices.reversed() {
        place[axis] += 1
        offset += strides[order[axis]]
        if place[axis] < shape[axis] { break }
        offset -= place[axis] * strides[order[axis]]
        place[axis] = 0
      }
    }
    return result
  }
}
