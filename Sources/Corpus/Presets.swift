public import Spectro

/// What of a sound a model of each preset sees at a time.
extension SpectrogramPreset {
  /// Frames of one training window.
  public var windowFrames: Int {
    switch self {
    case .standard: 192
    case .draft, .oneshots: 128
    case .studio: 384
    }
  }

  /// Whether sounds shorter than a window are filled up with silence, or left out.
  public var padsShortClips: Bool { self == .oneshots }

  /// Seconds of one training window.
  public var windowSeconds: Double { Double(windowFrames) / settings.frameRate }
}
