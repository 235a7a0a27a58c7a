@testable import ResNet

/// What only the networks have that the paper compares with.
extension ReferenceNetwork {
  func added(_ bias: [Double], to maps: Maps, _ channels: Int) -> Maps {
    let pixels = maps.extent.height * maps.extent.width
    return Maps(
      extent: maps.extent,
      values: maps.values.enumerated().map { $1 + bias[$0 / pixels % channels] })
  }

  func maxout(_ input: Maps, _ count: Int, _ outputs: Int, _ pieces: Int) -> Maps {
    let pixels = input.extent.height * input.extent.width
    var values: [Double] = []
    for image in 0..<count {
      for output in 0..<outputs {
        for pixel in 0..<pixels {
          let candidates = (0..<pieces).map { piece in
            input.values[((image * pieces + piece) * outputs + output) * pixels + pixel]
          }
          values.append(candidates.max() ?? .nan)
        }
      }
    }
    return Maps(extent: input.extent, values: values)
  }

  /// Channels of the result are (channel, row, column) of a window.
  func flatten(_ input: Maps, _ count: Int, _ channels: Int, _ window: Int) -> Maps {
    let (height, width) = (input.extent.height, input.extent.width)
    let extent = Extent(
      height: height > window ? height - window + 1 : 1,
      width: width > window ? width - window + 1 : 1)
    /// The pixels of a side under a cell of the window, which PyTorch's adaptive average pooling
    /// stretches a short side to.
    func pixels(_ side: Int, _ position: Int, _ cell: Int) -> [Int] {
      if side >= window { return [position + cell] }
      return (0..<side).filter { pixel in
        pixel * window < (cell + 1) * side && (pixel + 1) * window > cell * side
      }
    }
    var values: [Double] = []
    for image in 0..<count {
      for feature in 0..<channels * window * window {
        let map = image * channels + feature / (window * window)
        let (row, column) = (feature / window % window, feature % window)
        for top in 0..<extent.height {
          for left in 0..<extent.width {
            let rows = pixels(height, top, row)
            let columns = pixels(width, left, column)
            let sum = rows.reduce(0.0) { sum, y in
              sum + columns.reduce(0.0) { $0 + input.values[(map * height + y) * width + $1] }
            }
            values.append(sum / Double(rows.count * columns.count))
          }
        }
      }
    }
    return Maps(extent: extent, values: values)
  }
}
