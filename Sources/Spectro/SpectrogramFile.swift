/// Writes a log-mel spectrogram that comes in blocks of frames.
///
/// Nothing stands under the file's name before `finish`; a writer that is let go leaves nothing.
public protocol SpectrogramWriter: AnyObject {
  /// - Parameter channels: the next frames of each channel, `[frames, melBins]`, of equal length:
  ///   one, or mid and side.
  /// - Throws: `SpectroError.unwritable`; `.invalidSpectrogram` for frames that do not fit.
  func append(_ channels: [Spectrogram]) throws

  /// Completes the file.
  ///
  /// - Throws: `SpectroError.exists`, `.unwritable`; `.invalidSpectrogram` where the format cannot
  ///   hold what was appended.
  func finish() throws
}

/// Reads a log-mel spectrogram in blocks of frames.
public protocol SpectrogramReader: AnyObject {
  /// What made the spectrogram, if the file says so.
  var settings: SpectrogramSettings? { get }
  /// The sound that it was made of, if the file says so.
  var origin: SpectrogramOrigin? { get }
  /// 1, or 2 for mid and side.
  var channelCount: Int { get }
  var bins: Int { get }
  /// Of the whole file.
  var frames: Int { get }

  /// The next frames of each channel, at most `limit`; nil at the end.
  ///
  /// - Throws: `SpectroError.unreadable`, also for values that are not a number.
  func read(upTo limit: Int) throws -> [Spectrogram]?
}

/// The formats of spectrogram files, by the extensions of their names.
public enum SpectrogramFormat: String, CaseIterable, Sendable {
  case png, npy, csv

  /// Nil for other extensions.
  public init?(path: String) {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return nil }
    self.init(rawValue: name[name.index(after: dot)...].lowercased())
  }

  /// Opens a file of this format.
  ///
  /// - Throws: `SpectroError.unreadable`.
  public func reader(_ path: String) throws -> any SpectrogramReader {
    switch self {
    case .png: try PNGReader(path)
    case .npy: try NPYReader(path)
    case .csv: try CSVReader(path)
    }
  }
}

/// Frames with their channels side by side, as files have them: `[frames, channels, bins]`.
///
/// - Throws: `SpectroError.invalidSpectrogram` where the channels are not as many, as long or as
///   high as they should be.
func interleaved(_ channels: [Spectrogram], channelCount: Int, bins: Int) throws -> [Float] {
  guard channels.count == channelCount else {
    throw SpectroError.invalidSpectrogram(
      "\(channels.count) channels where \(channelCount) belong")
  }
  for channel in channels {
    guard channel.bins == bins else {
      throw SpectroError.invalidSpectrogram("\(channel.bins) mel bins where \(bins) belong")
    }
    guard channel.frames == channels[0].frames else {
      throw SpectroError.invalidSpectrogram("the channels differ in length")
    }
  }
  if channelCount == 1 { return channels[0].values }
  var values: [Float] = []
  values.reserveCapacity(channels[0].values.count * channelCount)
  for frame in 0..<channels[0].frames {
    for channel in channels { values += channel.values[frame * bins..<(frame + 1) * bins] }
  }
  return values
}

/// The way back: `[frames, channels, bins]` to one spectrogram a channel.
func separated(_ values: [Float], channelCount: Int, bins: Int) -> [Spectrogram] {
  let frames = values.count / (channelCount * bins)
  if channelCount == 1 { return [Spectrogram(values: values, frames: frames, bins: bins)] }
  return (0..<channelCount).map { channel in
    var own: [Float] = []
    own.reserveCapacity(frames * bins)
    for frame in 0..<frames {
      let start = (frame * channelCount + channel) * bins
      own += values[start..<start + bins]
    }
    return Spectrogram(values: own, frames: frames, bins: bins)
  }
}

extension SpectrogramReader {
  /// All frames of a file with one channel.
  func mono(_ path: String) throws -> Spectrogram {
    guard channelCount == 1 else {
      throw SpectroError.unreadable(
        path: path, reason: "it holds mid and side, read them with the file's reader")
    }
    var (values, frames): ([Float], Int) = ([], 0)
    while let block = try read(upTo: 1 << 12) {
      values += block[0].values
      frames += block[0].frames
    }
    return Spectrogram(values: values, frames: frames, bins: bins)
  }

  /// Names the first frame with a value that is not a number or infinite.
  func requireNumbers(_ values: [Float], firstFrame: Int, path: String) throws {
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      let frame = firstFrame + index / (channelCount * bins)
      throw SpectroError.unreadable(
        path: path, reason: "frame \(frame) holds a value that is not a number or infinite")
    }
  }
}
