public import Foundation

/// Log-mel spectrogram to sound: mel to linear by non-negative least squares, then Griffin-Lim.
/// The way back of `MelSpectrogram`, with the same settings.
public final class MelInverter: Sendable {
  public let settings: SpectrogramSettings
  private let mel: MelSpectrogram
  private let pseudoInverse: MelPseudoInverse

  /// - Throws: `SpectroError.invalidSettings`.
  public init(
    _ settings: SpectrogramSettings,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    self.settings = settings
    mel = try MelSpectrogram(settings, threads: threads)
    pseudoInverse = MelPseudoInverse(mel.filterBank)
  }

  /// Magnitudes in the STFT's unit, `[frames, fftSize / 2 + 1]`, whose mel spectrogram is nearest
  /// to the given one.
  ///
  /// - Parameter iterations: multiplicative updates after the clipped pseudo-inverse.
  /// - Throws: `SpectroError.shape` where the bins are not those of the settings.
  public func magnitudes(fromLogMel logMel: Spectrogram, iterations: Int = 20) throws -> Spectrogram
  {
    guard logMel.bins == settings.melBins else {
      throw SpectroError.shape("\(logMel.bins) mel bins where \(settings.melBins) belong")
    }
    let bank = mel.filterBank
    let (frames, bins, melBins) = (logMel.frames, mel.stft.bins, logMel.bins)
    let scale = Float(1 / mel.magnitudeScale)
    let power = settings.power
    let values = [Float](unsafeUninitializedCapacity: frames * bins) { output, count in
      logMel.values.withUnsafeBufferPointer { input in
        forEachBlock(of: frames, size: STFT.blockSize, threads: mel.stft.threads) { block in
          var row = [Float](repeating: 0, count: melBins)
          var scratch = MelPseudoInverse.Scratch(bank)
          for frame in block {
            for mel in 0..<melBins { row[mel] = exp(input[frame * melBins + mel]) }
            pseudoInverse.solve(row, iterations: iterations, &scratch)
            for bin in 0..<bins {
              let value = scratch.linear[bin]
              output.initializeElement(
                at: frame * bins + bin, to: scale * (power == 2 ? value.squareRoot() : value))
            }
          }
        }
      }
      count = frames * bins
    }
    return Spectrogram(values: values, frames: frames, bins: bins)
  }

  /// The sound of a log-mel spectrogram of any length, as one piece.
  ///
  /// - Parameters:
  ///   - logMel: `[frames, melBins]`, ln of mel values as `MelSpectrogram` makes them.
  ///   - iterations: passes of Griffin-Lim.
  ///   - momentum: of fast Griffin-Lim; 0 is the original algorithm.
  ///   - seed: of the starting phases.
  ///   - sampleCount: by default `(frames - 1) * hopLength`.
  /// - Throws: `SpectroError.shape` where the bins are not those of the settings.
  public func audio(
    fromLogMel logMel: Spectrogram, iterations: Int = 32, momentum: Double = 0.99,
    seed: UInt64 = 0, sampleCount: Int? = nil
  ) throws -> [Float] {
    let magnitudes = try magnitudes(fromLogMel: logMel)
    return GriffinLim(mel.stft, iterations: iterations, momentum: momentum)
      .audio(from: magnitudes, seed: seed, sampleCount: sampleCount)
  }
}
