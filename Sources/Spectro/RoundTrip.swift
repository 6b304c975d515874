public import Foundation

/// From sound to a log-mel spectrogram and back: the best that a model of such spectrograms can sound.
public struct RoundTrip: Sendable {
  public let settings: SpectrogramSettings
  private let mel: MelSpectrogram
  private let inverter: MelInverter
  private let iterations: Int

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
}
