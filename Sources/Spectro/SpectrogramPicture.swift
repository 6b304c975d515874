import Foundation

/// The layout of a spectrogram's picture: from above a title, the sound's outline, a plot for each
/// channel and the time; frequencies to the left and the scale of colours to the right.
struct SpectrogramPicture {
  /// What a picture tells beside its settings.
  struct Labels {
    var title: String?
    /// Seconds of the first frame.
    var start: Double
    /// What the channels are, if not mid and side.
    var lanes: [String]?
  }

  let description: PictureDescription
  let width: Int
  let height: Int
  private let axes: Bool
  private let labels: Labels
  private let waveform: [Envelope]

  /// Pixels around and between what is drawn.
  private enum Space {
    /// Room for "−100.0 dB" and a tick.
    static let left = 96
    static let right = 88
    static let bottom = 40
    /// Above a title, and from one line of text to the next.
    static let line = 24
    static let waveform = 80
    static let gap = 12
  }

  private static let paper = Color(red: 255, green: 255, blue: 255)
  private static let ink = Color(red: 40, green: 40, blue: 48)
  private static let faintInk = Color(red: 110, green: 110, blue: 120)
  private static let waveformPaper = Color(red: 243, green: 243, blue: 247)
  private static let waveformInk = Color(red: 62, green: 74, blue: 137)

  /// Decibels from the loudest value to the darkest colour.
  private static let range = 80.0

  init(
    _ columns: FrameColumns, settings: SpectrogramSettings, style: PictureStyle,
    channelCount: Int, labels: Labels, waveform: [Envelope]
  ) {
    let (frames, bins) = (columns.count, settings.melBins)
    var (low, high) = columns.values.reduce(into: (Float.infinity, -Float.infinity)) {
      ($0.0, $0.1) = (min($0.0, $1), max($0.1, $1))
    }
    // Values that cannot be drawn must not decide what is drawn.
    if !(low.isFinite && high.isFinite) { (low, high) = (Float(log(settings.floor)), 0) }
    if low >= high { low = high - 1 }
    var description = PictureDescription(
      settings: settings, frames: frames, bins: bins, low: low, high: high, colorMap: nil,
      left: 0, top: 0, frameWidth: 1, binHeight: 1)
    var hasAxes = false
    if case .picture(let colorMap, let axes) = style {
      hasAxes = axes
      description.colorMap = colorMap
      description.low = high - Float(Self.range / settings.decibelsPerNeper)
      // About 900 by 512 pixels; a long one is as wide as it has columns.
      description.frameWidth = max(960 / frames, 1)
      description.binHeight = max(512 / bins, 1)
    }
    self.waveform = hasAxes ? waveform : []
    if hasAxes {
      description.left = Space.left
      description.top = Space.line * (labels.title == nil ? 1 : 2) + Space.gap
      description.top += self.waveform.count * (Space.waveform + Space.gap)
      if channelCount > 1 { description.top += Space.line }
    }
    var plotHeights = bins * description.binHeight
    if channelCount > 1 {
      let laneHeight = plotHeights + (hasAxes ? Space.line + Space.gap : 0)
      (description.channels, description.laneHeight) = (channelCount, laneHeight)
      plotHeights += (channelCount - 1) * laneHeight
    }
    description.lanes = labels.lanes
    if columns.framesPerColumn > 1 { description.framesPerColumn = columns.framesPerColumn }
    (self.description, self.labels, axes) = (description, labels, hasAxes)
    width = description.left + frames * description.frameWidth + (hasAxes ? Space.right : 0)
    height = description.top + plotHeights + (hasAxes ? Space.bottom : 0)
  }

