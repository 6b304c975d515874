/// Settings that fit together, by the names that models of them have.
public enum SpectrogramPreset: String, CaseIterable, Codable, Sendable {
  case standard, draft, oneshots, studio

  public var settings: SpectrogramSettings {
    switch self {
    case .standard: SpectrogramSettings(sampleRate: 22050, melBins: 256)
    case .draft: SpectrogramSettings(sampleRate: 22050, melBins: 128)
    case .oneshots, .studio: SpectrogramSettings(sampleRate: 44100, melBins: 256)
    }
  }

  /// 1 for mono; 2 for stereo, as mid and side.
  public var channelCount: Int { self == .studio ? 2 : 1 }

  /// One line for `--help`.
  public var summary: String {
    let settings = settings
    return "\(settings.sampleRate) Hz \(channelCount == 1 ? "mono" : "stereo"), window "
      + "\(settings.fftSize), hop \(settings.hopLength), \(settings.melBins) mel bins"
  }
}
