import Foundation

/// What a spectrogram's file says beside its settings: of the sound that it was made of, so that the
/// way back gives as many samples, a loop where there was one, and the same title.
public struct SpectrogramOrigin: Codable, Sendable, Equatable {
  /// Samples per channel, at the settings' rate; nil where nobody knew before the end.
  public var sampleCount: Int?
  /// Whether the sound is a loop. Its frames go around, and stand in for `sampleCount` samples that are
  /// resampled to whole hops.
  public var isLoop: Bool
  /// What the sound's own file said of it, as its reader writes it; nothing to Spectro.
  public var metadata: String?

  public init(sampleCount: Int? = nil, isLoop: Bool = false, metadata: String? = nil) {
    (self.sampleCount, self.isLoop, self.metadata) = (sampleCount, isLoop, metadata)
  }

  /// Samples to make of so many frames: those of the sound, as long as these are its frames, and nil
  /// after someone has cut them.
  public func sampleCount(frames: Int, hopLength: Int) -> Int? {
    // Whatever a file says: no sum below may overflow.
    guard let sampleCount, sampleCount > 0, sampleCount / hopLength <= frames else { return nil }
    let own = isLoop ? loopFrames(sampleCount, hopLength: hopLength) : 1 + sampleCount / hopLength
    return own == frames ? sampleCount : nil
  }
}

/// Frames of a loop of so many samples, resampled to whole hops.
public func loopFrames(_ sampleCount: Int, hopLength: Int) -> Int {
  max(1, (sampleCount + hopLength / 2) / hopLength)
}

/// What the text in a spectrogram's file holds: the settings, and under `sound` the origin.
struct SpectrogramNote: Codable, Equatable {
  var settings: SpectrogramSettings
  var origin: SpectrogramOrigin?

  private enum Key: String, CodingKey { case sound }

  init(_ settings: SpectrogramSettings, _ origin: SpectrogramOrigin?) {
    (self.settings, self.origin) = (settings, origin)
  }

  init(from decoder: any Decoder) throws {
    settings = try SpectrogramSettings(from: decoder)
    origin = try decoder.container(keyedBy: Key.self).decodeIfPresent(
      SpectrogramOrigin.self, forKey: .sound)
  }

  func encode(to encoder: any Encoder) throws {
    try settings.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(origin, forKey: .sound)
  }

  /// One line of JSON, its keys in alphabetical order.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// What a file at `path` carries.
  init(json: String, path: String) throws {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
      try settings.validate()
    } catch let error as SpectroError {
      throw SpectroError.unreadable(path: path, reason: "\(error)")
    } catch {
      throw SpectroError.unreadable(path: path, reason: "its spectrogram settings are damaged")
    }
  }
}
