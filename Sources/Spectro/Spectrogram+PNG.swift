import Foundation

/// How a log-mel spectrogram is drawn.
public enum PictureStyle: Sendable, Equatable {
  /// For people: colours over the loudest 80 dB, and axes in Hz and seconds where asked for.
  case picture(ColorMap = .magma, axes: Bool = true)
  /// For machines: one pixel a value, 16 bits of grey from the smallest value to the largest.
  case data
}

/// What a picture says about itself, in its text chunk: enough to read the values back.
struct PictureDescription: Codable, Equatable {
  var settings: SpectrogramSettings
  /// Columns: frames, unless `framesPerColumn` says that each stands for several.
  var frames: Int
  var bins: Int
  /// Log-mel values, in natural logarithms, of the darkest and the lightest shade.
  var low: Float
  var high: Float
  /// Nil for 16 bits of grey.
  var colorMap: ColorMap?
  /// Pixels of the plot's left and upper edge.
  var left: Int
  var top: Int
  /// Pixels a frame is wide and a bin is high.
  var frameWidth: Int
  var binHeight: Int
  /// 2 for mid and side, one plot below the other; nil for 1.
  var channels: Int?
  /// Pixels from the upper edge of a plot to that of the next; nil for a single plot.
  var laneHeight: Int?
  /// Nil for 1. More frames than one cannot be told apart, nor made sound.
  var framesPerColumn: Int?
  /// What the channels are, if not mid and side.
  var lanes: [String]?
  var sound: SpectrogramOrigin?
}

extension Spectrogram {
  /// Draws a log-mel spectrogram, frequency up and time to the right, and writes it as PNG:
  /// `PNGWriter` for what is in memory.
  ///
  /// - Parameters:
  ///   - settings: those that made the log-mel spectrogram.
  ///   - title: a line above the picture, such as the sound's name.
  /// - Throws: `SpectroError.invalidSpectrogram` where `settings` are not this spectrogram's or it
  ///   is too large for a picture; `SpectroError.exists`, unless `overwrite`; `.unwritable`.
  public func writePNG(
    to path: String, settings: SpectrogramSettings, style: PictureStyle = .picture(),
    title: String? = nil, overwrite: Bool = false
  ) throws {
    let writer = try PNGWriter(
      path, settings: settings, style: style, title: title, overwrite: overwrite)
    try writer.append([self])
    try writer.finish()
  }

  /// Reads what `writePNG` wrote, also after other programs have painted on it, as long as they
  /// kept its size and its text. Values differ from the written ones by the rounding to a shade,
  /// and those darker than the picture's range come back at its edge.
  ///
  /// - Throws: `SpectroError.unreadable`.
  public static func readPNG(
    from path: String
  ) throws -> (spectrogram: Spectrogram, settings: SpectrogramSettings) {
    let reader = try PNGReader(path)
    return (try reader.mono(path), reader.description.settings)
  }
}

/// Draws a log-mel spectrogram that comes in blocks and writes it as PNG, in bounded memory.
///
/// The settings and the range of values travel in the file, in a text chunk, so that `PNGReader`
/// needs no more. A picture for people has a column a frame, up to 32,768 of them; what is longer
/// is drawn in at most 4,096 columns, each the mean energy of several frames, and says so: it cannot
/// be made sound again.
public final class PNGWriter: SpectrogramWriter {
  /// More than 1, once the file is finished, where the picture shows less than every frame.
  public var framesPerColumn: Int { columns.framesPerColumn }

  private let file: AtomicFile
  private let path: String
  private let settings: SpectrogramSettings
  private let origin: SpectrogramOrigin?
  private let style: PictureStyle
  private let labels: SpectrogramPicture.Labels
  private let channelCount: Int
  private let maximumColumns: Int
  private var columns: FrameColumns
  private var waveform: [Envelope] = []

  /// Columns of pictures that show every frame, of those that show less, and of data.
  private static let (mostColumns, reducedColumns, mostDataColumns) = (1 << 15, 1 << 12, 1 << 17)
  /// Values held, 256 MB of them.
  private static let mostValues = 1 << 26