  /// - Parameter values: `[columns, channels, bins]`.
  func pixels(of values: [Float]) -> PNGFile.Pixels {
    let (low, high) = (description.low, description.high)
    /// From 0 to 1; not a number is drawn as silence.
    func level(_ value: Float) -> Float {
      let level = (value - low) / (high - low)
      return level > 0 ? min(level, 1) : 0
    }
    func value(channel: Int, frame: Int, bin: Int) -> Float {
      values[(frame * channels + channel) * description.bins + bin]
    }
    guard let colorMap = description.colorMap else {
      var levels: [UInt16] = []
      levels.reserveCapacity(width * height)
      for channel in 0..<channels {
        for bin in (0..<description.bins).reversed() {
          for frame in 0..<description.frames {
            let level = level(value(channel: channel, frame: frame, bin: bin))
            levels.append(UInt16((level * 65535).rounded()))
          }
        }
      }
      return .grey(levels)
    }

    let colors = colorMap.colors
    var canvas = Canvas(width: width, height: height, background: axes ? Self.paper : colors[0])
    for channel in 0..<channels {
      for bin in 0..<description.bins {
        let y = top(of: channel) + (description.bins - 1 - bin) * description.binHeight
        for frame in 0..<description.frames {
          let level = level(value(channel: channel, frame: frame, bin: bin))
          canvas.fill(
            x: description.left + frame * description.frameWidth, y: y,
            width: description.frameWidth, height: description.binHeight,
            colors[Int((level * Float(colors.count - 1)).rounded())])
        }
      }
    }
    if axes {
      drawTitle(on: &canvas)
      for channel in 0..<channels { drawFrequencies(of: channel, on: &canvas) }
      drawTimes(on: &canvas)
      drawDecibels(on: &canvas, colors)
      for lane in waveform.indices { drawWaveform(lane, on: &canvas) }
    }
    return .color(canvas.pixels)
  }

  private var channels: Int { description.channels ?? 1 }
  private var plotWidth: Int { description.frames * description.frameWidth }
  private var plotHeight: Int { description.bins * description.binHeight }
  private var bottom: Int { top(of: channels - 1) + plotHeight }
  private var right: Int { description.left + plotWidth }
  private func top(of channel: Int) -> Int {
    description.top + channel * (description.laneHeight ?? 0)
  }

  /// The title, and below it what the settings are.
  private func drawTitle(on canvas: inout Canvas) {
    let left = description.left
    var y = Space.line * 3 / 4
    if let title = labels.title {
      // One line, whatever a file may be called.
      let line = String(title.map { $0.isNewline || $0 == "\t" ? " " : $0 })
      canvas.draw(
        Glyphs.shortened(line, to: width - left - 8), x: left, y: y, anchor: .left,
        color: Self.ink)
      y += Space.line
    }
    let settings = description.settings
    var facts = [
      String(format: "%g kHz", Double(settings.sampleRate) / 1000), "window \(settings.fftSize)",
      "hop \(settings.hopLength)", "\(settings.melBins) mel bins",
    ]
    // What must be said comes first: a narrow picture has no room for all.
    if let count = description.framesPerColumn {
      facts.insert("\(count) frames a column, not for import", at: 0)
    }
    while Glyphs.width(facts.joined(separator: " · ")) > width - left - 8, facts.count > 1 {
      facts.removeLast()
    }
    canvas.draw(
      facts.joined(separator: " · "), x: left, y: y, anchor: .left, color: Self.faintInk)
  }

  /// Ticks an octave apart, where they leave each other room.
  private func drawFrequencies(of channel: Int, on canvas: inout Canvas) {
    let settings = description.settings
    let (left, top) = (description.left, top(of: channel))
    var above = Int.max
    for octave in -3...8 {
      let hertz = 1000 * pow(2, Double(octave))
      let position = settings.bin(ofHertz: hertz)
      guard position >= 0, position <= Double(description.bins) else { continue }
      let y = top + plotHeight - Int(position * Double(description.binHeight))
      guard above - y >= 18 else { continue }
      above = y
      canvas.fill(x: left - 6, y: y, width: 5, height: 1, Self.ink)
      let name =
        hertz < 1000 ? String(format: "%.0f Hz", hertz) : String(format: "%g kHz", hertz / 1000)
      canvas.draw(name, x: left - 10, y: y, anchor: .right, color: Self.ink)
    }
    if channels > 1 {
      canvas.draw(
        (labels.lanes ?? ["Mid", "Side"])[channel], x: left, y: top - Space.line / 2, anchor: .left,
        color: Self.ink)
    }
  }

  /// Pixels a second takes.
  private var timeScale: Double {
    let columnRate = description.settings.frameRate / Double(description.framesPerColumn ?? 1)
    return columnRate * Double(description.frameWidth)
  }

  /// Where the sound's first sample stands: a frame is centred on its time.
  private var origin: Double {
    let frameWidth = Double(description.frameWidth) / Double(description.framesPerColumn ?? 1)
    return Double(description.left) + frameWidth / 2
  }

  /// Ticks at round times, about a hundred pixels apart.
  private func drawTimes(on canvas: inout Canvas) {
    let seconds = Double(plotWidth) / timeScale
    let steps: [Double] = [
      0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15,
      30, 60, 120, 300, 600, 900, 1800,
    ]
    let step = steps.first { $0 * timeScale >= 90 } ?? 3600
    let first = Int((labels.start / step).rounded(.up))
    let last = Int((labels.start + seconds) / step)
    guard first <= last else { return }
    for tick in first...last {
      let time = Double(tick) * step
      let x = Int(origin + (time - labels.start) * timeScale)
      guard x < right else { break }
      canvas.fill(x: x, y: bottom + 1, width: 1, height: 5, Self.ink)
      let name = Self.name(ofTime: time, step: step, end: labels.start + seconds)
      canvas.draw(name, x: x, y: bottom + 20, anchor: .middle, color: Self.ink)
    }
  }

