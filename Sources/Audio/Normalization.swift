import Glibc

/// How loud a sound shall be.
public enum NormalizationTarget: Sendable, Equatable {
  /// An integrated loudness in LUFS, as far as the true peak stays at or below a limit in dBTP.
  case loudness(Double, truePeakLimit: Double = -1)
  /// A largest sample, in dBFS: decibels above full scale.
  case peak(Double)
}

extension NormalizationTarget {
  /// What brings a sound that has been measured to the target: 0 where its loudness is undefined.
  public func gain(for loudness: Loudness) -> (decibels: Double, outcome: Normalization.Outcome) {
    switch self {
    case .peak(let peak):
      guard loudness.samplePeak.isFinite else { return (0, .undefined(.silent)) }
      return (peak - loudness.samplePeak, .reached)
    case .loudness(let lufs, let truePeakLimit):
      guard let value = loudness.integrated.value else {
        return (0, .undefined(loudness.integrated))
      }
      let (wanted, limit) = (lufs - value, truePeakLimit - loudness.truePeak)
      return wanted <= limit ? (wanted, .reached) : (limit, .heldBack)
    }
  }
}

extension NormalizationTarget: LosslessStringConvertible {
  /// Reads "-14 LUFS" or "-1 dBFS"; also "-14lufs", "-1 dB" and "peak -1". A loudness is from -70 to
  /// -1 LUFS, a peak from -70 to 0 dBFS; nil for anything else.
  public init?(_ text: String) {
    var words = text.lowercased()[...]
    let isPeak = words.hasPrefix("peak")
    if isPeak { words = words.dropFirst(4) }
    words = words.drop { $0 == " " }
    let number = words.prefix { $0.isNumber || "+-.".contains($0) }
    let unit = words.dropFirst(number.count).filter { $0 != " " }
    guard let value = Double(number), value >= -70 else { return nil }
    switch (isPeak, unit) {
    case (false, "lufs") where value <= -1: self = .loudness(value)
    case (false, "db"), (false, "dbfs"), (true, ""), (true, "db"), (true, "dbfs"):
      guard value <= 0 else { return nil }
      self = .peak(value)
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .loudness(let value, _): "\(value) LUFS"
    case .peak(let value): "\(value) dBFS"
    }
  }
}

/// A sound brought to a target.
public struct Normalization: Sendable, Equatable {
  public enum Outcome: Sendable, Equatable {
    /// The target is met.
    case reached
    /// The limit of the true peak kept the sound below the loudness wanted.
    case heldBack
    /// A sound without a loudness or a peak to go by, left as it was: `Loudness.Integrated` says why.
    case undefined(Loudness.Integrated)
  }

  public var audio: AudioBuffer
  /// What has been applied, in decibels; below 0 where the sound was turned down.
  public var gain: Double
  public var outcome: Outcome
}

extension AudioBuffer {
  /// The same sound, louder or softer as a whole.
  ///
  /// A sound that is silent or, for a loudness, shorter than 400 ms, stays as it is.
  ///
  /// - Throws: as `loudness()`.
  public func normalized(to target: NormalizationTarget) throws -> Normalization {
    let (gain, outcome) = try target.gain(for: loudness())
    return Normalization(audio: amplified(by: gain), gain: gain, outcome: outcome)
  }

  /// The same sound, louder by so many decibels.
  public func amplified(by gain: Double) -> AudioBuffer {
    let exact = pow(10, gain / 20)
    var factor = Float(exact)
    if Double(factor) > exact { factor = factor.nextDown }  // or a peak of 0 dBFS would clip
    return AudioBuffer(
      channels: channels.map { samples in samples.map { $0 * factor } }, sampleRate: sampleRate)
  }
}

/// An amplitude in decibels above 1; -infinity of 0.
func decibels(_ amplitude: Double) -> Double { 20 * log10(amplitude) }

/// As "-14.0".
func oneDecimal(_ value: Double) -> String {
  let tenths = (value * 10).rounded() / 10
  return "\(tenths == 0 ? 0 : tenths)"
}
