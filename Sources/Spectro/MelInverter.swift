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
    try check(logMel)
    let bins = logMel.bins
    let melValues = logMel.values.map(exp)
    return melValues.withUnsafeBufferPointer { melValues in
      GriffinLim(mel.stft, iterations: iterations, momentum: momentum).audio(
        frames: logMel.frames, sampleCount: sampleCount, start: .phaseGradient, seed: seed
      ) { frames in
        let rows = melValues[frames.lowerBound * bins..<frames.upperBound * bins]
        return magnitudes(fromMel: UnsafeBufferPointer(rebasing: rows), iterations: 20)
      } project: { frame, scratch in
        impose(melValues.baseAddress.unsafelyUnwrapped + frame * bins, on: scratch)
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
    try check(logMel)
    return logMel.values.map(exp).withUnsafeBufferPointer {
      magnitudes(fromMel: $0, iterations: iterations)
    }
  }

  private func check(_ logMel: Spectrogram) throws {
    guard logMel.bins == settings.melBins else {
      throw SpectroError.invalidSpectrogram(
        "\(logMel.bins) mel bins where \(settings.melBins) belong")
    }
    // The exponential of more than 88 is no float.
    guard logMel.values.allSatisfy({ $0 < 80 }) else {
      throw SpectroError.invalidSpectrogram(
        "some values are not a number or too large for a logarithm of mel energy")
    }
  }

  /// `[frames, melBins]` to magnitudes in the STFT's unit, `[frames, fftSize / 2 + 1]`.
  private func magnitudes(
    fromMel melValues: UnsafeBufferPointer<Float>, iterations: Int
  ) -> Spectrogram {
    let (bins, melBins) = (mel.stft.bins, settings.melBins)
    let frames = melValues.count / melBins
    let (scale, power) = (Float(1 / mel.magnitudeScale), settings.power)
    let values = [Float](unsafeUninitializedCapacity: frames * bins) { output, count in
      let output = output.baseAddress
      forEachBlock(of: frames, size: STFT.blockSize, threads: mel.stft.threads) { block in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: bins + MelFilterBank.padding) {
          linear in
          let linear = linear.baseAddress.unsafelyUnwrapped
          for frame in block {
            let row = melValues.baseAddress.unsafelyUnwrapped + frame * melBins
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

  /// Moves the magnitudes of a packed spectrum towards those with this mel spectrum, and keeps the
  /// phases.
  private func impose(_ melValues: UnsafePointer<Float>, on scratch: RealFFT.Scratch) {
    let (stft, power) = (mel.stft, settings.power)
    stft.magnitudes(scratch, power: power, into: scratch.magnitudes)
    let scale = Float(pow(mel.magnitudeScale, power))
    withUnsafeTemporaryAllocation(of: Float.self, capacity: stft.bins + MelFilterBank.padding) {
      let gains = $0.baseAddress.unsafelyUnwrapped
      inverse.gains(scratch.magnitudes, scale: scale, toward: melValues, into: gains)
      if power == 2 {
        stft.fft.scale(scratch, byRootsOf: gains)
      } else {
        stft.fft.scale(scratch, by: gains)
      }
    }
  }
}
