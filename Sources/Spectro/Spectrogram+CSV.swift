import Foundation

/// Writes a log-mel spectrogram as a table for spreadsheets and other programs, a frame a line.
///
///     # {"fftSize":2048,…}
///     time_s,12.95,25.89,…
///     0.000000,-63.214,-48.090,…
///
/// The first line, a comment for `pandas.read_csv(comment="#")` and `numpy.loadtxt(skiprows=2)`, holds the
/// settings; the second the centres of the mel filters in Hz, of mid and then of side for two
/// channels, as `mid 12.95`. Times are of the frames' centres in seconds, to the microsecond; values
/// are dB of mel power, 10 log10, to the thousandth.
public final class CSVWriter: SpectrogramWriter {
  private let file: AtomicFile
  private let settings: SpectrogramSettings
  private let channelCount: Int
  private var frames = 0

  /// - Throws: `SpectroError.exists` for a name in use, unless `overwrite`; `.unwritable`.
  public init(
    _ path: String, settings: SpectrogramSettings, channelCount: Int = 1,
    origin: SpectrogramOrigin? = nil, overwrite: Bool = false
  ) throws {
    precondition(channelCount == 1 || channelCount == 2, "a spectrogram is mono, or mid and side")
    (self.settings, self.channelCount) = (settings, channelCount)
    file = try AtomicFile(path, overwrite: overwrite)
    let prefixes = channelCount == 1 ? [""] : ["mid ", "side "]
    let centers = settings.melCenters
    let header = prefixes.flatMap { prefix in
      centers.map { String(format: ",\(prefix)%.2f", $0) }
    }
    try file.append(
      "# \(SpectrogramNote(settings, origin).json())\ntime_s\(header.joined())\n".utf8)
  }

  public func append(_ channels: [Spectrogram]) throws {
    let bins = settings.melBins
    let values = try interleaved(channels, channelCount: channelCount, bins: bins)
    let scale = 1000 * Float(settings.decibelsPerNeper)
    var line: [UInt8] = []
    for frame in 0..<channels[0].frames {
      line.removeAll(keepingCapacity: true)
      line.append(contentsOf: String(format: "%.6f", Double(frames) / settings.frameRate).utf8)
      for value in values[frame * bins * channelCount..<(frame + 1) * bins * channelCount] {
        guard abs(value) < 1000 else {
          throw SpectroError.invalidSpectrogram(
            "frame \(frames) holds a value that is no logarithm of mel energy: \(value)")
        }
        line.append(UInt8(ascii: ","))
        line.append(thousandths: Int((value * scale).rounded()))
      }
      line.append(UInt8(ascii: "\n"))
      try file.append(line)
      frames += 1
    }
  }

  public func finish() throws { try file.commit() }
}

extension [UInt8] {
  /// A decimal number with three digits behind the point; far faster than a format string.
  fileprivate mutating func append(thousandths value: Int) {
    let zero = UInt8(ascii: "0")
    if value < 0 { append(UInt8(ascii: "-")) }
    append(contentsOf: "\(value.magnitude / 1000)".utf8)
    let rest = value.magnitude % 1000
    append(UInt8(ascii: "."))
    append(contentsOf: [rest / 100, rest / 10 % 10, rest % 10].map { zero + UInt8($0) })
  }
}

/// Reads the tables of `CSVWriter`, also after another program has saved them, with commas and
/// points, in the memory of one block. The comment that holds the settings may be lost.
public final class CSVReader: SpectrogramReader {
  public let settings: SpectrogramSettings?
  public let origin: SpectrogramOrigin?
  public let channelCount: Int
  public let bins: Int
  public let frames: Int
  private var lines: LineReader
  private let decibelsPerNeper: Float