  /// - Parameters:
  ///   - settings: those that made the log-mel spectrogram.
  ///   - channelCount: 1, or 2 for mid and side, which are drawn one above the other.
  ///   - lanes: what the two are, if not mid and side. Such a picture can not be read back as sound.
  ///   - title: a line above the picture, such as the sound's name.
  ///   - start: where in a longer sound the first frame stands, seconds.
  ///   - maximumColumns: of a picture that may show less than every frame.
  ///   - origin: of the sound, kept in the file.
  /// - Throws: `SpectroError.exists` for a name in use, unless `overwrite`; `.unwritable`.
  public init(
    _ path: String, settings: SpectrogramSettings, style: PictureStyle = .picture(),
    channelCount: Int = 1, lanes: [String]? = nil, title: String? = nil, start: Double = 0,
    maximumColumns: Int? = nil, origin: SpectrogramOrigin? = nil, overwrite: Bool = false
  ) throws {
    precondition(channelCount == 1 || channelCount == 2, "a spectrogram is mono, or mid and side")
    precondition(lanes == nil || lanes?.count == channelCount, "a name for each channel")
    precondition(maximumColumns ?? 2 > 1, "a picture has two columns at least")
    file = try AtomicFile(path, overwrite: overwrite)
    self.origin = origin
    (self.path, self.settings, self.style, self.channelCount) = (
      path, settings, style, channelCount
    )
    labels = SpectrogramPicture.Labels(title: title, start: start, lanes: lanes)
    let rowLength = channelCount * settings.melBins
    let most = style == .data ? Self.mostDataColumns : Self.mostColumns
    self.maximumColumns = min(maximumColumns ?? most, most)
    columns = FrameColumns(
      limit: max(2, min(most, Self.mostValues / rowLength) & ~1), rowLength: rowLength)
  }

  public func append(_ channels: [Spectrogram]) throws {
    columns.append(
      try interleaved(channels, channelCount: channelCount, bins: settings.melBins))
    if style == .data, framesPerColumn > 1 {
      throw SpectroError.invalidSpectrogram(
        "more than \(columns.limit) frames are too many for a picture of data; write NPY, or parts")
    }
  }

  /// Takes the next samples of the sound, at the settings' rate, to draw its outline above the
  /// spectrogram, one lane a channel. Not for pictures without axes.
  public func appendWaveform(_ channels: [[Float]]) {
    if waveform.isEmpty { waveform = channels.map { _ in Envelope() } }
    for (i, samples) in channels.enumerated() where i < waveform.count {
      waveform[i].append(samples)
    }
  }

  public func finish() throws {
    guard columns.frames > 0 else {
      throw SpectroError.invalidSpectrogram("there are no frames to draw")
    }
    let fits = framesPerColumn == 1 && columns.count <= maximumColumns
    columns.finish(columns: fits ? maximumColumns : min(maximumColumns, Self.reducedColumns))
    for i in waveform.indices { waveform[i].finish() }
    let picture = SpectrogramPicture(
      columns, settings: settings, style: style, channelCount: channelCount, labels: labels,
      waveform: waveform)
    guard picture.width * picture.height <= PNGFile.maximumPixels else {
      throw SpectroError.invalidSpectrogram(
        "\(settings.melBins) mel bins and \(columns.count) frames are too many for a picture; write "
          + "NPY, or pictures of parts")
    }
    var description = picture.description
    description.sound = origin
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(description), as: UTF8.self)
    do {
      try file.append(
        try PNGFile.encode(
          picture.pixels(of: columns.values), width: picture.width, height: picture.height,
          text: text))
    } catch let failure as PNGFile.Failure {
      throw SpectroError.unwritable(path: path, reason: failure.reason)
    }
    try file.commit()
  }
}

/// Reads the spectrogram that a picture of `PNGWriter` shows.
public final class PNGReader: SpectrogramReader {
  public var settings: SpectrogramSettings? { description.settings }
  public var origin: SpectrogramOrigin? { description.sound }
  public let channelCount: Int
  public var bins: Int { description.bins }
  public var frames: Int { description.frames }
  let description: PictureDescription
  /// `[frames, channels, bins]`.
  private let values: [Float]
  private var position = 0

