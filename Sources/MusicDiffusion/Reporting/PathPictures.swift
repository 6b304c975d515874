package import Foundation
package import Spectro

/// Pictures of a ``DenoisingPath`` that say by themselves what they show.
extension DenoisingPath {
  private static let paper = Color(red: 255, green: 255, blue: 255)
  private static let ink = Color(red: 40, green: 40, blue: 48)
  private static let faint = Color(red: 110, green: 110, blue: 120)
  private var title: String {
    "From noise to music in \(steps.count) steps, seed \(seed)" + (label.map { ", \($0)" } ?? "")
  }

  private func name(ofStep number: Int) -> String {
    "\(number + 1)/\(steps.count) · noise \(Self.sigma(steps[number].sigma))"
  }

  /// The first, the last, and between them those that divide what the estimate changes on the way into
  /// equal parts: where little happens, little is shown.
  private func shownSteps(_ count: Int) -> [Int] {
    guard steps.count > count else { return Array(steps.indices) }
    let changes = steps.dropFirst().map(\.meanChange)
    let total = changes.reduce(0, +)
    var shown = [0]
    var sum = 0.0
    for (number, change) in changes.enumerated() {
      sum += change
      let isLast = number == changes.count - 1
      if isLast || sum >= total * Double(shown.count) / Double(count - 1), shown.count < count {
        shown.append(number + 1)
      }
    }
    return shown
  }

  /// Decibels of change that have the brightest colour: all but a hundredth of the changes after the
  /// first step, whose is from the mean of all music, lie below.
  private var mostChange: Float {
    let changes = steps.dropFirst().flatMap { step in
      stride(from: 0, to: step.change.values.count, by: 17).map { step.change.values[$0] }
    }.sorted()
    return max(3, changes.isEmpty ? 0 : changes[changes.count * 99 / 100]).rounded(.up)
  }

  private static func sigma(_ value: Double) -> String {
    value >= 9.95 ? String(format: "%.0f", value) : String(format: "%.2g", value)
  }

  /// Pixels of a cell, so that a plot is about as high and wide as asked for.
  private func cell(width: Int, height: Int) -> (width: Int, height: Int) {
    (
      max(1, (width + result.frames / 2) / result.frames),
      max(1, (height + result.bins / 2) / result.bins)
    )
  }

  // MARK: - The strip

  /// At most eight steps side by side: what the model sees, what it expects, what it changed its mind
  /// about.
  package func strip() -> Canvas {
    let shown = shownSteps(8)
    let mostChange = mostChange
    let cell = cell(width: 190, height: 240)
    let plot = (width: result.frames * cell.width, height: result.bins * cell.height)
    let (left, top, gap, lane) = (76, 84, 12, 34)
    let right = 100
    var canvas = Canvas(
      width: left + shown.count * (plot.width + gap) + right,
      height: top + 3 * (plot.height + lane) + 30, background: Self.paper)
    canvas.draw(title, x: left, y: 20, anchor: .left, color: Self.ink)
    let lanes:
      [(name: String, range: ClosedRange<Float>, map: ColorMap, value: (Step) -> Spectrogram)] = [
        ("What the model sees: the music so far, with noise", range, .magma, { $0.noisy }),
        ("What it expects behind the noise", range, .magma, { $0.estimate }),
        (
          "What this step changed of it", 0...mostChange, .viridis, { $0.change }
        ),
      ]
    let names = shown.map(name(ofStep:))
    let fits = names.allSatisfy { Canvas.width(of: $0) < plot.width + gap }
    for (column, number) in shown.enumerated() {
      canvas.draw(
        fits ? names[column] : "\(number + 1)/\(steps.count)",
        x: left + column * (plot.width + gap), y: 46, anchor: .left,
        color: Self.faint)
    }
    for (row, lane_) in lanes.enumerated() {
      let y = top + row * (plot.height + lane)
      canvas.draw(lane_.name, x: left, y: y - 14, anchor: .left, color: Self.ink)
      for (column, number) in shown.enumerated() {
        canvas.draw(
          lane_.value(steps[number]), x: left + column * (plot.width + gap), y: y, cell: cell,
          range: lane_.range, colorMap: lane_.map)
      }
      drawFrequencies(on: &canvas, x: left, y: y, cell: cell)
      let scale = row < 2 ? ["0 dB", "−80"] : [String(format: "%.0f dB", mostChange), "0"]
      drawColors(
        lane_.map, names: scale, on: &canvas, x: canvas.width - right + 4, y: y,
        height: plot.height)
    }
    let seconds = Double(result.frames) / settings.frameRate
    canvas.draw(
      String(
        format:
          "Each plot: %.1f s to the right. Noise as its standard deviation; the music's own is %g.",
        seconds, sigmaData), x: left, y: canvas.height - 22, anchor: .left, color: Self.faint)
    return canvas
  }

  // MARK: - The animation

