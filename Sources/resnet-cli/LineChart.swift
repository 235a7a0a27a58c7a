import Glibc

/// A chart of lines, drawn as an SVG image: no more than that needs, so that it can be made without other
/// programs.
struct LineChart {
  struct Line {
    var name: String
    var points: [(x: Double, y: Double)]
    /// Its place in `LineChart.palette`.
    var color: Int
    /// Thin and dashed, as the paper's figures draw training error; else bold.
    var isDashed = false
  }

  var title: String
  var xLabel: String
  var yLabel: String
  var lines: [Line]
  /// Where the axes begin and end; the lines' own ends if nil. What is outside is not drawn.
  var xRange: ClosedRange<Double>?
  var yRange: ClosedRange<Double>?

  /// Colours that people with other vision tell apart (Okabe and Ito, 2008, and two more).
  private static let palette = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999",
    "#882255",
  ]

  private static let width = 640.0
  private static let height = 400.0
  private static let left = 64.0
  private static let right = 16.0
  private static let top = 34.0
  private static let bottom = 48.0

  /// The text of the image.
  func svg() -> String {
    let x = axis(xRange, of: lines.flatMap { $0.points.map(\.x) })
    let y = axis(yRange, of: lines.flatMap { $0.points.map(\.y) })
    func across(_ value: Double) -> Double {
      Self.left + (value - x.least) / (x.most - x.least) * (Self.width - Self.left - Self.right)
    }
    func down(_ value: Double) -> Double {
      Self.height - Self.bottom
        - (value - y.least) / (y.most - y.least) * (Self.height - Self.top - Self.bottom)
    }
    let frame = (
      x: Self.left, y: Self.top, width: Self.width - Self.left - Self.right,
      height: Self.height - Self.top - Self.bottom
    )
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(Self.width)) \(number(Self.height))" \
      font-family="sans-serif" font-size="12" fill="#222">
      <title>\(escaped(title))</title>
      <rect width="100%" height="100%" fill="#fff"/>
      <clipPath id="frame"><rect x="\(number(frame.x))" y="\(number(frame.y))" \
      width="\(number(frame.width))" height="\(number(frame.height))"/></clipPath>
      <text x="\(number(Self.width / 2))" y="20" text-anchor="middle" font-size="14">\(escaped(title))</text>

      """
    for tick in x.ticks {
      text += """
        <path d="M\(number(across(tick))) \(number(Self.top))V\(number(down(y.least)))" stroke="#e4e4e4"/>
        <text x="\(number(across(tick)))" y="\(number(down(y.least) + 16))" text-anchor="middle">\
        \(x.label(tick))</text>

        """
    }
    for tick in y.ticks {
      text += """
        <path d="M\(number(Self.left)) \(number(down(tick)))H\(number(Self.width - Self.right))" \
        stroke="#e4e4e4"/>
        <text x="\(number(Self.left - 6))" y="\(number(down(tick) + 4))" text-anchor="end">\
        \(y.label(tick))</text>

        """
    }
    text += """
      <rect x="\(number(frame.x))" y="\(number(frame.y))" width="\(number(frame.width))" \
      height="\(number(frame.height))" fill="none" stroke="#888"/>
      <text x="\(number(frame.x + frame.width / 2))" y="\(number(Self.height - 10))" \
      text-anchor="middle">\(escaped(xLabel))</text>
      <text transform="translate(16 \(number(frame.y + frame.height / 2))) rotate(-90)" \
      text-anchor="middle">\(escaped(yLabel))</text>
      <g clip-path="url(#frame)" fill="none" stroke-linejoin="round">

      """
    for line in lines {
      let points = line.points.filter { $0.x.isFinite && $0.y.isFinite }
        .map { "\(number(across($0.x))),\(number(down($0.y)))" }.joined(separator: " ")
      text += "<polyline points=\"\(points)\" \(stroke(line))/>\n"
    }
    text += "</g>\n"
    // Names stay legible where lines go behind them; a character takes about 7 pixels.
    let width = 50 + 7 * Double(lines.map(\.name.count).max() ?? 0)
    text += """
      <rect x="\(number(Self.width - Self.right - width))" y="\(number(Self.top + 4))" \
      width="\(number(width - 4))" height="\(16 * lines.count + 4)" fill="#fff" fill-opacity="0.8"/>

      """
    for (place, line) in lines.enumerated() {
      let middle = Self.top + 14 + 16 * Double(place)
      let end = Self.width - Self.right - 8
      text += """
        <path d="M\(number(end - 28)) \(number(middle))H\(number(end))" fill="none" \(stroke(line))/>
        <text x="\(number(end - 34))" y="\(number(middle + 4))" text-anchor="end">\(escaped(line.name))</text>

        """
    }
    return text + "</svg>\n"
  }

  private func stroke(_ line: Line) -> String {
    let color = Self.palette[line.color % Self.palette.count]
    return line.isDashed
      ? "stroke=\"\(color)\" stroke-width=\"1.2\" stroke-dasharray=\"5 3\""
      : "stroke=\"\(color)\" stroke-width=\"2\""
  }

  private struct Axis {
    let least: Double
    let most: Double
    let step: Double

    /// Multiples of the step that the axis has.
    var ticks: [Double] {
      let first = (least / step - 1e-6).rounded(.up)
      let last = (most / step + 1e-6).rounded(.down)
      return last < first ? [] : (0...Int(last - first)).map { (first + Double($0)) * step }
    }

    func label(_ value: Double) -> String {
      let decimals = max(0, -Int((log10(step) + 1e-9).rounded(.down)))
      return fixed(value == 0 ? 0 : value, decimals: decimals)
    }
  }

  /// An axis with four to ten steps of 1, 2 or 5 times a power of ten.
  private func axis(_ given: ClosedRange<Double>?, of values: [Double]) -> Axis {
    let values = values.filter(\.isFinite)
    var least = given?.lowerBound ?? values.min() ?? 0
    var most = given?.upperBound ?? values.max() ?? 1
    if most <= least {
      least -= 0.5
      most += 0.5
    }
    let rough = (most - least) / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = power * ([1, 2, 5].first { $0 * power >= rough * 0.8 } ?? 10)
    return Axis(least: least, most: most, step: step)
  }

  /// With a decimal: a tenth of a pixel is seen by nobody.
  private func number(_ value: Double) -> String {
    let text = fixed(value, decimals: 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "&": escaped += "&amp;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
