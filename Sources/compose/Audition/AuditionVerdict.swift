import Audio
import Foundation
import Spectro

/// What a round trip loses, in words.
struct AuditionVerdict {
  let lines: [String]

  /// - Parameters:
  ///   - original: as the file has it.
  ///   - sound: what of it the settings take, at their rate and with their channels.
  ///   - result: what came back of that.
  init(
    _ original: AudioBuffer, _ sound: AudioBuffer, _ result: AudioBuffer,
    _ settings: SpectrogramSettings, _ losses: RoundTrip.Losses
  ) throws {
    guard !losses.isSilent else {
      lines = ["silence, which comes back as silence"]
      return
    }
    lines = [
      String(
        format: "spectral convergence %.1f dB, log-mel error %.2f dB: ",
        losses.spectralConvergence, losses.logMelError) + Self.nearness(losses),
      Self.bandwidth(
        UnseenBands(
          of: original.channels, sampleRate: original.sampleRate, settings: settings)),
      Self.channels(of: original, sound),
      losses.stereo.map(Self.stereo),
      Self.loudness(try sound.loudness().integrated, try result.loudness().integrated),
      Self.attacks(losses.attacks),
    ].compactMap(\.self)
  }

  private static func nearness(_ losses: RoundTrip.Losses) -> String {
    guard losses.isStereoTheCause, let stereo = losses.stereo else {
      return words(losses.nearness)
    }
    let planes = RoundTrip.Losses.Nearness(convergence: stereo.planesConvergence)
    return String(
      format:
        "stereo is the cause: the phase between mid and side is lost, which by themselves come "
        + "back at %.1f dB, ", stereo.planesConvergence) + words(planes)
  }

  private static func words(_ nearness: RoundTrip.Losses.Nearness) -> String {
    switch nearness {
    case .close: "close to the original"
    case .slightlyBlurred: "slightly blurred"
    case .blurred: "blurred, or much noise, which is drawn anew"
    case .muchBlurred: "much blurred, or mostly noise, which is drawn anew"
    }
  }

  private static func bandwidth(_ bands: UnseenBands) -> String {
    var parts: [String] = []
    if bands.losesTop {
      parts.append(
        "all above \(hertz(bands.top)) is lost, \(percent(bands.above)) of the energy; the sound "
          + "reaches \(hertz(bands.end))")
    }
    if bands.losesBottom {
      parts.append(
        "constant offset and slow swings, below \(hertz(bands.bottom)), are made up, "
          + "\(percent(bands.below)) of the energy")
    }
    if parts.isEmpty { parts.append("nothing is lost; the sound ends at \(hertz(bands.end))") }
    return "bandwidth: " + parts.joined(separator: "; ")
  }

  /// Nil where none are lost.
  private static func channels(of original: AudioBuffer, _ sound: AudioBuffer) -> String? {
    guard original.channelCount > sound.channelCount else { return nil }
    let lost = original.energyLost(mixedToChannels: sound.channelCount)
    return "channels: \(original.channelCount) become \(sound.channelCount); the difference, "
      + "\(percent(lost)) of the energy, is lost"
  }

  private static func stereo(_ loss: StereoLoss) -> String {
    let words =
      switch loss.places {
      case .kept: "the balance of left and right is kept"
      case .blurred: "sounds stand less clearly on their sides"
      case .lost: "which side sounds stand on is lost, for mid and side do not tell"
      }
    return "stereo: \(words); left against right is off by "
      + String(format: "%.1f dB in the mean", loss.levelError)
  }

  private static func loudness(_ before: Loudness.Integrated, _ after: Loudness.Integrated)
    -> String
  {
    guard let change = before.change(to: after) else {
      return "loudness: too short or too soft to tell"
    }
    return String(format: "loudness: \(after), %+.1f LU", change)
      + (abs(change) < 0.5 ? ", kept" : "")
  }

  private static func attacks(_ smear: Attacks.Smear?) -> String {
    guard let smear else { return "attacks: none found" }
    return String(
      format:
        "attacks: %d found, %@: they rise in %.0f ms, in %.0f in the original; pre-echo %+.1f dB",
      smear.count, smear.isKept ? "kept" : "softened", smear.copiedRiseTime * 1000,
      smear.riseTime * 1000, smear.preEcho)
  }

  private static func hertz(_ hertz: Double) -> String {
    hertz < 1000 ? String(format: "%.0f Hz", hertz) : String(format: "%.1f kHz", hertz / 1000)
  }

  private static func percent(_ part: Double) -> String {
    part < 1e-4
      ? "less than 0.01 %" : String(format: part < 0.995 ? "%.2g %%" : "%.3g %%", 100 * part)
  }
}
