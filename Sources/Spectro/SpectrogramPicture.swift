import Foundation

/// The layout of a spectrogram's picture: where the plot, the axes and the scale of colours go.
struct SpectrogramPicture {
  let description: PictureDescription
  let width: Int
  let height: Int
  private let axes: Bool

  /// Room around a plot with axes, pixels.
  private enum Margin {
    static let left = 76
    static let right = 112
    static let top = 20
    static let bottom = 44
  }

  /// Decibels from the loudest value to the darkest colour.
  private static let range = 80.0

  init(_ spectrogram: Spectrogram, settings: SpectrogramSettings, style: PictureStyle) {
    let (frames, bins) = (spectrogram.frames, spectrogram.bins)
    var (low, high) = spectrogram.values.reduce(into: (Float.infinity, -Float.infinity)) {
      ($0.0, $0.1) = (min($0.0, $1), max($0.1, $1))
    }
    // Values that cannot be drawn must not decide what is drawn.
    if !(low.isFinite && high.isFinite) { (low, high) = (Float(log(settings.floor)), 0) }
    if low >= high { low = high - 1 }
    var description = PictureDescription(
      settings: settings, frames: frames, bins: bins, low: low, high: high, colorMap: nil,
      left: 0, top: 0, frameWidth: 1, binHeight: 1)
    switch style {
    case .data:
      axes = false
    case .picture(let colorMap, let axes):
      self.axes = axes
      description.colorMap = colorMap
      description.low = high - Float(Self.range / settings.decibelsPerNeper)
      // About 900 by 512 pixels for a short clip; a long one is as wide as it has frames.
      description.frameWidth = min(max(900 / frames, 1), 16)
      description.binHeight = max(512 / bins, 2)
      if axes { (description.left, description.top) = (Margin.left, Margin.top) }
    }
    self.description = description
    width = frames * description.frameWidth + (axes ? Margin.left + Margin.right : 0)
    height = bins * description.binHeight + (axes ? Margin.top + Margin.bottom : 0)
  }

  func pixels(of spectrogram: Spectrogram) -> PNGFile.Pixels {
    let (low, high) = (description.low, description.high)
    /// From 0 to 1; not a number is drawn as silence.
    func level(_ value: Float) -> Float {
      let level = (value - low) / (high - low)
      return level > 0 ? min(level, 1) : 0
    }
    guard let colorMap = description.colorMap else {
      var levels = [UInt16](repeating: 0, count: width * height)
      for bin in 0..<height {
        for frame in 0..<width {
          let value = spectrogram[frame, height - 1 - bin]
          levels[bin * width + frame] = UInt16((level(value) * 65535).rounded())
        }
      }
      return .grey(levels)
    }

    let colors = colorMap.colors
    let background = axes ? Self.paper : colors[0]
    var canvas = Canvas(width: width, height: height, background: background)
    for frame in 0..<spectrogram.frames {
      for bin in 0..<spectrogram.bins {
        let shade = Int((level(spectrogram[frame, bin]) * Float(colors.count - 1)).rounded())
        canvas.fill(
          x: description.left + frame * description.frameWidth,
          y: description.top + (spectrogram.bins - 1 - bin) * description.binHeight,
          width: description.frameWidth, height: description.binHeight, colors[shade])
      }
    }
    if axes {
      drawFrequencies(on: &canvas)
      drawSeconds(on: &canvas)
      drawDecibels(on: &canvas, colors)
    }
    return .color(canvas.pixels)
  }

  private static let paper = Color(red: 16, green: 16, blue: 20)
  private static let ink = Color(red: 200, green: 200, blue: 208)

  private var plotWidth: Int { description.frames * description.frameWidth }
  private var plotHeight: Int { description.bins * description.binHeight }
  private var bottom: Int { description.top + plotHeight }
  private var right: Int { description.left + plotWidth }

  /// Ticks at round frequencies, as many as leave each other room.
  private func drawFrequencies(on canvas: inout Canvas) {
    let settings = description.settings
    let scale = settings.melScale
    let (low, high) = (
      scale.mel(hertz: settings.minFrequency), scale.mel(hertz: settings.topFrequency)
    )
    var above = Int.max
    for hertz in [100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000] {
      // The centre of mel filter m of M is the (m + 1)th of M + 2 equally spaced points.
      let position =
        (scale.mel(hertz: Double(hertz)) - low) / (high - low) * Double(description.bins + 1) - 0.5
      guard position >= 0, position <= Double(description.bins) else { continue }
      let y = bottom - Int(position * Double(description.binHeight))
      guard above - y >= 20 else { continue }
      above = y
      canvas.fill(x: description.left - 8, y: y, width: 6, height: 2, Self.ink)
      canvas.draw(
        hertz < 1000 ? "\(hertz)" : "\(hertz / 1000)k", x: description.left - 14, y: y,
        anchor: .right, color: Self.ink)
    }
    canvas.draw("Hz", x: description.left - 14, y: bottom + 20, anchor: .right, color: Self.ink)
  }

  /// Ticks at round times, about a hundred pixels apart.
  private func drawSeconds(on canvas: inout Canvas) {
    let frameRate = description.settings.frameRate
    let pixelsPerSecond = frameRate * Double(description.frameWidth)
    let steps: [Double] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600]
    let step = steps.first { $0 * pixelsPerSecond >= 90 } ?? 3600
    let seconds = Double(description.frames) / frameRate
    for tick in 0...Int(seconds / step) {
      let time = Double(tick) * step
      // Frame t is centred on its time, so time 0 is the middle of the first column.
      let x = description.left + Int(time * pixelsPerSecond) + description.frameWidth / 2
      guard x < right else { break }
      canvas.fill(x: x, y: bottom + 2, width: 2, height: 6, Self.ink)
      canvas.draw(
        Self.label(time, step: step), x: x, y: bottom + 20, anchor: .middle, color: Self.ink)
    }
    if step < 10 { canvas.draw("s", x: right + 26, y: bottom + 20, anchor: .left, color: Self.ink) }
  }

  private static func label(_ time: Double, step: Double) -> String {
    if step < 1 { return String(format: step < 0.1 ? "%.2f" : "%.1f", time) }
    let seconds = Int(time.rounded())
    return step < 10
      ? "\(seconds)" : String(format: "%d:%02d", seconds / 60, seconds % 60)
  }

  /// The scale of colours, decibels below the loudest value.
  private func drawDecibels(on canvas: inout Canvas, _ colors: [Color]) {
    let (left, width) = (right + 24, 16)
    for y in 0..<plotHeight {
      let shade = (plotHeight - 1 - y) * (colors.count - 1) / max(plotHeight - 1, 1)
      canvas.fill(x: left, y: description.top + y, width: width, height: 1, colors[shade])
    }
    for decibels in stride(from: 0, through: Int(Self.range), by: 20) {
      let y = description.top + decibels * (plotHeight - 1) / Int(Self.range)
      canvas.fill(x: left + width, y: y - 1, width: 5, height: 2, Self.ink)
      canvas.draw(
        "\(-decibels)", x: left + width + 9, y: y, anchor: .left, color: Self.ink)
    }
    canvas.draw("dB", x: left + width + 9, y: bottom + 20, anchor: .left, color: Self.ink)
  }
}

extension SpectrogramSettings {
  /// Decibels in a step of 1 of a log-mel value: 10 / ln 10 for powers, 20 / ln 10 for magnitudes.
  public var decibelsPerNeper: Double { 20 / power / log(10) }
}
