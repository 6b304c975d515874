package import Audio
import Foundation
public import Spectro

/// How a piece of sound becomes what the network sees, and how much of it at a time.
public struct Representation: Codable, Sendable, Equatable {
  public var spectrogram: SpectrogramSettings
  /// 1 for mono; 2 for stereo, kept as mid and side.
  public var channels: Int
  /// Frames of one training window.
  public var windowFrames: Int
  /// Whether clips shorter than a window are filled up with silence, as one-shots are, or left out.
  public var padsShortClips: Bool
  /// How log-mel values become those that the network sees.
  public var values: ValueTransform

  public init(
    spectrogram: SpectrogramSettings, channels: Int, windowFrames: Int, padsShortClips: Bool,
    values: ValueTransform = .statistics
  ) {
    self.spectrogram = spectrogram
    self.channels = channels
    self.windowFrames = windowFrames
    self.padsShortClips = padsShortClips
    self.values = values
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    spectrogram = try container.decode(SpectrogramSettings.self, forKey: .spectrogram)
    channels = try container.decode(Int.self, forKey: .channels)
    windowFrames = try container.decode(Int.self, forKey: .windowFrames)
    padsShortClips = try container.decode(Bool.self, forKey: .padsShortClips)
    values = try container.decodeIfPresent(ValueTransform.self, forKey: .values) ?? .statistics
  }

  /// As it was before there were other values, unless it has others: the names of prepared data
  /// follow from this.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(spectrogram, forKey: .spectrogram)
    try container.encode(channels, forKey: .channels)
    try container.encode(windowFrames, forKey: .windowFrames)
    try container.encode(padsShortClips, forKey: .padsShortClips)
    if values != .statistics { try container.encode(values, forKey: .values) }
  }

  private enum CodingKeys: CodingKey {
    case spectrogram, channels, windowFrames, padsShortClips, values
  }

  public var sampleRate: Int { spectrogram.sampleRate }

  /// Seconds of one training window.
  public var windowSeconds: Double { Double(windowFrames) / spectrogram.frameRate }

  /// What silence is in log-mel.
  package var silence: Float { log(Float(spectrogram.floor)) }

  /// In log-mel, 43 dB above a full-scale sine: more than any sound has, and less than a network that
  /// has learned little may say.
  package static let ceiling: Float = 10

  /// Any sound at this representation's rate, as mono or as mid and side: mid = (left + right) / 2,
  /// side = (left − right) / 2.
  package func channels(of audio: AudioBuffer) throws -> [[Float]] {
    let sound = try audio.mixed(toChannels: channels).resampled(to: sampleRate)
    return sound.arranged(as: channels == 2 ? .midSide : .mono).channels
  }

  /// The inverse of ``channels(of:)``.
  package func audio(fromChannels planes: [[Float]]) -> AudioBuffer {
    guard channels == 2 else { return AudioBuffer(channels: planes, sampleRate: sampleRate) }
    return AudioBuffer(mid: planes[0], side: planes[1], sampleRate: sampleRate)
  }

  func validate() throws {
    try spectrogram.validate()
    guard (1...2).contains(channels), (1...1 << 20).contains(windowFrames) else {
      throw ModelError.invalidConfiguration(
        "representation.channels must be 1 or 2 and windowFrames positive")
    }
    guard values == .statistics || silence < 0 else {
      throw ModelError.invalidConfiguration(
        "representation.values needs a floor of the spectrogram below 1")
    }
  }
}