  /// - Throws: `SpectroError.unreadable`.
  public init(_ path: String) throws {
    func failure(_ reason: String) -> SpectroError { .unreadable(path: path, reason: reason) }
    let data = try AtomicFile.read(path)
    do {
      // First what tells most: a photograph of any size has no text of ours.
      let text = PNGFile.text(in: data)
      if text == nil {
        _ = try PNGFile.decode(data)
        throw failure(
          "this picture does not say what spectrogram it shows: only those that compose exported do, "
            + "and only while their text is kept; export it again, and paint in a program that keeps "
            + "PNG text chunks (metadata)")
      }
      guard
        let description = try? JSONDecoder().decode(
          PictureDescription.self, from: Data((text ?? "").utf8))
      else { throw failure("the picture's description of its spectrogram is damaged") }
      try description.settings.validate()
      if let count = description.framesPerColumn, count > 1 {
        throw failure(
          "each column of this picture shows \(count) frames, which cannot be told apart; export an "
            + "array (.npy), or a shorter part of the sound")
      }
      if let lanes = description.lanes {
        throw failure(
          "it shows several sounds (\(lanes.joined(separator: ", "))), to be compared; export the "
            + "one to make sound of")
      }
      let (pixels, width, height) = try PNGFile.decode(data)
      if case .color = pixels, description.colorMap == nil {
        throw failure(
          "a picture of data must keep its 16 bits of grey; save it so, or export again")
      }
      guard let values = description.values(in: pixels, width: width, height: height) else {
        throw failure("the picture is not the size that its spectrogram had; do not scale or crop")
      }
      (self.description, self.values) = (description, values)
      channelCount = description.channels ?? 1
    } catch let error as PNGFile.Failure {
      throw failure(error.reason)
    } catch SpectroError.invalidSettings(let reason) {
      throw failure(reason)
    }
  }

  public func read(upTo limit: Int) throws -> [Spectrogram]? {
    let count = min(limit, frames - position)
    guard count > 0 else { return nil }
    let row = channelCount * bins
    let block = Array(values[position * row..<(position + count) * row])
    position += count
    return separated(block, channelCount: channelCount, bins: bins)
  }
}

extension PictureDescription {
  /// The values `[frames, channels, bins]` that pixels of this description show, or nil where they
  /// cannot.
  func values(in pixels: PNGFile.Pixels, width: Int, height: Int) -> [Float]? {
    let (channels, laneHeight) = (channels ?? 1, laneHeight ?? 0)
    guard
      frames > 0, bins == settings.melBins, frameWidth > 0, binHeight > 0, left >= 0, top >= 0,
      low.isFinite, high.isFinite, low < high, (high - low).isFinite,
      (1...2).contains(channels), (0...height).contains(laneHeight),
      channels == 1 || laneHeight / bins >= binHeight,
      // Nothing exceeds 2^31 before it is multiplied, so that no product can overflow.
      frames <= width, bins <= height, frameWidth <= width, binHeight <= height,
      left <= width - frames * frameWidth,
      top <= height - bins * binHeight - (channels - 1) * laneHeight
    else { return nil }
    var values = [Float](repeating: 0, count: frames * channels * bins)
    /// Means of each cell's pixels, so that painting with a soft brush counts.
    func fill(level: (Int) -> Float) {
      for channel in 0..<channels {
        for bin in 0..<bins {
          let top = top + channel * laneHeight + (bins - 1 - bin) * binHeight
          for frame in 0..<frames {
            var sum: Float = 0
            for row in top..<top + binHeight {
              let start = row * width + left + frame * frameWidth
              for pixel in start..<start + frameWidth { sum += level(pixel) }
            }
            values[(frame * channels + channel) * bins + bin] =
              low + (high - low) * (sum / Float(frameWidth * binHeight))
          }
        }
      }
    }
    switch (pixels, colorMap) {
    case (.grey(let levels), nil):
      fill { Float(levels[$0]) / 65535 }
    case (.color(let colors), let colorMap?):
      var scale = ColorScale(colorMap)
      fill { scale.level(of: colors[$0]) }
    default:
      return nil
    }
    return values
  }
}

/// The way back from a colour to where it stands on its map.
private struct ColorScale {
  private let shades: [Color]
  private var levels: [Color: Float] = [:]

  init(_ map: ColorMap) {
    shades = map.colors
    // Shades that share a colour are told by their mean.
    var groups: [Color: [Int]] = [:]
    for (shade, color) in shades.enumerated() { groups[color, default: []].append(shade) }
    levels = groups.mapValues {
      Float($0.reduce(0, +)) / Float($0.count) / Float(ColorMap.shades - 1)
    }
  }

  /// From 0 to 1; of a colour that is not on the map, the nearest that is.
  mutating func level(of color: Color) -> Float {
    if let level = levels[color] { return level }
    let nearest = shades.min { $0.distance(to: color) < $1.distance(to: color) }
    let level = nearest.flatMap { levels[$0] } ?? 0
    levels[color] = level
    return level
  }
}
