public import Foundation

/// From sound to a log-mel spectrogram and back: the best that a model of such spectrograms can sound.
public struct RoundTrip: Sendable {
  public let settings: SpectrogramSettings
  private let mel: MelSpectrogram
  private let inverter: MelInverter
  private let iterations: Int

  /// What was lost on the way, over all channels together.
  public struct Losses: Sendable {
    /// `20 log10(|| |X| - |Y| || / || |X| ||)` over the magnitudes of transforms of 2048 samples, hop
    /// 512, whatever the settings: dB, the lower the better.
    public var spectralConvergence: Double
    /// The mean distance of the log-mel spectrograms, dB.
    public var logMelError: Double
    /// Of the channel with the most attacks; nil where there are none.
    public var attacks: Attacks.Smear?
  }

  /// - Parameter iterations: passes of Griffin-Lim.
  /// - Throws: `SpectroError.invalidSettings`.
  public init(
    _ settings: SpectrogramSettings, iterations: Int = 32,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    self.settings = settings
    self.iterations = iterations
    mel = try MelSpectrogram(settings, threads: threads)
    inverter = try MelInverter(settings, threads: threads)
  }

  /// The sound that is left of channels `[channels][samples]` at `settings.sampleRate`, as long.
  public func copy(of channels: [[Float]]) throws -> [[Float]] {
    try inverter.audio(
      fromLogMel: channels.map(mel.logMel(of:)), iterations: iterations,
      sampleCount: channels.first?.count)
  }

  /// Compares channels with their copies, sample beside sample.
  public func losses(of copy: [[Float]], against original: [[Float]]) -> Losses {
    precondition(
      copy.count == original.count && zip(copy, original).allSatisfy { $0.count == $1.count })
    let stft = STFT(threads: mel.stft.threads)
    var (error, energy, distance, values) = (0.0, 0.0, 0.0, 0)
    var attacks: Attacks.Smear?
    for (copy, original) in zip(copy, original) {
      let (a, b) = (stft.magnitudes(of: copy), stft.magnitudes(of: original))
      for (a, b) in zip(a.values, b.values) {
        error += Double((a - b) * (a - b))
        energy += Double(b * b)
      }
      let (c, d) = (mel.logMel(of: copy), mel.logMel(of: original))
      for (c, d) in zip(c.values, d.values) { distance += Double(abs(c - d)) }
      values += d.values.count
      let smear = Attacks(of: original, sampleRate: settings.sampleRate).smear(of: copy)
      if smear?.count ?? 0 > attacks?.count ?? 0 { attacks = smear }
    }
    return Losses(
      // Silence has nothing to lose.
      spectralConvergence: energy > 0 ? 10 * log10(max(error / energy, 1e-12)) : -120,
      logMelError: values > 0 ? settings.decibelsPerNeper * distance / Double(values) : 0,
      attacks: attacks)
  }
}