  /// - Throws: `SpectroError.unreadable`.
  public init(_ path: String) throws {
    func failure(_ reason: String) -> SpectroError { .unreadable(path: path, reason: reason) }
    var lines = try LineReader(path)
    var note: SpectrogramNote?
    var line = try lines.next()
    while let text = line, text.isEmpty || text.first == "#" || text.hasPrefix("\"#") {
      // A spreadsheet quotes what holds commas and doubles the quotes.
      let plain = text.hasPrefix("\"") ? text.replacing("\"\"", with: "\"") : text
      if note == nil, let start = plain.firstIndex(of: "{"),
        let end = plain.lastIndex(of: "}"), start < end
      {
        note = try SpectrogramNote(json: String(plain[start...end]), path: path)
      }
      line = try lines.next()
    }
    (settings, origin) = (note?.settings, note?.origin)
    guard let header = line, header.hasPrefix("time_s,") || header.hasPrefix("\"time_s\",") else {
      throw failure("not a table of a spectrogram: no line starts with time_s")
    }
    let columns = header.split(separator: ",", omittingEmptySubsequences: false).dropFirst()
    let sides = columns.count { $0.contains("side ") }
    channelCount = sides > 0 ? 2 : 1
    bins = columns.count / channelCount
    guard sides == 0 || 2 * sides == columns.count else {
      throw failure("\(columns.count - sides) columns of mid and \(sides) of side, not as many")
    }
    if let settings, settings.melBins != bins {
      throw failure("\(bins) mel bins where its settings have \(settings.melBins)")
    }
    decibelsPerNeper = Float((settings ?? SpectrogramSettings()).decibelsPerNeper)
    self.lines = lines
    frames = try lines.count()
  }

  public func read(upTo limit: Int) throws -> [Spectrogram]? {
    let columns = channelCount * bins
    var values: [Float] = []
    var count = 0
    while count < limit, let line = try lines.next() {
      if line.isEmpty { continue }
      let before = values.count
      // The first cell is the time, which frames have by their order.
      for cell in line.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        .dropFirst()
      {
        guard let decibels = Float(Substring(cell)), decibels.isFinite else {
          throw lines.failure("a cell holds no number: \(String(Substring(cell)).prefix(20))")
        }
        values.append(decibels / decibelsPerNeper)
      }
      guard values.count - before == columns else {
        throw lines.failure("\(values.count - before) values where the header has \(columns)")
      }
      count += 1
    }
    return count == 0 ? nil : separated(values, channelCount: channelCount, bins: bins)
  }
}

/// A text file line by line.
private struct LineReader {
  private let file: InputFile
  private var buffer: ArraySlice<UInt8> = []
  private var number = 0

  /// More than any spectrogram needs.
  private static let longestLine = 1 << 22

  init(_ path: String) throws { file = try InputFile(path) }

  func failure(_ reason: String) -> SpectroError {
    .unreadable(path: file.path, reason: "line \(number): \(reason)")
  }

  /// Lines to come that are not empty.
  func count() throws -> Int {
    var (others, count) = (try LineReader(file.path), 0)
    while let line = try others.next() {
      if others.number > number, !line.isEmpty { count += 1 }
    }
    return count
  }

  /// Without its end; nil behind the last.
  mutating func next() throws -> String? {
    number += 1
    var searched = buffer.startIndex
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffer = buffer[(end + 1)...] }
        return Self.text(buffer[..<end])
      }
      guard buffer.count < Self.longestLine else {
        throw failure("too long for a spectrogram's")
      }
      guard let more = try file.read(upTo: 1 << 18) else {
        defer { buffer = [] }
        return buffer.isEmpty ? nil : Self.text(buffer)
      }
      let known = buffer.count
      buffer = ArraySlice(Array(buffer) + more)
      searched = buffer.startIndex + known
    }
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
  }
}

extension SpectrogramSettings {
  /// Hz of the mel filters' peaks, the lowest first.
  public var melCenters: [Double] {
    let (low, high) = (melScale.mel(hertz: minFrequency), melScale.mel(hertz: topFrequency))
    return (1...melBins).map {
      melScale.hertz(mel: low + (high - low) * Double($0) / Double(melBins + 1))
    }
  }
}
