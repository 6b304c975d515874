/// What was found in one file.
public struct FileReport: Codable, Sendable, Equatable {
  public var path: String
  public var label: String?
  /// Container and encoding, as "WAV (Microsoft), Signed 16 bit PCM".
  public var format: String
  /// In Hz.
  public var sampleRate: Int
  public var channels: Int
  public var seconds: Double
  /// In LUFS; nil for silence and for less than 400 ms.
  public var loudness: Double?
  /// In decibels above full scale; nil for digital silence.
  public var peak: Double?
  /// Seconds in which nothing passes -70 dB.
  public var silence: Double
  /// Places where three samples or more in a row stand at full scale.
  public var clippings: Int
  /// The greatest mean of a channel, full scale being 1.
  public var offset: Double
  /// Whether both channels of a stereo file are the same.
  public var isDualMono: Bool
  /// Hz; above it nothing comes within 85 dB of the strongest frequency.
  public var bandwidth: Double
  /// Hz: where the sound ends as at a wall; nil where it fades by itself.
  public var wall: Double?

  public var isSilent: Bool { (peak ?? -.infinity) < -60 }
  public var isMostlySilent: Bool { !isSilent && silence > 1 && silence > seconds / 2 }
  public var isClipped: Bool { clippings >= 3 && Double(clippings) > seconds / 4 }
  public var hasOffset: Bool { offset > 0.01 }
}
