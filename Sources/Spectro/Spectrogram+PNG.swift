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
}

extension Spectrogram {
  /// Draws a log-mel spectrogram, frequency up and time to the right, and writes it as PNG.
  ///
  /// The settings and the range of values travel in the file, so that `readPNG` needs no more.
  ///
  /// - Parameter settings: those that made the log-mel spectrogram.
  /// - Throws: `SpectroError.invalidSpectrogram` where `settings` are not this spectrogram's or it is too large
  ///   for a picture; `SpectroError.exists`, unless `overwrite`; `SpectroError.unwritable`.
  public func writePNG(
    to path: String, settings: SpectrogramSettings, style: PictureStyle = .picture(),
    overwrite: Bool = false
  ) throws {
    guard bins == settings.melBins else {
      throw SpectroError.invalidSpectrogram("\(bins) mel bins where \(settings.melBins) belong")
    }
    guard frames > 0 else { throw SpectroError.invalidSpectrogram("there are no frames to draw") }
    let picture = SpectrogramPicture(self, settings: settings, style: style)
    guard picture.width < 1 << 20, picture.width * picture.height <= 1 << 30 else {
      throw SpectroError.invalidSpectrogram(
        "\(frames) frames are too many for a picture; write NPY, or pictures of parts")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(picture.description), as: UTF8.self)
    let data: Data
    do {
      data = try PNGFile.encode(
        picture.pixels(of: self), width: picture.width, height: picture.height, text: text)
    } catch let failure as PNGFile.Failure {
      throw SpectroError.unwritable(path: path, reason: failure.reason)
    }
    try AtomicFile.write(data, to: path, overwrite: overwrite)
  }

  /// Reads what `writePNG` wrote, also after other programs have painted on it, as long as they
  /// kept its size and its text. Values differ from the written ones by the rounding to a shade,
  /// and those darker than the picture's range come back at its edge.
  ///
  /// - Throws: `SpectroError.unreadable`.
  public static func readPNG(
    from path: String
  ) throws -> (spectrogram: Spectrogram, settings: SpectrogramSettings) {
    func failure(_ reason: String) -> SpectroError { .unreadable(path: path, reason: reason) }
    let data = try AtomicFile.read(path)
    do {
      let (pixels, width, height) = try PNGFile.decode(data)
      guard let text = PNGFile.text(in: data) else {
        throw failure(
          "this picture does not say what spectrogram it shows; only those that were "
            + "exported here do, and only while their text is kept")
      }
      guard
        let description = try? JSONDecoder().decode(
          PictureDescription.self, from: Data(text.utf8))
      else { throw failure("the picture's description of its spectrogram is damaged") }
      try description.settings.validate()
      guard let values = description.values(in: pixels, width: width, height: height) else {
        throw failure("the picture is not the size that its spectrogram had; do not scale or crop")
      }
      let spectrogram = Spectrogram(
        values: values, frames: description.frames, bins: description.bins)
      return (spectrogram, description.settings)
    } catch let error as PNGFile.Failure {
      throw failure(error.reason)
    } catch SpectroError.invalidSettings(let reason) {
      throw failure(reason)
    }
  }
}

extension PictureDescription {
  /// The values `[frames, bins]` that pixels of this description show, or nil where they cannot.
  func values(in pixels: PNGFile.Pixels, width: Int, height: Int) -> [Float]? {
    guard
      frames > 0, bins == settings.melBins, frameWidth > 0, binHeight > 0, left >= 0, top >= 0,
      low.isFinite, high.isFinite, low < high, (high - low).isFinite,
      // Nothing exceeds 2^31 before it is multiplied, so that no product can overflow.
      frames <= width, bins <= height, frameWidth <= width, binHeight <= height,
      left <= width - frames * frameWidth, top <= height - bins * binHeight
    else { return nil }
    var values = [Float](repeating: 0, count: frames * bins)
    /// Means of each cell's pixels, so that painting with a soft brush counts.
    func fill(level: (Int) -> Float) {
      for bin in 0..<bins {
        for frame in 0..<frames {
          var sum: Float = 0
          for row in 0..<binHeight {
            let start =
              (top + (bins - 1 - bin) * binHeight + row) * width + left + frame * frameWidth
            for pixel in start..<start + frameWidth { sum += level(pixel) }
          }
          values[frame * bins + bin] =
            low + (high - low) * sum / Float(frameWidth * binHeight)
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
