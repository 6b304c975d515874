public import Foundation

/// Log-mel spectrogram to sound, the way back of `MelSpectrogram` with the same settings.
///
/// Mel to linear by non-negative least squares, first phases from the gradient of the magnitudes,
/// then fast Griffin-Lim. Its iterations do not hold on to the first guess of the linear magnitudes:
/// each takes those of the signal so far, corrected by one multiplicative update towards the mel
/// values, so that what a mel filter cannot tell apart is told by what a signal can have. On
/// chorales that halves the error of the log-mel spectrogram against fixed magnitudes.
public final class MelInverter: Sendable {
  public let settings: SpectrogramSettings
  private let mel: MelSpectrogram
  private let inverse: MelInverse

  /// - Throws: `SpectroError.invalidSettings`.
  public init(
    _ settings: SpectrogramSettings,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    self.settings = settings
    mel = try MelSpectrogram(settings, threads: threads)
    inverse = MelInverse(mel.filterBank)
  }

  /// The sound of a log-mel spectrogram of any length, as one piece.
  ///
  /// - Parameters:
  ///   - logMel: `[frames, melBins]`, ln of mel values as `MelSpectrogram` makes them.
  ///   - iterations: passes of Griffin-Lim.
  ///   - momentum: of fast Griffin-Lim; 0 is the original algorithm.
  ///   - seed: of the phases that the magnitudes do not decide.
  ///   - sampleCount: by default `(frames - 1) * hopLength`.
  /// - Returns: one channel at `settings.sampleRate`.
  /// - Throws: `SpectroError.invalidSpectrogram` where the bins are not those of the settings or
  ///   values are not a number.
  public func audio(
    fromLogMel logMel: Spectrogram, iterations: Int = 32, momentum: Double = 0.99,
    seed: UInt64 = 0, sampleCount: Int? = nil
  ) throws -> [Float] {
    let magnitudes = try magnitudes(fromLogMel: logMel)
    let phases = PhaseGradient.phases(of: magnitudes, stft: mel.stft, seed: seed)
    let melValues = logMel.values.map(exp)
    return melValues.withUnsafeBufferPointer { melValues in
      GriffinLim(mel.stft, iterations: iterations, momentum: momentum)
        .audio(from: magnitudes, phases: phases, sampleCount: sampleCount) { frame, scratch in
          let row = melValues.baseAddress.unsafelyUnwrapped + frame * logMel.bins
          impose(row, on: scratch)
        }
    }
  }

  /// Magnitudes in the STFT's unit, `[frames, fftSize / 2 + 1]`, whose mel spectrogram is nearest
  /// to the given one, each frame by itself.
  ///
  /// - Parameter iterations: multiplicative updates after the clipped pseudo-inverse.
  /// - Throws: `SpectroError.invalidSpectrogram` where the bins are not those of the settings or
  ///   values are not a number.
  public func magnitudes(fromLogMel logMel: Spectrogram, iterations: Int = 20) throws -> Spectrogram
  {
    guard logMel.bins == settings.melBins else {
      throw SpectroError.invalidSpectrogram(
        "\(logMel.bins) mel bins where \(settings.melBins) belong")
    }
    // The exponential of more than 88 is no float.
    guard logMel.values.allSatisfy({ $0 < 80 }) else {
      throw SpectroError.invalidSpectrogram(
        "some values are not a number or too large for a logarithm of mel energy")
    }
    let (frames, bins, melBins) = (logMel.frames, mel.stft.bins, logMel.bins)
    let (scale, power) = (Float(1 / mel.magnitudeScale), settings.power)
    let values = [Float](unsafeUninitializedCapacity: frames * bins) { output, count in
      let output = output.baseAddress
      forEachBlock(of: frames, size: STFT.blockSize, threads: mel.stft.threads) { block in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: melBins + bins + 3) { memory in
          let row = memory.baseAddress.unsafelyUnwrapped
          let linear = row + melBins
          for frame in block {
            for i in 0..<melBins { row[i] = exp(logMel.values[frame * melBins + i]) }
            inverse.solve(row, into: linear, iterations: iterations)
            let target = output.unsafelyUnwrapped + frame * bins
            for bin in 0..<bins {
              target[bin] = scale * (power == 2 ? linear[bin].squareRoot() : linear[bin])
            }
          }
        }
      }
      count = frames * bins
    }
    return Spectrogram(values: values, frames: frames, bins: bins)
  }

  /// Moves the magnitudes of `scratch.spectrum` towards those with this mel spectrum, and keeps the
  /// phases.
  private func impose(_ melValues: UnsafePointer<Float>, on scratch: RealFFT.Scratch) {
    let bins = mel.stft.bins
    let (power, scale) = (settings.power, Float(pow(mel.magnitudeScale, settings.power)))
    STFT.magnitudes(scratch, bins: bins, power: power)
    for bin in 0..<bins { scratch.magnitudes[bin] = scratch.magnitudes[bin] * scale + 1e-20 }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: bins + 3) { gains in
      let gains = gains.baseAddress.unsafelyUnwrapped
      inverse.gains(scratch.magnitudes, toward: melValues, into: gains)
      for bin in 0..<bins {
        let gain = power == 2 ? gains[bin].squareRoot() : gains[bin]
        scratch.spectrum[2 * bin] *= gain
        scratch.spectrum[2 * bin + 1] *= gain
      }
    }
  }
}
