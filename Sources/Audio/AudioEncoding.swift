import CSndfile

/// A file format with the encoding of its samples.
public enum AudioEncoding: String, Codable, Sendable, Hashable, CaseIterable {
  case wav16, wav24, wavFloat
  case flac16, flac24
  case aiff16
  /// Vorbis in OGG, variable bit rate at quality 6 of 10, about 100 kbit/s a channel at 44.1 kHz.
  case vorbis
  /// Opus in OGG. Always at 48 kHz, to which other rates are resampled.
  case opus
  /// MPEG layer III, variable bit rate near LAME's best; one or two channels, at most 48 kHz.
  case mp3

  static let extensions = ["wav", "flac", "aiff", "aif", "ogg", "opus", "mp3"]

  /// What the extension of a file's name stands for, in capitals or not: 16 bits for `wav`, `flac`
  /// and `aiff`, Vorbis for `ogg`; nil for an extension of no known encoding.
  public init?(path: String) {
    let name = path.split(separator: "/").last ?? ""
    switch name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?
      .lowercased()
    {
    case "wav": self = .wav16
    case "flac": self = .flac16
    case "aif", "aiff": self = .aiff16
    case "ogg": self = .vorbis
    case "opus": self = .opus
    case "mp3": self = .mp3
    default: return nil
    }
  }

  /// The smallest encoding of a file's extension that writes samples back as they were read, or else
  /// the best there is; nil for an extension of no known encoding.
  ///
  /// - Parameter bits: of the integers that were read; nil for other samples.
  public init?(path: String, keeping bits: Int?) {
    guard let encoding = AudioEncoding(path: path) else { return nil }
    let choices: [AudioEncoding] =
      switch encoding {
      case .wav16: [.wav16, .wav24, .wavFloat]
      case .flac16: [.flac16, .flac24]
      default: [encoding]
      }
    self = choices.first { $0.keeps(bits: bits) } ?? choices[choices.count - 1]
  }

  /// Whether samples are written back as they were read.
  ///
  /// - Parameter bits: of the integers that were read; nil for other samples. Of more than 24, reading
  ///   leaves what a `Float` has.
  public func keeps(bits: Int?) -> Bool {
    if self == .wavFloat { return true }
    guard let bits, let own = integerBits else { return false }
    return bits <= Int(own)
  }

  /// Bits of an integer sample; nil for floating point and lossy encodings, which do not clip.
  var integerBits: Int32? {
    switch self {
    case .wav16, .flac16, .aiff16: 16
    case .wav24, .flac24: 24
    case .wavFloat, .vorbis, .opus, .mp3: nil
    }
  }

  /// Whether what is read back differs from what was written by more than rounding.
  public var isLossy: Bool { quality != nil }

  /// Of the encoder at variable bit rate, 0 to 1.
  var quality: Double? {
    switch self {
    case .vorbis: 0.6
    case .mp3: 0.9
    case .opus: 0.8
    case .wav16, .wav24, .wavFloat, .flac16, .flac24, .aiff16: nil
    }
  }

  /// Whether the container is OGG, whose pages carry a serial number.
  var isOgg: Bool { self == .vorbis || self == .opus }

  /// Samples to write after the end. The Opus encoder looks 6.5 ms ahead, at 48 kHz, and libsndfile
  /// does not push the last of them out.
  var paddingCount: Int { self == .opus ? 312 : 0 }

  /// libsndfile's name of the format, for this many bytes of samples; nil when that is not known.
  func format(byteCount: Int?) -> Int32 {
    let fitsWAV = byteCount.map { $0 < Int(UInt32.max) - 4096 } ?? false
    let wav = fitsWAV ? SF_FORMAT_WAV : SF_FORMAT_RF64
    let (container, samples) =
      switch self {
      case .wav16: (wav, SF_FORMAT_PCM_16)
      case .wav24: (wav, SF_FORMAT_PCM_24)
      case .wavFloat: (wav, SF_FORMAT_FLOAT)
      case .flac16: (SF_FORMAT_FLAC, SF_FORMAT_PCM_16)
      case .flac24: (SF_FORMAT_FLAC, SF_FORMAT_PCM_24)
      case .aiff16: (SF_FORMAT_AIFF, SF_FORMAT_PCM_16)
      case .vorbis: (SF_FORMAT_OGG, SF_FORMAT_VORBIS)
      case .opus: (SF_FORMAT_OGG, SF_FORMAT_OPUS)
      case .mp3: (SF_FORMAT_MPEG, SF_FORMAT_MPEG_LAYER_III)
      }
    return Int32(container | samples)
  }
}
