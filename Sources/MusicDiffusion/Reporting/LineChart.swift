import Foundation
import Pages

/// Lines over steps or noise levels as SVG, to stand within a page of ``HTMLPage``, whose style gives
/// them their colours in light and dark.
struct LineChart {
  struct Series {
    /// Empty for a line without one.
    var name: String
    var points: [(x: Double, y: Double)]
    /// `s1` to `s5` from little noise to much, or `main` and `other`; with ` faint` in the background.
    var style: String
  }

  enum Axis { case linear, logarithmic }

  /// What a screen reader says.
  var title: String
  var series: [Series]
  var xName = "steps"
  var xAxis = Axis.linear
  var yAxis = Axis.linear
  var size = (width: 760.0, height: 300.0)
  /// Pixels kept to the right of the lines for their names; 0 leaves the names out.
  var nameWidth = 150.0

  private static let margin = (left: 52.0, top: 12.0, bottom: 34.0)

  func svg() -> String {
    let points = series.flatMap(\.points)
    guard let first = points.first else {
      return "<p class=\"none\">Nothing measured yet.</p>"
    }
    let x = points.reduce(into: (low: first.x, high: first.x)) {
      $0 = (min($0.low, $1.x), max($0.high, $1.x))
    }
    let y = points.reduce(into: (low: first.y, high: first.y)) {
      $0 = (min($0.low, $1.y), max($0.high, $1.y))
    }
    let right = size.width - max(nameWidth, 14)
    let bottom = size.height - Self.margin.bottom
    let across = Scale(xAxis, x.low, x.high, from: Self.margin.left, to: right, isPadded: false)
    let up = Scale(yAxis, y.low, y.high, from: bottom, to: Self.margin.top, isPadded: true)
    var parts: [String] = []
    for tick in up.ticks {
      let y = text(up.position(tick))
      parts.append(
        "<path class=\"grid\" d=\"M\(text(Self.margin.left)) \(y)H\(text(right))\"/>"
          + "<text class=\"tick\" x=\"\(text(Self.margin.left - 8))\" y=\"\(y)\" dy=\"4\" "
          + "text-anchor=\"end\">\(Self.number(tick))</text>")
    }
    for tick in across.ticks {
      parts.append(
        "<text class=\"tick\" x=\"\(text(across.position(tick)))\" y=\"\(text(bottom + 18))\" "
          + "text-anchor=\"middle\">\(Self.number(tick))</text>")
    }
    parts.append(
      "<text class=\"tick\" x=\"\(text(right))\" y=\"\(text(bottom + 32))\" text-anchor=\"end\">"
        + "\(escaped(xName))</text>")
    for line in series where !line.points.isEmpty {
      let places = line.points.map {
        "\(text(across.position($0.x))) \(text(up.position($0.y)))"
      }
      parts.append("<path class=\"line \(line.style)\" d=\"M\(places.joined(separator: "L"))\"/>")
      if places.count == 1 {
        let place = (across.position(line.points[0].x), up.position(line.points[0].y))
        parts.append(
          "<circle class=\"dot \(line.style)\" cx=\"\(text(place.0))\" cy=\"\(text(place.1))\" r=\"3\"/>"
        )
      }
    }
    if nameWidth > 0 { parts += names(up, x: right + 10, bottom: bottom) }
    return """
      <svg viewBox="0 0 \(text(size.width)) \(text(size.height))" role="img" \
      aria-label="\(escaped(title))">\(parts.joined())</svg>
      """
  }

  /// Beside the lines' ends, as near as the names leave each other room.
  private func names(_ up: Scale, x: Double, bottom: Double) -> [String] {
    let lines = series.filter { !$0.points.isEmpty && !$0.name.isEmpty }
      .map { (line: $0, y: up.position($0.points.last!.y)) }
      .sorted { $0.y < $1.y }
    let gap = 17.0
    var places: [Double] = []
    for (_, y) in lines { places.append(max(y, (places.last ?? -gap) + gap)) }
    // Those that were pushed beyond the bottom push back.
    var limit = bottom + 6
    for index in places.indices.reversed() {
      places[index] = min(places[index], limit)
      limit = places[index] - gap
    }
    return zip(lines, places).map { line, y in
      "<text class=\"name \(line.line.style)\" x=\"\(text(x))\" y=\"\(text(y))\" dy=\"4\">"
        + "\(escaped(line.line.name)) <tspan class=\"value\">\(Self.number(line.line.points.last!.y))"
        + "</tspan></text>"
    }
  }

  private func text(_ value: Double) -> String { String(format: "%.1f", value) }

  /// 0.0006 → "0.0006"; 12000 → "12k".
  static func number(_ value: Double) -> String {
    let size = abs(value)
    if size >= 1e6 { return String(format: "%.3gM", value / 1e6) }
    if size >= 1e4 { return String(format: "%.4gk", value / 1e3) }
    return size > 0 && size < 1e-3
      ? String(format: "%.1e", value).replacing("e-0", with: "e-") : String(format: "%.3g", value)
  }
}

/// From values to pixels.
private struct Scale {
  let ticks: [Double]
  private let axis: LineChart.Axis
  private let low, high, from, to: Double

  init(
    _ axis: LineChart.Axis, _ low: Double, _ high: Double, from: Double, to: Double, isPadded: Bool
  ) {
    self.axis = axis
    (self.from, self.to) = (from, to)
    if axis == .logarithmic, low > 0 {
      let padding = isPadded ? max(pow(high / low, 0.04), 1.02) : 1
      (self.low, self.high) = (low / padding, max(high * padding, low * 1.0001))
      ticks = Self.logarithmicTicks(self.low, self.high)
    } else {
      let padding = isPadded ? max((high - low) * 0.06, abs(high) * 1e-3, 1e-9) : 0
      (self.low, self.high) = (low - padding, max(high + padding, low + 1e-9))
      ticks = Self.linearTicks(self.low, self.high)
    }
  }

  func position(_ value: Double) -> Double {
    let part =
      axis == .logarithmic && low > 0
      ? log(value / low) / log(high / low) : (value - low) / (high - low)
    return from + part * (to - from)
  }

  /// Round numbers, about five.
  private static func linearTicks(_ low: Double, _ high: Double) -> [Double] {
    let rough = (high - low) / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = ([1, 2, 2.5, 5, 10].first { $0 * power >= rough } ?? 10) * power
    let first = (low / step).rounded(.up)
    return (0..<12).map { (first + Double($0)) * step }.filter { $0 <= high }
  }

  /// 1, 2 and 5 of each power of ten, or only the powers where there are many.
  private static func logarithmicTicks(_ low: Double, _ high: Double) -> [Double] {
    let powers = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
    let steps: [Double] = powers.count > 4 ? [1] : [1, 2, 5]
    let ticks = powers.flatMap { power in steps.map { $0 * pow(10, Double(power)) } }
      .filter { low <= $0 && $0 <= high }
    return ticks.count >= 2 ? ticks : linearTicks(low, high)
  }
}