  /// "20 ms", "0.5 s", "1:30" or "1:02:30".
  private static func name(ofTime time: Double, step: Double, end: Double) -> String {
    // As many digits as tell one tick from the next, the same for all.
    if step < 0.1, end < 1 {
      return String(format: step < 0.001 ? "%.1f ms" : "%.0f ms", time * 1000)
    }
    if end < 60 || step < 1 {
      let digits = max(0, -Int(log10(step).rounded(.down)))
      return String(format: "%.\(digits)f s", time)
    }
    let seconds = Int(time.rounded())
    let (minutes, rest) = (seconds / 60, seconds % 60)
    return end < 3600
      ? String(format: "%d:%02d", minutes, rest)
      : String(format: "%d:%02d:%02d", minutes / 60, minutes % 60, rest)
  }

  /// The scale of colours, decibels below the loudest value.
  private func drawDecibels(on canvas: inout Canvas, _ colors: [Color]) {
    let (left, width, top) = (right + 16, 14, description.top)
    let height = bottom - top
    for y in 0..<height {
      let shade = (height - 1 - y) * (colors.count - 1) / max(height - 1, 1)
      canvas.fill(x: left, y: top + y, width: width, height: 1, colors[shade])
    }
    for decibels in stride(from: 0, through: Int(Self.range), by: 20) {
      let y = top + decibels * (height - 1) / Int(Self.range)
      canvas.fill(x: left + width, y: y, width: 4, height: 1, Self.ink)
      canvas.draw(
        decibels == 0 ? "0 dB" : "−\(decibels)", x: left + width + 8, y: y, anchor: .left,
        color: Self.ink)
    }
  }

  /// The least and the largest sample of each column of pixels, scaled to the loudest of all lanes.
  private func drawWaveform(_ lane: Int, on canvas: inout Canvas) {
    let top =
      description.top - (channels > 1 ? Space.line : 0)
      - (waveform.count - lane) * (Space.waveform + Space.gap)
    let middle = top + Space.waveform / 2
    let peak = waveform.reduce(0) { max($0, $1.peak) }
    canvas.fill(
      x: description.left, y: top, width: plotWidth, height: Space.waveform, Self.waveformPaper)
    canvas.fill(x: description.left, y: middle, width: plotWidth, height: 1, Self.waveformInk)
    let samplesPerPixel = Double(description.settings.sampleRate) / timeScale
    for x in description.left..<right {
      let start = (Double(x) - origin) * samplesPerPixel
      guard peak > 0,
        let range = waveform[lane].range(from: start, to: start + samplesPerPixel)
      else { continue }
      let scale = Float(Space.waveform / 2 - 2) / peak
      let (up, down) = (
        Int((range.upperBound * scale).rounded()), Int((range.lowerBound * scale).rounded())
      )
      canvas.fill(x: x, y: middle - up, width: 1, height: up - down + 1, Self.waveformInk)
    }
    let own = waveform[lane].peak
    let name =
      own > 0
      ? String(format: "%.1f dB", 20 * log10(own)).replacing("-", with: "−") : "silent"
    canvas.draw(
      name, x: description.left - 10, y: top + 8, anchor: .right, color: Self.faintInk)
    if waveform.count == 2 {
      canvas.draw(
        lane == 0 ? "left" : "right", x: description.left - 10, y: middle, anchor: .right,
        color: Self.ink)
    }
  }
}

extension SpectrogramSettings {
  /// Where a frequency lies among the mel bins: bin b, the lowest being 0, goes from b to b + 1.
  package func bin(ofHertz hertz: Double) -> Double {
    let (low, high) = (melScale.mel(hertz: minFrequency), melScale.mel(hertz: topFrequency))
    // The centre of mel filter m of M is the (m + 1)th of M + 2 equally spaced points.
    return (melScale.mel(hertz: hertz) - low) / (high - low) * Double(melBins + 1) - 0.5
  }

  /// Decibels in a step of 1 of a log-mel value: 10 / ln 10 for powers, 20 / ln 10 for magnitudes.
  public var decibelsPerNeper: Double { 20 / power / log(10) }
}