  /// All steps in turn, beside each other what the model sees and what it expects.
  ///
  /// - Returns: a PNG file.
  package func animation() throws -> Data {
    let cell = cell(width: 384, height: 384)
    let plot = (width: result.frames * cell.width, height: result.bins * cell.height)
    let (left, top, gap) = (76, 84, 20)
    let frames = steps.enumerated().map { number, step in
      var canvas = Canvas(
        width: left + 2 * plot.width + gap + 16, height: top + plot.height + 34,
        background: Self.paper)
      canvas.draw(title, x: left, y: 20, anchor: .left, color: Self.ink)
      canvas.draw("step " + name(ofStep: number), x: left, y: 44, anchor: .left, color: Self.faint)
      canvas.draw("What the model sees", x: left, y: 70, anchor: .left, color: Self.ink)
      canvas.draw(
        "What it expects", x: left + plot.width + gap, y: 70, anchor: .left, color: Self.ink)
      canvas.draw(step.noisy, x: left, y: top, cell: cell, range: range)
      canvas.draw(step.estimate, x: left + plot.width + gap, y: top, cell: cell, range: range)
      drawFrequencies(on: &canvas, x: left, y: top, cell: cell)
      // How far the way is.
      let bar = (2 * plot.width + gap) * (number + 1) / steps.count
      canvas.fill(
        x: left, y: top + plot.height + 14, width: bar, height: 6,
        Color(red: 106, green: 44, blue: 145))
      return AnimatedPNG.Frame(canvas, seconds: number == steps.count - 1 ? 2.5 : 0.35)
    }
    return try AnimatedPNG.encode(frames)
  }

  // MARK: - Which level decides what

  /// The result; beside it, for each place, the step that decided it; and how much each step changed
  /// in each mel band.
  package func decisions() -> Canvas {
    let cell = cell(width: 384, height: 512)
    let plot = (width: result.frames * cell.width, height: result.bins * cell.height)
    let stepWidth = max(6, 400 / steps.count)
    let (left, top, gap) = (76, 70, 110)
    let second = left + plot.width + 30
    let third = second + plot.width + gap + 50
    let width = third + stepWidth * steps.count + 100
    var canvas = Canvas(width: width, height: top + plot.height + 90, background: Self.paper)
    canvas.draw(title, x: left, y: 20, anchor: .left, color: Self.ink)
    canvas.draw("The result", x: left, y: 52, anchor: .left, color: Self.ink)
    canvas.draw(result, x: left, y: top, cell: cell, range: range)
    drawFrequencies(on: &canvas, x: left, y: top, cell: cell)

    canvas.draw("Decided at noise", x: second, y: 52, anchor: .left, color: Self.ink)
    // Early decisions are bright.
    let decided = decidedAt
    var early = decided
    for index in early.values.indices { early.values[index] = -early.values[index] }
    canvas.draw(
      early, x: second, y: top, cell: cell, range: Float(-steps.count)...0, colorMap: .viridis)
    let marks = (0..<5).map { (steps.count - 1) * $0 / 4 }
    drawColors(
      .viridis, names: marks.map { Self.sigma(steps[$0].sigma) }, on: &canvas,
      x: second + plot.width + 12, y: top, height: plot.height)

    canvas.draw(
      "Change of each band at each step", x: third, y: 52, anchor: .left, color: Self.ink)
    let change = changeByBand
    // The first step's is from the mean of all music, and would leave the others dark.
    let most = max(1, change.values.dropFirst(result.bins).max() ?? 1)
    canvas.draw(
      change, x: third, y: top, cell: (stepWidth, cell.height), range: 0...most,
      colorMap: .viridis)
    drawFrequencies(on: &canvas, x: third, y: top, cell: cell)
    for mark in marks {
      canvas.draw(
        Self.sigma(steps[mark].sigma), x: third + mark * stepWidth + stepWidth / 2,
        y: top + plot.height + 16, anchor: .middle, color: Self.ink)
    }
    canvas.draw(
      "noise, from the first step to the last", x: third, y: top + plot.height + 40,
      anchor: .left, color: Self.faint)
    drawColors(
      .viridis, names: [String(format: "%.1f dB", most), "0"], on: &canvas,
      x: third + stepWidth * steps.count + 10, y: top,
      height: plot.height)
    canvas.draw(
      "A place is decided at the step from which on the estimate stays within "
        + "\(Int(Self.tolerance)) dB of the result: bright early, at much noise; dark late.",
      x: left, y: top + plot.height + 66, anchor: .left, color: Self.faint)
    return canvas
  }

  // MARK: - Parts

  /// Octaves of 1 kHz to the left of a plot.
  private func drawFrequencies(
    on canvas: inout Canvas, x: Int, y: Int, cell: (width: Int, height: Int)
  ) {
    var above = Int.max
    for octave in -3...4 {
      let hertz = 1000 * pow(2, Double(octave))
      let bin = settings.bin(ofHertz: hertz)
      guard bin >= 0, bin <= Double(settings.melBins) else { continue }
      let line = y + Int((Double(settings.melBins) - bin) * Double(cell.height))
      guard above - line >= 18 else { continue }
      above = line
      canvas.fill(x: x - 6, y: line, width: 5, height: 1, Self.ink)
      canvas.draw(
        hertz < 1000 ? String(format: "%.0f Hz", hertz) : String(format: "%g kHz", hertz / 1000),
        x: x - 10, y: line, anchor: .right, color: Self.ink)
    }
  }

  /// A scale of colours, the brightest at the top, with names from top to bottom.
  private func drawColors(
    _ map: ColorMap, names: [String], on canvas: inout Canvas, x: Int, y: Int, height: Int
  ) {
    for line in 0..<height {
      let color = map.color(1 - Double(line) / Double(max(1, height - 1)))
      canvas.fill(x: x, y: y + line, width: 12, height: 1, color)
    }
    for (number, name) in names.enumerated() {
      let line = y + number * (height - 1) / max(1, names.count - 1)
      canvas.draw(
        name, x: x + 18, y: min(max(line, y + 7), y + height - 7), anchor: .left, color: Self.ink)
    }
  }
}
